"""Two speakers out of a few lines of code: vowels with their own pitch and throat, hisses, pauses with room tone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter, sosfilt

from avfusion.clip import Sound

VOWELS_HZ = ((730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480), (570, 840, 2410))


@dataclass(frozen=True)
class Talker:
    """pitch_hz: in the middle of the melody. throat: its resonances over those of an average man."""

    pitch_hz: float
    throat: float


LOW, HIGH = Talker(110, 1.0), Talker(200, 1.18)


def talk(talker: Talker, words: int, rate_hz: int = 16_000, seed: int = 0) -> NDArray[np.float64]:
    """[n]: about half a second for each word: a hiss, two vowels and a pause of 0.15 s."""
    dice = np.random.default_rng(seed)
    parts = []
    for _ in range(words):
        first, second = dice.choice(len(VOWELS_HZ), 2)
        melody = talker.pitch_hz * 2 ** (dice.normal(0, 0.08) + np.array([0.06, -0.06]))
        parts += [
            _hiss(dice, 0.08, rate_hz),
            _vowels(talker, (VOWELS_HZ[first], VOWELS_HZ[second]), melody, 0.3, rate_hz),
            np.zeros(round(0.15 * rate_hz)),
        ]
    sound = np.concatenate(parts)
    return np.asarray(sound + 1e-4 * dice.standard_normal(len(sound)))


def mono(samples: NDArray[np.float64], rate_hz: int = 16_000) -> Sound:
    return Sound(np.asarray(samples, np.float32)[None], rate_hz)


def _hiss(dice: np.random.Generator, length_s: float, rate_hz: int) -> NDArray[np.float64]:
    noise = dice.standard_normal(round(length_s * rate_hz))
    return np.asarray(0.04 * np.hanning(len(noise)) * lfilter([1, -0.9], [1], noise))


def _vowels(
    talker: Talker,
    vowels: tuple[tuple[int, ...], tuple[int, ...]],
    melody_hz: NDArray[np.float64],
    length_s: float,
    rate_hz: int,
) -> NDArray[np.float64]:
    """From one vowel to another: both throats on the same pulses, faded over."""
    count = round(length_s * rate_hz)
    turns = np.cumsum(np.linspace(*melody_hz, count)) / rate_hz
    pulses = (np.diff(np.floor(turns), prepend=0) > 0).astype(float)
    glottal = lfilter([1], [1, -0.96], pulses)
    towards = np.linspace(0, 1, count)
    both = [_throat(glottal, np.array(vowel) * talker.throat, rate_hz) for vowel in vowels]
    sound = (1 - towards) * both[0] + towards * both[1]
    return np.asarray(0.25 * sound / np.abs(sound).max() * np.minimum(1, 8 * np.hanning(count)))


def _throat(pulses: NDArray[np.float64], resonances_hz: NDArray[np.float64], rate_hz: int) -> NDArray[np.float64]:
    for resonance in (*resonances_hz, 3500.0):
        radius = np.exp(-np.pi * (60 + 0.03 * resonance) / rate_hz)
        poles = [1, -2 * radius * np.cos(2 * np.pi * resonance / rate_hz), radius**2]
        pulses = sosfilt([[sum(poles), 0, 0, *poles]], pulses)
    return pulses
