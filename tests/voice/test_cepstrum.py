"""Mel-cepstra are those of the definition, and give the envelope back."""

import numpy as np
import pytest
from scipy.integrate import trapezoid

from avfusion.voice.cepstrum import log_amplitude, mel_cepstra, warped

BINS = 513


def smooth_envelopes(count: int) -> np.ndarray:
    """Power spectra with a few broad hills."""
    dice = np.random.default_rng(3)
    angle = np.linspace(0, np.pi, BINS)
    log_power = sum(dice.normal(0, 2 / (1 + m), (count, 1)) * np.cos(m * angle) for m in range(12))
    return np.exp(log_power)


@pytest.mark.parametrize("alpha", [0.0, 0.31, 0.41, 0.554])
def test_they_are_the_cosine_series_on_the_warped_axis(alpha: float) -> None:
    power = smooth_envelopes(3)
    angle = np.linspace(0, np.pi, BINS)
    axis = warped(angle, alpha)
    for order in (0, 1, 5, 24):
        factor = (1 if order == 0 else 2) / np.pi
        by_hand = factor * trapezoid(0.5 * np.log(power) * np.cos(order * axis), axis, axis=1)
        assert np.allclose(mel_cepstra(power, 24, alpha)[:, order], by_hand, atol=2e-4)


def test_the_warped_axis_goes_from_end_to_end() -> None:
    axis = warped(np.linspace(0, np.pi, BINS), 0.41)
    assert axis[0] == 0
    assert axis[-1] == pytest.approx(np.pi)
    assert (np.diff(axis) > 0).all()
    # At 16 kHz, 0.41 follows the mel scale: half of the ear's way to 8 kHz is done before 2 kHz.
    assert axis[BINS // 4] > np.pi / 2 * 0.95


def test_envelope_and_cepstra_are_each_other_s_inverse() -> None:
    cepstra = np.random.default_rng(1).normal(0, 0.2, (4, 25))
    again = mel_cepstra(np.exp(2 * log_amplitude(cepstra, BINS, 0.41)), 24, 0.41)
    assert np.allclose(again, cepstra, atol=1e-9)
