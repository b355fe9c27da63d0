"""Video object segmentation scores of the DAVIS benchmark.

Source of the definitions: F. Perazzi et al., "A Benchmark Dataset and Evaluation Methodology for Video Object
Segmentation", CVPR 2016, section 4: region similarity J is the intersection over union of two masks, contour accuracy
F the harmonic mean of precision and recall of boundary pixels matched within a small distance. A sequence is summed up
by the mean, the recall (share of frames above 0.5) and the decay (first quarter's mean less the last quarter's).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Mask
from avfusion.errors import MaskSizeMismatch

DAVIS_TOLERANCE = 0.008
"""How far apart two boundary pixels may lie and still match, as a share of the picture's diagonal."""

RECALL_ABOVE = 0.5


@dataclass(frozen=True)
class Statistics:
    """One measure over a sequence: `mean`, `recall` in 0..1, and `decay` (positive = it gets worse over time)."""

    mean: float
    recall: float
    decay: float


@dataclass(frozen=True, eq=False)
class SequenceScore:
    """J and F over the scored frames of one object.

    j_per_frame, f_per_frame: float64 [frames], without the first and last frame of the sequence.
    """

    j: Statistics
    f: Statistics
    j_per_frame: NDArray[np.float64]
    f_per_frame: NDArray[np.float64]

    @property
    def mean(self) -> float:
        """The mean of J and F, by which DAVIS ranks."""
        return (self.j.mean + self.f.mean) / 2


def region_similarity(prediction: Mask, truth: Mask) -> float:
    """J: intersection over union of two masks bool [H, W]. Two empty masks are alike: 1.

    Raises MaskSizeMismatch.
    """
    _check_sizes(prediction, truth)
    union = np.count_nonzero(prediction | truth)
    if union == 0:
        return 1.0
    return np.count_nonzero(prediction & truth) / union


def boundary_f(prediction: Mask, truth: Mask, *, tolerance: float = DAVIS_TOLERANCE) -> float:
    """F: how well the boundaries of two masks bool [H, W] lie on each other.

    A boundary pixel is matched when the other boundary comes within `tolerance` x diagonal, rounded up to whole pixels
    (a tolerance of 1 or more is a radius in pixels). Two empty boundaries are alike: 1. Raises MaskSizeMismatch.
    """
    _check_sizes(prediction, truth)
    radius_px = math.ceil(tolerance * math.hypot(*truth.shape)) if tolerance < 1 else round(tolerance)
    ours, theirs = boundary(prediction), boundary(truth)
    ours_count, theirs_count = np.count_nonzero(ours), np.count_nonzero(theirs)
    if ours_count == 0 or theirs_count == 0:
        return float(ours_count == theirs_count)
    around = _bounds(ours | theirs)
    ours, theirs = ours[around], theirs[around]
    precision = np.count_nonzero(ours & _grown(theirs, radius_px)) / ours_count
    recall = np.count_nonzero(theirs & _grown(ours, radius_px)) / theirs_count
    if precision + recall == 0:
        return 0.0
    return 2 * precision * recall / (precision + recall)


def boundary(mask: Mask) -> Mask:
    """bool [H, W]: pixels that differ from the neighbour to the right, below, or right and below."""
    inside = mask.astype(bool, copy=False)
    edge = np.zeros_like(inside)
    edge[:, :-1] |= inside[:, :-1] ^ inside[:, 1:]
    edge[:-1] |= inside[:-1] ^ inside[1:]
    edge[:-1, :-1] |= inside[:-1, :-1] ^ inside[1:, 1:]
    return edge


def score_sequence(pairs: Iterable[tuple[Mask, Mask]]) -> SequenceScore:
    """Scores (prediction, truth) masks of one object, in frame order, whole sequence.

    As in DAVIS-2016 the first frame (it was given) and the last are left out; a sequence of two frames or fewer is
    scored whole. Raises MaskSizeMismatch, and ValueError when there is no pair.
    """
    scores = np.array([(region_similarity(*pair), boundary_f(*pair)) for pair in pairs], np.float64)
    return _summed_up(scores)


def score_objects(pairs: Iterable[tuple[NDArray[np.uint8], NDArray[np.uint8]]]) -> Mapping[int, SequenceScore]:
    """Scores label pictures uint8 [H, W] (0 = background, otherwise an object's number) object by object.

    The objects are those of the first truth picture, as in DAVIS-2017's semi-supervised task.
    """
    scores: dict[int, list[tuple[float, float]]] = {}
    for index, (prediction, truth) in enumerate(pairs):
        if index == 0:
            scores = {int(number): [] for number in np.unique(truth) if number}
        for number, rows in scores.items():
            ours, theirs = prediction == number, truth == number
            rows.append((region_similarity(ours, theirs), boundary_f(ours, theirs)))
    return {number: _summed_up(np.array(rows, np.float64)) for number, rows in scores.items()}


def statistics(values: NDArray[np.float64]) -> Statistics:
    """Mean, recall and decay of a measure over frames, float64 [frames]. Quarters share their border frame."""
    corners = np.rint(np.linspace(1, len(values), 5) + 1e-10).astype(int) - 1
    first, last = values[corners[0] : corners[1] + 1], values[corners[3] : corners[4] + 1]
    return Statistics(
        mean=float(values.mean()),
        recall=float(np.mean(values > RECALL_ABOVE)),
        decay=float(first.mean() - last.mean()),
    )


def _summed_up(scores: NDArray[np.float64]) -> SequenceScore:
    if len(scores) == 0:
        raise ValueError("a sequence without frames has no score")
    scored = scores[1:-1] if len(scores) > 2 else scores
    j, f = scored[:, 0].copy(), scored[:, 1].copy()
    return SequenceScore(statistics(j), statistics(f), j, f)


def _check_sizes(prediction: Mask, truth: Mask) -> None:
    if prediction.shape != truth.shape:
        ours, theirs = ("x".join(str(side) for side in mask.shape[::-1]) for mask in (prediction, truth))
        raise MaskSizeMismatch(f"a mask of {ours} pixels cannot be scored against a true mask of {theirs}")


def _bounds(mask: Mask) -> tuple[slice, slice]:
    """The smallest window that holds every True pixel; matches never lie outside it."""
    x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
    return slice(y, y + height), slice(x, x + width)


def _grown(edge: Mask, radius_px: int) -> Mask:
    """Every pixel within `radius_px` (Euclidean, inclusive) of an edge pixel."""
    distance = cv2.distanceTransform((~edge).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return distance <= radius_px + 1e-3
