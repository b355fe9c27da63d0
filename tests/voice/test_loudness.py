"""Loudness is that of BS.1770; a sound made as loud as another is, and does not peak too high."""

from pathlib import Path

import numpy as np
import pyloudnorm
import pytest
from numpy.typing import NDArray
from scipy.signal import resample_poly

from avfusion.media.store import BLOCK_SAMPLES, StoredSound, store
from avfusion.voice.loudness import Loudness, gain_between, limited, measure


def kept(path: Path, samples: NDArray[np.float64], rate_hz: int) -> StoredSound:
    return store(path, [samples.astype(np.float32)], channels=samples.shape[0], rate_hz=rate_hz)


def speech_like(channels: int, count: int, rate_hz: int) -> NDArray[np.float64]:
    """Noise that comes and goes, with a pause."""
    time = np.arange(count) / rate_hz
    envelope = np.abs(np.sin(2 * np.pi * 1.3 * time)) * (np.sin(0.7 * time) > -0.3)
    return np.asarray(0.2 * np.random.default_rng(channels).standard_normal((channels, count)) * envelope)


@pytest.mark.parametrize(("channels", "rate_hz"), [(1, 16000), (2, 44100), (1, 48000)])
def test_it_measures_what_pyloudnorm_measures(tmp_path: Path, channels: int, rate_hz: int) -> None:
    samples = speech_like(channels, 8 * rate_hz, rate_hz)
    theirs = pyloudnorm.Meter(rate_hz).integrated_loudness(samples.T)
    assert abs(measure(kept(tmp_path / "s", samples, rate_hz)).lufs - theirs) < 0.2


def test_true_peaks_lie_between_samples(tmp_path: Path) -> None:
    # A sine at a quarter of the rate, sampled beside its crests.
    samples = np.sin(np.pi / 2 * np.arange(48000) + np.pi / 4)[None]
    samples *= np.hanning(48000)
    assert abs(np.abs(samples).max() - 0.5**0.5) < 1e-3
    assert abs(measure(kept(tmp_path / "s", samples, 48000)).true_peak_db) < 0.1


def test_silence_has_no_loudness(tmp_path: Path) -> None:
    quiet = measure(kept(tmp_path / "s", np.zeros((1, 16000)), 16000))
    assert quiet.is_silent
    assert gain_between(quiet, Loudness(-20, -3)) == pytest.approx(10 ** (-50 / 20))
    assert gain_between(Loudness(-20, -3), quiet) == 1


def test_short_sounds_are_measured_too(tmp_path: Path) -> None:
    assert not measure(kept(tmp_path / "s", speech_like(1, 1600, 16000) + 0.1, 16000)).is_silent


def test_the_result_is_as_loud_as_the_source(tmp_path: Path) -> None:
    source = measure(kept(tmp_path / "a", speech_like(1, 64000, 16000), 16000))
    other = kept(tmp_path / "b", 0.2 * speech_like(1, 64000, 16000), 16000)
    gain = gain_between(source, measure(other))
    matched = store(tmp_path / "c", limited(other, gain), channels=1, rate_hz=16000)
    assert abs(measure(matched).lufs - source.lufs) < 0.2


def test_what_is_not_too_loud_is_only_multiplied(tmp_path: Path) -> None:
    samples = 0.1 * speech_like(2, BLOCK_SAMPLES + 5000, 16000)
    sound = kept(tmp_path / "s", samples, 16000)
    out = np.concatenate(list(limited(sound, 1.5)), axis=1)
    assert np.array_equal(out, sound.read() * np.float32(1.5))


def test_no_true_peak_above_the_ceiling_and_nothing_clicks(tmp_path: Path) -> None:
    count, rate_hz = 2 * BLOCK_SAMPLES + 1234, 16000
    time = np.arange(count) / rate_hz
    samples = (0.4 * np.sin(2 * np.pi * 220 * time))[None]
    samples[:, 30000:31000] *= 4
    samples[:, BLOCK_SAMPLES - 40 : BLOCK_SAMPLES + 40] *= 5
    sound = kept(tmp_path / "s", samples, rate_hz)
    out = np.concatenate(list(limited(sound, 1.0)), axis=1)
    assert out.shape == samples.shape
    fine = np.abs(resample_poly(out.astype(np.float64), 16, 1, axis=1)).max()
    assert 20 * np.log10(fine) < -0.9
    # The factor moves slowly: no step between neighbours.
    loud = np.abs(samples[0]) > 0.05
    factor = out[0][loud] / samples[0][loud]
    assert np.abs(np.diff(factor)).max() < 0.06
    assert np.allclose(factor[:100], 1)
