"""Band power: a tone is where it sounds and as strong as it is."""

import numpy as np
import pytest

from avfusion.clip import Sound
from avfusion.sounding.loudness import BANDS, band_power


def tone(hz: float, rate_hz: int, seconds: float, amplitude: float = 0.5, channels: int = 1) -> Sound:
    times = np.arange(round(rate_hz * seconds)) / rate_hz
    return Sound(np.tile((amplitude * np.sin(2 * np.pi * hz * times)).astype(np.float32), (channels, 1)), rate_hz)


@pytest.mark.parametrize("rate_hz", [8000, 16000, 44100, 48000])
def test_a_tone_is_in_its_band_at_any_rate(rate_hz: int) -> None:
    low = band_power(tone(300, rate_hz, 2), np.linspace(0, 2, 51))
    high = band_power(tone(2500, rate_hz, 2), np.linspace(0, 2, 51))
    assert low.shape == (BANDS, 50)
    assert low.dtype == np.float32
    assert low.mean(axis=1).argmax() < high.mean(axis=1).argmax()
    for power in (low, high):
        near = power.mean(axis=1)
        assert near[near.argsort()[-3:]].sum() > 0.95 * near.sum()


def test_twice_the_amplitude_is_four_times_the_power_and_channels_add_up() -> None:
    edges = np.linspace(0, 1, 26)
    once = band_power(tone(700, 16000, 1, 0.2), edges).sum()
    assert band_power(tone(700, 16000, 1, 0.4), edges).sum() == pytest.approx(4 * once, rel=1e-3)
    assert band_power(tone(700, 16000, 1, 0.2, channels=2), edges).sum() == pytest.approx(2 * once, rel=1e-3)


def test_what_the_sound_does_not_reach_is_silent() -> None:
    power = band_power(tone(700, 16000, 1), np.linspace(0, 3, 76)).sum(axis=0)
    assert power[5:20].min() > 0
    assert power[27:].max() == 0


def test_a_click_is_heard_in_its_own_moment() -> None:
    samples = np.zeros((1, 32000), np.float32)
    samples[0, 16000 + 320] = 1
    power = band_power(Sound(samples, 16000), np.arange(51) / 25).sum(axis=0)
    assert power.argmax() == 25
    assert power[:24].max() == power[27:].max() == 0


def test_more_moments_than_spectra_leave_no_hole() -> None:
    power = band_power(tone(700, 16000, 1), np.linspace(0, 1, 241)).sum(axis=0)
    assert power[5:-5].min() > 0.5 * np.median(power)


def test_no_sound_at_all_is_silent() -> None:
    assert not band_power(Sound(np.zeros((1, 0), np.float32), 16000), np.linspace(0, 1, 26)).any()
