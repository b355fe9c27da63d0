"""Mel-cepstra: a spectral envelope as a few numbers, spaced as the ear spaces pitch.

The mel-cepstrum of an envelope |H| is the c of  ln|H(w)| = sum_m c[m] cos(m w'),  with the first-order all-pass warp
w' = w + 2 atan(alpha sin w / (1 - alpha cos w))  (Tokuda et al., "Mel-generalized cepstral analysis", ICSLP 1994;
the frequency transformation is Oppenheim and Johnson's, 1972).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.float64]
"""float64 [frames, values]."""


def mel_cepstra(power: Frames, order: int, alpha: float) -> Frames:
    """[frames, order + 1] mel-cepstra of power spectra [frames, bins], bins from 0 to half the rate."""
    log_power = np.log(np.maximum(power, 1e-30))
    cepstra = np.fft.irfft(log_power, axis=1)[:, : power.shape[1]]
    cepstra[:, 0] /= 2
    cepstra[:, -1] /= 2
    return cepstra @ _warp(power.shape[1] - 1, order, alpha).T


def log_amplitude(cepstra: Frames, bins: int, alpha: float) -> Frames:
    """[frames, bins] natural logarithm of |H| at evenly spaced frequencies from 0 to half the rate."""
    return cepstra @ cosines(cepstra.shape[1] - 1, bins, alpha)


@lru_cache(maxsize=16)
def cosines(order: int, bins: int, alpha: float) -> Frames:
    """[order + 1, bins]: cos(m w') at evenly spaced w from 0 to pi."""
    place = np.linspace(0, np.pi, bins)
    table = np.cos(np.arange(order + 1)[:, None] * warped(place, alpha))
    table.flags.writeable = False
    return np.asarray(table)


def warped(angle: NDArray[np.float64], alpha: float) -> NDArray[np.float64]:
    """Angles in 0..pi after the all-pass of `alpha`."""
    return np.asarray(angle + 2 * np.arctan2(alpha * np.sin(angle), 1 - alpha * np.cos(angle)))


@lru_cache(maxsize=16)
def _warp(order_in: int, order_out: int, alpha: float) -> Frames:
    """[order_out + 1, order_in + 1]: the matrix that takes cepstra to mel-cepstra.

    With the warped delay w^-1 = (z^-1 - alpha) / (1 - alpha z^-1), column n is the series of z^-n in powers of w^-1:
    that of ((w^-1 + alpha) / (1 + alpha w^-1))^n, the column before it filtered once more.
    """
    from scipy.signal import lfilter

    table = np.zeros((order_out + 1, order_in + 1))
    column = np.zeros(order_out + 1)
    column[0] = 1.0
    for n in range(order_in + 1):
        table[:, n] = column
        column = lfilter([alpha, 1.0], [1.0, alpha], column)
    table.flags.writeable = False
    return table
