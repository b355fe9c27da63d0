"""How far places of the picture move with a sound, and whether by more than chance.

Mutual information of loudness and local motion as J. Hershey and J. Movellan have it ("Audio-Vision: Using Audio-Visual
Synchrony to Locate Sounds", NIPS 1999): under a joint Gaussian it is -1/2 log(1 - r^2) for a correlation r. Chance is
learnt from the same two recordings, the sound turned round in time by all that is more than a moment.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

Floats = NDArray[np.float32]

_EULER = 0.5772156649


@dataclass(frozen=True)
class EvidenceSettings:
    """smooth_s: sigma of the smoothing in time. spread_cells: sigma of that in the picture. lag_s: so far sound and
    picture may lie apart. apart_s: turned by less, the sound still resembles itself. gate: a place moves if its energy
    varies by so many times the usual. top_cells: so many of the best places must agree."""

    smooth_s: float = 0.05
    spread_cells: float = 0.7
    lag_s: float = 0.13
    apart_s: float = 0.8
    gate: float = 1.5
    top_cells: int = 10


@dataclass(frozen=True, eq=False)
class Evidence:
    """correlation: float32 [rows, columns] in 0..1, with the best lag, 0 where nothing moves. strength: that of the
    best places together. surprise: by how many deviations it is more than chance gives. chance: the probability that
    chance gives as much."""

    correlation: Floats
    strength: float
    surprise: float
    chance: float

    @property
    def information(self) -> Floats:
        """Nats of mutual information, float32 [rows, columns]."""
        return np.asarray(-0.5 * np.log1p(-(np.minimum(self.correlation, 0.999) ** 2)), np.float32)


def weigh(loudness: Floats, energy: Floats, rate_hz: float, settings: EvidenceSettings) -> Evidence | None:
    """loudness: float32 [n]; energy: float32 [n, rows, columns]; n moments a 1/rate_hz. None where too few of them."""
    count = len(energy)
    lags = int(np.ceil(settings.lag_s * rate_hz))
    apart = max(lags + 1, round(settings.apart_s * rate_hz))
    if count < 4 * apart or loudness.std() < 1e-9:
        return None
    turned = _turned_correlation(loudness, energy, settings.smooth_s * rate_hz)
    turned *= moving(energy, settings.gate)[..., None]
    spread = np.stack(
        [cv2.GaussianBlur(turned[..., at], (0, 0), settings.spread_cells) for at in range(count)], axis=-1
    )
    best = np.max([np.roll(spread, -lag, axis=-1) for lag in range(-lags, lags + 1)], axis=0)
    tops = np.sort(best.reshape(-1, count), axis=0)[-settings.top_cells :].mean(axis=0)
    by_chance = np.arctanh(np.clip(tops[apart : count - apart + 1], -0.999, 0.999))
    surprise = float((np.arctanh(min(tops[0], 0.999)) - by_chance.mean()) / max(by_chance.std(), 1e-6))
    return Evidence(np.clip(best[..., 0], 0, 1), float(tops[0]), surprise, _beyond(surprise))


def moving(energy: Floats, gate: float) -> NDArray[np.bool_]:
    """bool [rows, columns]: where energy varies by more than `gate` times the usual."""
    varies = energy.std(axis=0)
    return np.asarray(varies > max(gate * float(np.median(varies)), 1e-3))


def _turned_correlation(loudness: Floats, energy: Floats, sigma: float) -> Floats:
    """float32 [rows, columns, n]: correlation with the loudness turned round by 0, 1, ... n - 1 moments."""
    count, rows, columns = energy.shape
    sound = np.fft.rfft(_standard(loudness, sigma))
    cells = np.fft.rfft(_standard(energy.reshape(count, -1).T, sigma))
    turned = np.fft.irfft(cells * np.conj(sound), n=count) / count
    return np.asarray(turned.reshape(rows, columns, count), np.float32)


def _standard(series: Floats, sigma: float) -> Floats:
    """[..., n] smoothed, of mean 0 and deviation 1."""
    smooth = gaussian_filter1d(np.asarray(series, np.float32), max(sigma, 1e-3), axis=-1, mode="nearest")
    smooth = smooth - smooth.mean(axis=-1, keepdims=True)
    return np.asarray(smooth / np.maximum(smooth.std(axis=-1, keepdims=True), 1e-6), np.float32)


def _beyond(surprise: float) -> float:
    """The share of a Gumbel distribution, that of the largest of many, beyond so many deviations."""
    return float(-np.expm1(-np.exp(-(np.pi / np.sqrt(6) * surprise + _EULER))))
