"""Eight made timbres: notes at given onsets, each unlike the others in spectrum or in course."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Samples: TypeAlias = NDArray[np.float32]
Floats: TypeAlias = NDArray[np.float64]

_ATTACK_S = 0.01
_DECAY_S = 0.12
# After six time constants a note has fallen by 52 dB.
_NOTE_S = 0.75
# The highest partial, below half of the lowest rate in use (16 kHz).
_HIGHEST_HZ = 7000.0
# Rough resonances (Hz) of an open, a front and a back vowel.
_FORMANTS_HZ = ((750.0, 1250.0, 2500.0), (350.0, 2100.0, 2900.0), (400.0, 850.0, 2400.0))


@dataclass(frozen=True)
class Timbre:
    """verb: what it is called in a sentence. pitch_hz: between which a source's pitch is drawn.

    wave: (seconds after the onset [n], pitch in Hz, random numbers) -> the note without its envelope [n]. varies: no
    two notes of a pitch are alike; of the others one is made and sounds again and again.
    """

    verb: str
    pitch_hz: tuple[float, float]
    wave: Callable[[Floats, float, np.random.Generator], Floats]
    varies: bool = False


def _partials(times_s: Floats, pitch_hz: float, numbers: range, phases: Floats) -> Floats:
    audible = [k for k in numbers if k * pitch_hz < _HIGHEST_HZ]
    return sum(
        (np.sin(2 * np.pi * k * pitch_hz * times_s + phases[k]) / k for k in audible), start=np.zeros_like(times_s)
    )


def _saw(times_s: Floats, pitch_hz: float, random: np.random.Generator) -> Floats:
    return _partials(times_s, pitch_hz, range(1, 30), np.zeros(30))


def _hollow(times_s: Floats, pitch_hz: float, random: np.random.Generator) -> Floats:
    return _partials(times_s, pitch_hz, range(1, 30, 2), np.zeros(30))


def _bell(times_s: Floats, pitch_hz: float, random: np.random.Generator) -> Floats:
    """Frequency modulation in an inharmonic ratio whose depth decays, as Chowning (1973) makes bells."""
    depth = 3.0 * np.exp(-times_s / 0.1)
    return np.sin(2 * np.pi * pitch_hz * times_s + depth * np.sin(2 * np.pi * 1.4 * pitch_hz * times_s))


def _hiss(times_s: Floats, pitch_hz: float, random: np.random.Generator) -> Floats:
    return _band(random.standard_normal(len(times_s)), times_s, 0.8 * pitch_hz, 1.25 * pitch_hz)


def _chirp(times_s: Floats, pitch_hz: float, random: np.random.Generator) -> Floats:
    """Three times as high at the end of its sixth of a second, and then from the start again."""
    sweep_s = 1 / 6
    within_s = times_s % sweep_s
    return np.sin(2 * np.pi * pitch_hz * (within_s + within_s**2 / sweep_s))


def _pulses(times_s: Floats, pitch_hz: float, random: np.random.Generator) -> Floats:
    """Clicks, few enough to be told apart, each a short ringing."""
    since_s = times_s % (1 / pitch_hz)
    return np.exp(-since_s / 0.003) * np.sin(2 * np.pi * 1800.0 * since_s)


def _drone(times_s: Floats, pitch_hz: float, random: np.random.Generator) -> Floats:
    beating = 0.5 - 0.5 * np.cos(2 * np.pi * 25.0 * times_s)
    return beating * _partials(times_s, pitch_hz, range(1, 5), random.uniform(0, 2 * np.pi, 5))


def _voice(times_s: Floats, pitch_hz: float, random: np.random.Generator) -> Floats:
    """Noise in bursts of the voice's pitch through one vowel's formants."""
    bursts = random.standard_normal(len(times_s)) * (0.5 + 0.5 * np.cos(2 * np.pi * pitch_hz * times_s)) ** 2
    formants = _FORMANTS_HZ[int(random.integers(len(_FORMANTS_HZ)))]
    parts = [_band(bursts, times_s, 0.88 * hz, 1.12 * hz) / (1 + place) for place, hz in enumerate(formants)]
    return np.sum(parts, axis=0)


def _band(wave: Floats, times_s: Floats, low_hz: float, high_hz: float) -> Floats:
    """What lies between two frequencies, with soft edges: a Gaussian on a logarithmic scale, 0.6 high at both."""
    frequency_hz = np.fft.rfftfreq(len(wave), times_s[1] - times_s[0])
    middle_hz, half_width = np.sqrt(low_hz * high_hz), np.log(high_hz / low_hz) / 2
    away = np.log(np.maximum(frequency_hz, 1.0) / middle_hz) / half_width
    return np.fft.irfft(np.fft.rfft(wave) * np.exp(-0.5 * away**2), n=len(wave))


TIMBRES = {
    "saw": Timbre("buzzes", (200, 320), _saw),
    "hollow": Timbre("honks", (330, 480), _hollow),
    "bell": Timbre("rings", (650, 950), _bell),
    "hiss": Timbre("hisses", (3500, 5000), _hiss, varies=True),
    "chirp": Timbre("chirps", (900, 1300), _chirp),
    "pulses": Timbre("rattles", (35, 55), _pulses),
    "drone": Timbre("hums", (85, 125), _drone, varies=True),
    "voice": Timbre("babbles", (110, 220), _voice, varies=True),
}


def envelope(onsets_s: Floats, strengths: Floats, *, samples: int, rate_hz: int) -> Samples:
    """float32 [samples] in 0..1: 10 ms of rise at each onset (s), then a decay of 0.12 s; the strongest note counts."""
    out = np.zeros(samples)
    for start, strength, times_s in _notes(onsets_s, strengths, samples, rate_hz):
        here = out[start : start + len(times_s)]
        np.maximum(here, strength * _course(times_s), out=here)
    return out.astype(np.float32)


def play(
    timbre: str, onsets_s: Floats, strengths: Floats, *, samples: int, rate_hz: int, random: np.random.Generator
) -> Samples:
    """float32 [samples]: a note at each onset (s), one pitch for all; a note of strength 1 has an RMS of 1 at its peak.

    Notes add up. What would ring on after the end is cut off.
    """
    made = TIMBRES[timbre]
    pitch_hz = float(random.uniform(*made.pitch_hz))
    out = np.zeros(samples)
    whole_s = np.arange(round(_NOTE_S * rate_hz)) / rate_hz
    course = _course(whole_s)
    note: Floats | None = None
    for start, strength, times_s in _notes(onsets_s, strengths, samples, rate_hz):
        if note is None or made.varies:
            wave = made.wave(whole_s, pitch_hz, random)
            note = wave / np.sqrt(np.mean(wave**2)) * course
        out[start : start + len(times_s)] += strength * note[: len(times_s)]
    return out.astype(np.float32)


def _notes(onsets_s: Floats, strengths: Floats, samples: int, rate_hz: int) -> list[tuple[int, float, Floats]]:
    """(first sample, strength, seconds since the onset [n]) of the notes that begin within the samples."""
    starts = np.round(onsets_s * rate_hz).astype(int)
    length = round(_NOTE_S * rate_hz)
    return [
        (int(start), float(strength), np.arange(min(length, samples - start)) / rate_hz)
        for start, strength in zip(starts, strengths, strict=True)
        if 0 <= start < samples
    ]


def _course(times_s: Floats) -> Floats:
    return np.where(times_s < _ATTACK_S, times_s / _ATTACK_S, np.exp(-(times_s - _ATTACK_S) / _DECAY_S))
