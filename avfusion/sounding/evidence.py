"""How far places of the picture move with a sound, and whether by more than chance.

Mutual information of loudness and local motion as J. Hershey and J. Movellan have it ("Audio-Vision: Using Audio-Visual
Synchrony to Locate Sounds", NIPS 1999): under a joint Gaussian it is -1/2 log(1 - r^2) for a correlation r. What chance
gives is learnt from the same two recordings, the sound turned round in time by all that is more than a moment, and
from how long each of them remembers itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, gaussian_filter1d, label

Floats = NDArray[np.float32]

_CERTAIN = 0.999


@dataclass(frozen=True)
class EvidenceSettings:
    """smooth_s: sigma of the smoothing in time. trend_s: sigma of the slow course that is taken out: what swells over
    seconds, as light and crowds do, goes together by chance too often. spread_cells: sigma of the smoothing in the
    picture. lag_s: so far sound and picture may lie apart. apart_s: turned by less, the sound still resembles itself.
    gate: a place moves if its energy varies by so many times what most of the picture's quiet half does. top_cells: so
    many of the best places must agree. region: what has at least this share of the best place's information and hangs
    together with it is one region."""

    smooth_s: float = 0.05
    trend_s: float = 0.5
    spread_cells: float = 0.7
    lag_s: float = 0.12
    apart_s: float = 0.8
    gate: float = 1.5
    top_cells: int = 10
    region: float = 0.5


@dataclass(frozen=True, eq=False)
class Places:
    """The motion of all places of one window, ready to be compared.

    standard: float32 [rows, columns, n]; moving: bool [rows, columns], where anything moves at all.
    """

    standard: Floats
    moving: NDArray[np.bool_]
    rate_hz: float


@dataclass(frozen=True, eq=False)
class Evidence:
    """What one sound says of where it comes from.

    information: nats, float32 [rows, columns], with the best lag, 0 where nothing moves. region: bool [rows, columns],
    the best place and what hangs together with it; peak: row and column of that place. strength: the correlation of the
    best places. surprise: by how many deviations it is more than the turned sound gives anywhere. weight: how
    many deviations it is from what two unrelated series of such memories have.
    """

    information: Floats
    region: NDArray[np.bool_]
    peak: tuple[int, int]
    strength: float
    surprise: float
    weight: float


def places_of(energy: Floats, rate_hz: float, settings: EvidenceSettings) -> Places:
    """energy: float32 [n, rows, columns], n moments a 1/rate_hz."""
    varies = energy.std(axis=0)
    moving = varies > max(settings.gate * float(np.median(varies)), 1e-3)
    standard = standardised(np.moveaxis(energy, 0, -1), rate_hz, settings)
    return Places(standard, moving, rate_hz)


def weigh(course: Floats, places: Places, settings: EvidenceSettings) -> Evidence | None:
    """course: float32 [n], how strong the sound is. None where there are too few moments, or nothing to compare."""
    count = len(course)
    lags = round(settings.lag_s * places.rate_hz)
    apart = max(lags + 1, round(settings.apart_s * places.rate_hz))
    if count < 4 * apart or not places.moving.any() or float(np.ptp(course)) < 1e-9:
        return None
    sound = standardised(course, places.rate_hz, settings)
    best = _best_lag(_turned(sound, places, settings.spread_cells), lags)
    tops = np.sort(best.reshape(-1, count), axis=0)[-settings.top_cells :].mean(axis=0)
    by_chance = np.arctanh(np.clip(tops[apart : count - apart + 1], -_CERTAIN, _CERTAIN))
    strength = float(np.clip(tops[0], 0, _CERTAIN))
    surprise = (np.arctanh(strength) - by_chance.mean()) / max(float(by_chance.std()), 1e-3)
    information = np.asarray(-0.5 * np.log1p(-(np.clip(best[..., 0], 0, _CERTAIN) ** 2)), np.float32)
    row, column = np.unravel_index(int(information.argmax()), information.shape)
    region = _hanging_together(information >= settings.region * information.max(), (int(row), int(column)))
    weight = np.arctanh(strength) / spread_of_chance(sound, places.standard[region].mean(axis=0))
    return Evidence(information, region, (int(row), int(column)), strength, float(surprise), float(weight))


def standardised(series: Floats, rate_hz: float, settings: EvidenceSettings) -> Floats:
    """[..., n] smoothed, without its slow course, of mean 0 and deviation 1."""
    fine = gaussian_filter1d(np.asarray(series, np.float32), settings.smooth_s * rate_hz, axis=-1, mode="nearest")
    quick = fine - gaussian_filter1d(fine, settings.trend_s * rate_hz, axis=-1, mode="nearest")
    quick -= quick.mean(axis=-1, keepdims=True)
    return np.asarray(quick / np.maximum(quick.std(axis=-1, keepdims=True), 1e-6), np.float32)


def spread_of_chance(one: Floats, other: Floats) -> float:
    """The standard deviation of the correlation of two unrelated series [n], each with its own memory (M. Bartlett,
    "Some Aspects of the Time-Correlation Problem in Regard to Tests of Significance", JRSS 1935)."""
    count = len(one)
    shared = _memory(one) * _memory(other)
    return float(np.sqrt(max(1 + 2 * float(shared[1:].sum()), 0.2) / count))


def _memory(series: Floats) -> Floats:
    """Autocorrelation at lags up to a third of the series' length."""
    count = len(series)
    apart = (series - series.mean()) / max(float(series.std()), 1e-6)
    power = np.abs(np.fft.rfft(apart, 2 * count)) ** 2
    return np.asarray(np.fft.irfft(power)[: count // 3] / count, np.float32)


def _turned(sound: Floats, places: Places, spread_cells: float) -> Floats:
    """float32 [rows, columns, n]: correlation with the sound turned round by 0, 1, ... n - 1 moments."""
    count = len(sound)
    products = np.fft.rfft(places.standard) * np.conj(np.fft.rfft(sound))
    turned = np.asarray(np.fft.irfft(products, n=count) / count, np.float32) * places.moving[..., None]
    return np.asarray(gaussian_filter(turned, (spread_cells, spread_cells, 0)), np.float32)


def _best_lag(turned: Floats, lags: int) -> Floats:
    best = turned.copy()
    for lag in (*range(-lags, 0), *range(1, lags + 1)):
        np.maximum(best, np.roll(turned, -lag, axis=-1), out=best)
    return best


def _hanging_together(mask: NDArray[np.bool_], place: tuple[int, int]) -> NDArray[np.bool_]:
    parts, _ = label(mask)
    return np.asarray(parts == parts[place])
