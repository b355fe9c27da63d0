"""Pauses keep their samples, speech is the converted one, and nothing clicks between them."""

import numpy as np
import pytest

from avfusion.clip import Sound
from avfusion.voice.pauses import keep_pauses

RATE_HZ = 16000


def speech(seconds: float, level: float, seed: int) -> np.ndarray:
    return (level * np.random.default_rng(seed).standard_normal((1, round(seconds * RATE_HZ)))).astype(np.float32)


def both(*parts: tuple[float, float]) -> tuple[Sound, Sound]:
    """(converted, source) of stretches (seconds, level of the source); the converted one is loud throughout."""
    source = np.concatenate([speech(seconds, level, seed) for seed, (seconds, level) in enumerate(parts)], axis=1)
    converted = speech(source.shape[1] / RATE_HZ, 0.1, 99)
    return Sound(converted, RATE_HZ), Sound(source, RATE_HZ)


def test_pauses_are_the_sources_and_speech_is_not() -> None:
    converted, source = both((0.5, 0.1), (0.5, 2e-4), (0.5, 0.1), (0.5, 0.0))
    out = keep_pauses(converted, source).samples
    for start in (8000, 24000):
        inner = slice(start + 1000, start + 7000)
        assert np.array_equal(out[:, inner], source.samples[:, inner])
    for start in (0, 16000):
        inner = slice(start, start + 8000)
        assert np.array_equal(out[:, inner], converted.samples[:, inner])
    assert np.array_equal(out[:, -6000:], source.samples[:, -6000:])


def test_short_gaps_and_noisy_places_are_speech() -> None:
    for converted, source in (both((0.5, 0.1), (0.08, 0.0), (0.5, 0.1)), both((0.5, 0.1), (0.5, 0.01), (0.5, 0.1))):
        assert np.array_equal(keep_pauses(converted, source).samples, converted.samples)


def test_it_fades() -> None:
    _, source = both((0.5, 0.1), (0.5, 0.0), (0.5, 0.1))
    ones = Sound(np.ones_like(source.samples), RATE_HZ)
    share = keep_pauses(ones, Sound(source.samples * 1e-9, RATE_HZ)).samples  # all of it is a pause
    assert np.abs(share).max() < 1e-6
    share = (keep_pauses(ones, source).samples - source.samples)[0, 8200:15800]
    assert np.abs(np.diff(share)).max() < 0.005


@pytest.mark.parametrize("count", [0, 1, 100, 1600])
def test_any_length(count: int) -> None:
    silence = Sound(np.zeros((2, count), np.float32), 44100)
    loud = Sound(np.ones((2, count), np.float32), 44100)
    assert np.array_equal(keep_pauses(loud, silence).samples, silence.samples)
    assert np.array_equal(keep_pauses(silence, loud).samples, silence.samples)
