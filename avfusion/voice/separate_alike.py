"""Moments of a spectrogram that are like each other, and what is usual at moments like these."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Picture: TypeAlias = NDArray[np.float32]
"""float32 [bins, moments], magnitudes, or shares or weights of them."""

# How many moments are alike, how far away they are at least, over how much sound they are compared, and up to where.
_COUNT, _APART_S, _CONTEXT_S = 30, 1.0, 2.4
_COMPARED_HZ = 8000.0
# The most alike count most: a moment twice as unlike as the best one counts 2^4 times less.
_STRICT = 4
# What comes back for a moment may do so by chance: so many moments are a quarter of a second.
_LIKEST = 16


def alike(loud: Picture, weight: Picture, *, per_s: float, bin_hz: float) -> Any:
    """Sparse [moments, moments]: for each row the moments most like it, and how much each of them counts."""
    from scipy.sparse import csr_array

    near, count = _likeness(loud, weight, per_s=per_s, bin_hz=bin_hz), loud.shape[1]
    found = min(_COUNT, count - 1)
    columns = np.argpartition(-near, found, axis=1)[:, :found]
    unlike = 1.001 - np.take_along_axis(near, columns, axis=1)
    counts = (unlike.min(axis=1, keepdims=True) / unlike) ** _STRICT
    rows = np.arange(0, found * count + 1, found)
    return csr_array((counts.astype(np.float32).ravel(), columns.ravel(), rows), shape=(count, count))


def repetition(loud: Picture, counts: NDArray[np.bool_], *, per_s: float, bin_hz: float) -> float:
    """0..1: how much the moments that count come back, the middle one of them. counts: bool [moments]."""
    near = _likeness(loud, np.ones_like(loud), per_s=per_s, bin_hz=bin_hz)
    if not counts.any() or len(near) <= _LIKEST:
        return 0.0
    return float(np.median(np.partition(near[counts], -_LIKEST, axis=1)[:, -_LIKEST]))


def _likeness(loud: Picture, weight: Picture, *, per_s: float, bin_hz: float) -> NDArray[np.float64]:
    """[moments, moments] in 0..1, -1 for neighbours: cosine of the roots of magnitudes over the 2.4 s around both
    moments, each bin weighted by what it counts at both: music repeats with what comes before and after, where voice
    does so by chance."""
    bins, count = int(_COMPARED_HZ / bin_hz) + 1, loud.shape[1]
    roots, weight = np.sqrt(loud[:bins]), weight[:bins]
    reach = round(_CONTEXT_S * per_s / 2)
    size = _along_diagonals((weight * loud[:bins]).T @ weight, reach)
    both = _along_diagonals((weight * roots).T @ (weight * roots), reach)
    near = both / np.sqrt(np.maximum(size * size.T, 1e-12))
    places = np.arange(count)
    near[np.abs(places[:, None] - places) < _APART_S * per_s] = -1
    return near


def usual(loud: Picture, weight: Picture, like: Any, power: float) -> Picture:
    """[bins, moments]: the weighted power mean of `loud` over the moments that are like each one."""
    least = 1e-4 * loud.max()
    total = like @ (weight * (loud + least) ** power).T
    mean = total / np.maximum(like @ weight.T, 1e-9)
    return np.asarray(np.maximum(mean ** (1 / power) - least, 0).T, np.float32)


def _along_diagonals(table: NDArray[np.floating], reach: int) -> NDArray[np.float64]:
    """[n, n]: the sum of each value and of the `reach` before and after it on its diagonal."""
    sums = np.pad(table.astype(np.float64), ((reach + 1, reach), (reach + 1, reach)))
    for row in range(1, len(sums)):
        sums[row, 1:] += sums[row - 1, :-1]
    span = 2 * reach + 1
    return np.asarray(sums[span:, span:] - sums[:-span, :-span])
