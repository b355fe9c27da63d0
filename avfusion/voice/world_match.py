"""Frames of one speaker in the voice of another, without parallel recordings and without training.

1. The mean of the nearest target frames, each seen with its neighbours, gives a smooth course; its variance is set to
   the target's (global variance).
2. Real frames of the target are laid along it: near to the course and, where possible, in the order in which they were
   spoken, by a Viterbi search over target and join cost (Hunt and Black, ICASSP 1996). Course and frames are mixed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avfusion.voice.world_analysis import a_few
from avfusion.voice.world_speech import Speech
from avfusion.voice.world_units import MATCHED, SPEECH_DB, Units, manner_of

_NEAREST = 48
_CANDIDATES = 32
_SMOOTH_FRAMES = 9
_JOIN_WEIGHT = 1.0
# In units of distance: what it costs to take an unvoiced frame for a voiced one, or the other way round.
_VOICING_COST = 2.0
_ROWS = 512


@dataclass(frozen=True)
class Matching:
    """variance: the course's global variance over the target's. real: the share of real frames in the mix, 0..1."""

    variance: float = 1.1
    real: float = 0.5


def matched(source: Speech, units: Units, matching: Matching) -> NDArray[np.float64]:
    """[n, 41] mel-cepstra of the source's words in the target's voice; c0 without meaning."""
    described = manner_of([source], prior=units.manner).described(source)
    features = units.features_of(described)
    nearest, weights = nearest_units(features, units.features, _NEAREST)
    course = _smooth(_means(units.cepstra, nearest, weights))
    loud = source.within(SPEECH_DB)
    course[:, 1 : MATCHED + 1] = _with_variance(course[:, 1 : MATCHED + 1], loud, units, matching.variance)
    path = real_frames(course, nearest, source.f0_hz > 0, units)
    return (1 - matching.real) * course + matching.real * units.cepstra[path]


def nearest_units(
    wanted: NDArray[np.float32], units: NDArray[np.float32], count: int
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Of [n, d] and [m, d]: the nearest units [n, count] and weights [n, count] that sum to 1, by 1 / distance^2."""
    count = min(count, len(units))
    nearest = np.empty((len(wanted), count), np.intp)
    squared = np.empty((len(wanted), count))
    own = (units**2).sum(axis=1)
    for start in range(0, len(wanted), _ROWS):
        rows = slice(start, start + _ROWS)
        apart = own - 2 * wanted[rows] @ units.T
        near = np.argpartition(apart, count - 1, axis=1)[:, :count] if count < len(units) else np.argsort(apart, axis=1)
        nearest[rows] = near
        squared[rows] = np.take_along_axis(apart, near, axis=1) + (wanted[rows] ** 2).sum(axis=1)[:, None]
    weights = 1 / np.maximum(squared, 1e-6)
    return nearest, weights / weights.sum(axis=1, keepdims=True)


def real_frames(
    course: NDArray[np.float64], nearest: NDArray[np.intp], voiced: NDArray[np.bool_], units: Units
) -> NDArray[np.intp]:
    """[n]: for each frame of the course one of its `nearest` units [n, k], by target and join cost."""
    theirs = units.cepstra[:, 1 : MATCHED + 1]
    after = np.where(units.follows, np.arange(len(theirs)) + 1, np.arange(len(theirs)))
    cost = _distances(course[:, 1 : MATCHED + 1], theirs, nearest)
    cost += _VOICING_COST * (units.voiced[nearest] != voiced[:, None])
    order = np.argsort(cost, axis=1)[:, :_CANDIDATES]
    nearest, cost = np.take_along_axis(nearest, order, axis=1), np.take_along_axis(cost, order, axis=1)
    total = cost[0]
    came_from = np.zeros(nearest.shape, np.intp)
    for frame in range(1, len(cost)):
        expected = after[nearest[frame - 1]]
        here = theirs[nearest[frame]]
        join = _apart(theirs[expected], here)
        join[expected[:, None] == nearest[frame]] = 0.0
        sums = total[:, None] + _JOIN_WEIGHT * join
        came_from[frame] = sums.argmin(axis=0)
        total = sums.min(axis=0) + cost[frame]
    choice = int(total.argmin())
    path = np.empty(len(cost), np.intp)
    for frame in range(len(cost) - 1, -1, -1):
        path[frame] = nearest[frame, choice]
        choice = came_from[frame, choice]
    return path


def _means(
    cepstra: NDArray[np.float64], nearest: NDArray[np.intp], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """[n, 41]: of the units [m, 41] that are nearest [n, k], the means by their weights [n, k]."""
    out = np.empty((len(nearest), cepstra.shape[1]))
    for some in a_few(len(out)):
        out[some] = (cepstra[nearest[some]] * weights[some, :, None]).sum(axis=1)
    return out


def _distances(
    course: NDArray[np.float64], theirs: NDArray[np.float64], nearest: NDArray[np.intp]
) -> NDArray[np.float64]:
    """[n, k]: from each frame of the course [n, d] to those of theirs [m, d] that are nearest to it [n, k]."""
    out = np.empty(nearest.shape)
    for some in a_few(len(out)):
        out[some] = np.sqrt(((theirs[nearest[some]] - course[some, None]) ** 2).sum(axis=2))
    return out


def _apart(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    squared = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    return np.sqrt(np.maximum(squared, 0))


def _smooth(frames: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.ndimage import convolve1d

    window = np.hanning(_SMOOTH_FRAMES + 2)[1:-1]
    return np.asarray(convolve1d(frames, window / window.sum(), axis=0, mode="nearest"))


def _with_variance(
    course: NDArray[np.float64], loud: NDArray[np.bool_], units: Units, variance: float
) -> NDArray[np.float64]:
    """Drawn apart around its mean to the target's variance (Toda, Black and Tokuda, 2007); never pushed together."""
    mean = course[loud].mean(axis=0)
    wanted = np.sqrt(variance) * units.manner.deviation[1:]
    factor = np.clip(wanted / np.maximum(course[loud].std(axis=0), 1e-3), 1.0, 2.5)
    return mean + factor * (course - mean)
