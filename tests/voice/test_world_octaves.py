"""world-knn is not led astray by octave errors, and pitch and resonances move apart from each other."""

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import lfilter

from avfusion.voice import Reference
from avfusion.voice.world import WorldKnn, WorldSettings
from avfusion.voice.world_pitch import WIDE_HZ, _praat, track
from tests.voice.talking import HIGH, LOW, VOWELS_HZ, _throat, mono, talk

RATE = 16_000
STEPS = np.arange(-8, 9) / 2
"""By how many semitones resonances may be found to have moved."""


def creaky() -> NDArray[np.float64]:
    """Ten vowels of 0.4 s at 190 Hz with pauses. Of every third one each second pulse is late and weak, as in creaky
    voice: its period is twice as long as that of the pitch that is heard."""
    parts = []
    for word in range(10):
        pulses = np.zeros(round(0.4 * RATE))
        for number, place in enumerate(np.arange(0, pulses.size - 20, RATE / 190)):
            is_odd = word % 3 == 2 and number % 2
            pulses[round(place) + (8 if is_odd else 0)] = 0.55 if is_odd else 1.0
        vowel = _throat(lfilter([1], [1, -0.96], pulses), np.array(VOWELS_HZ[word % len(VOWELS_HZ)]) * 1.1, RATE)
        parts += [0.25 * vowel / np.abs(vowel).max() * np.minimum(1, 8 * np.hanning(pulses.size)), np.zeros(1_600)]
    sound = np.concatenate(parts)
    return sound + 1e-4 * np.random.default_rng(0).standard_normal(sound.size)


@cache
def said(semitones: float = 0.0, formants: float = 0.0) -> NDArray[np.float64]:
    """LOW in HIGH's voice at a pitch so much above its own."""
    engine = WorldKnn(WorldSettings(transpose=False, formant_semitones=formants))
    target = Reference((mono(talk(HIGH, 8, seed=5)),))
    return engine.convert(mono(talk(LOW, 4)), target, semitones=semitones).samples[0].astype(np.float64)


def middle_hz(samples: NDArray[np.float64]) -> float:
    found = track(samples, RATE)
    return float(np.median(found[found > 0]))


def envelope(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean logarithm of the spectrum over loud moments, at 0, 10, 20, ... Hz, without the harmonics."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, 1600)[::160] * np.hanning(1600)
    loud = frames[(frames**2).mean(axis=1) > 0.1 * (frames**2).mean(axis=1).max()]
    power = (np.abs(np.fft.rfft(loud)) ** 2).mean(axis=0)
    return np.log(np.convolve(power, np.hanning(45), mode="same"))


def resonances_moved_by(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Semitones by which the envelope of one must be stretched to be that of the other, between 300 and 4000 Hz."""
    hz = np.arange(30, 401)
    first, second = envelope(one), envelope(other)[hz]
    fits = [np.corrcoef(np.interp(hz / 2 ** (step / 12), np.arange(first.size), first), second)[0, 1] for step in STEPS]
    return float(STEPS[int(np.argmax(fits))])


def test_a_creaky_target_keeps_its_pitch() -> None:
    target = creaky()
    rough = _praat(target, RATE, len(target) * 200 // RATE + 1, WIDE_HZ)
    halved = (rough > 80) & (rough < 115)
    assert halved.sum() > 0.1 * (rough > 0).sum(), "the test's own voice leads nobody astray"
    found = track(target, RATE)
    assert np.abs(12 * np.log2(found[found > 0] / 190)).max() < 2
    result = WorldKnn().convert(mono(talk(LOW, 4)), Reference((mono(target),))).samples[0].astype(np.float64)
    assert middle_hz(result) == pytest.approx(190, rel=0.05)


def test_a_creaky_source_does_not_jump() -> None:
    target = Reference((mono(talk(HIGH, 8, seed=5)),))
    result = WorldKnn().convert(mono(creaky()), target).samples[0].astype(np.float64)
    goal_hz = middle_hz(talk(HIGH, 8, seed=5))
    assert middle_hz(result) == pytest.approx(goal_hz, rel=0.05)
    found = track(result, RATE)
    assert np.abs(12 * np.log2(found[found > 0] / goal_hz)).max() < 6


def test_twelve_semitones_are_twice_the_pitch_in_the_same_throat() -> None:
    assert middle_hz(said(semitones=12)) == pytest.approx(2 * middle_hz(said()), rel=0.02)
    assert abs(resonances_moved_by(said(), said(semitones=12))) <= 0.5


@pytest.mark.parametrize("formants", [2.0, -3.0])
def test_formants_move_and_the_pitch_stays(formants: float) -> None:
    assert middle_hz(said(formants=formants)) == pytest.approx(middle_hz(said()), rel=0.01)
    assert resonances_moved_by(said(), said(formants=formants)) == pytest.approx(formants, abs=0.5)
