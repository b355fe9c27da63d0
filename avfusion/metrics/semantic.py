"""How well named segments fit the truth over a data set: mean IoU as ADE20K counts it, and panoptic quality.

Sources: mean IoU, pixel and mean accuracy from one confusion matrix over all pictures, after B. Zhou et al., "Scene
Parsing through ADE20K Dataset", CVPR 2017, section 4; panoptic quality after A. Kirillov et al., "Panoptic
Segmentation", CVPR 2019, section 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from avfusion.errors import MaskSizeMismatch

Classes = NDArray[np.int32]
"""int32 [H, W]: the number of each pixel's class, -1 for none."""


@dataclass(frozen=True, eq=False)
class SemanticScore:
    """iou, accuracy: float64 [classes], NaN for a class that is in neither (for accuracy: not in the truth).

    mean_iou, mean_accuracy: over the classes that have one. pixel_accuracy: the share of the labelled pixels that are
    right. NaN where nothing at all is labelled.
    """

    iou: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    mean_iou: float
    mean_accuracy: float
    pixel_accuracy: float


class Confusion:
    """Counts of (true class, predicted class) over the labelled pixels of all pictures."""

    def __init__(self, class_count: int) -> None:
        self._count = class_count
        # The last column is for pixels of which the prediction says nothing.
        self.counts = np.zeros((class_count, class_count + 1), np.int64)

    def add(self, prediction: Classes, truth: Classes) -> None:
        """One picture. Pixels without a true class do not count; without a predicted one they are wrong.

        Raises MaskSizeMismatch.
        """
        _check_sizes(prediction, truth)
        labelled = truth >= 0
        theirs, ours = truth[labelled].astype(np.int64), prediction[labelled].astype(np.int64)
        ours[ours < 0] = self._count
        pairs = theirs * (self._count + 1) + ours
        self.counts += np.bincount(pairs, minlength=self.counts.size).reshape(self.counts.shape)

    def score(self) -> SemanticScore:
        both = np.diag(self.counts).astype(np.float64)
        true, predicted = self.counts.sum(1), self.counts[:, :-1].sum(0)
        iou, accuracy = _ratio(both, true + predicted - both), _ratio(both, true)
        return SemanticScore(
            iou=iou,
            accuracy=accuracy,
            mean_iou=_mean(iou),
            mean_accuracy=_mean(accuracy),
            pixel_accuracy=float(_ratio(both.sum(), true.sum())),
        )


@dataclass(frozen=True, eq=False)
class Parts:
    """A picture in segments. number: int32 [H, W], the segment of each pixel, -1 for none; classes: of each segment.

    is_crowd: of each segment of a truth, whether it stands for many things that nobody told apart.
    """

    number: NDArray[np.int32]
    classes: Sequence[int]
    is_crowd: Sequence[bool] = ()


@dataclass(frozen=True, eq=False)
class PanopticScore:
    """pq, sq, rq: float64 [classes] of panoptic, segmentation and recognition quality; NaN for a class in neither."""

    pq: NDArray[np.float64]
    sq: NDArray[np.float64]
    rq: NDArray[np.float64]

    def mean(self, chosen: Sequence[bool] | NDArray[np.bool_]) -> tuple[float, float, float]:
        """PQ, SQ and RQ over those of the chosen classes that occur; NaN where none does."""
        of = np.asarray(chosen, bool)
        return _mean(self.pq[of]), _mean(self.sq[of]), _mean(self.rq[of])


class PanopticQuality:
    """Matches segments of prediction and truth, picture by picture. Segments of a class match above an IoU of 0.5."""

    def __init__(self, class_count: int) -> None:
        self._overlap = np.zeros(class_count)
        self._hits, self._extra, self._missed = (np.zeros(class_count, np.int64) for _ in range(3))

    def add(self, prediction: Parts, truth: Parts) -> None:
        """One picture. Raises MaskSizeMismatch.

        Pixels without a true segment count for no union, and a predicted segment of which more than half is such, or is
        a crowd of its class, is no mistake; a crowd need not be found.
        """
        _check_sizes(prediction.number, truth.number)
        ours, theirs = len(prediction.classes), len(truth.classes)
        pairs = (prediction.number.ravel() + 1).astype(np.int64) * (theirs + 1) + truth.number.ravel() + 1
        common = np.bincount(pairs, minlength=(ours + 1) * (theirs + 1)).reshape(ours + 1, theirs + 1)
        our_area, their_area = common.sum(1)[1:], common.sum(0)[1:]
        unlabelled, shared = common[1:, 0], common[1:, 1:]
        our_class, their_class = np.asarray(prediction.classes, int), np.asarray(truth.classes, int)
        crowd = np.asarray(truth.is_crowd, bool) if len(truth.is_crowd) else np.zeros(theirs, bool)

        same = our_class[:, None] == their_class[None]
        union = our_area[:, None] + their_area[None] - shared - unlabelled[:, None]
        overlap = np.where(same & ~crowd[None] & (union > 0), shared / np.maximum(union, 1), 0.0)
        rows, columns = np.nonzero(overlap > 0.5)
        np.add.at(self._overlap, our_class[rows], overlap[rows, columns])
        np.add.at(self._hits, our_class[rows], 1)

        missed = (their_area > 0) & ~crowd
        missed[columns] = False
        np.add.at(self._missed, their_class[missed], 1)
        forgiven = unlabelled + (shared * (same & crowd[None])).sum(1)
        extra = (our_area > 0) & (2 * forgiven <= our_area)
        extra[rows] = False
        np.add.at(self._extra, our_class[extra], 1)

    def score(self) -> PanopticScore:
        occurs = self._hits + self._extra + self._missed > 0
        sq = np.where(self._hits > 0, _ratio(self._overlap, self._hits), 0.0)
        rq = _ratio(self._hits, self._hits + 0.5 * self._extra + 0.5 * self._missed)
        sq, rq = np.where(occurs, sq, np.nan), np.where(occurs, rq, np.nan)
        return PanopticScore(pq=sq * rq, sq=sq, rq=rq)


def _ratio(part: ArrayLike, whole: ArrayLike) -> NDArray[np.float64]:
    """part / whole; NaN where whole is 0."""
    above, below = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    return np.divide(above, below, out=np.full(below.shape, np.nan), where=below > 0)


def _mean(values: NDArray[np.float64]) -> float:
    there = values[~np.isnan(values)]
    return float(there.mean()) if len(there) else float("nan")


def _check_sizes(prediction: NDArray[np.int32], truth: NDArray[np.int32]) -> None:
    if prediction.shape != truth.shape:
        ours, theirs = ("x".join(str(side) for side in each.shape[::-1]) for each in (prediction, truth))
        raise MaskSizeMismatch(f"segments of {ours} pixels cannot be scored against a truth of {theirs}")
