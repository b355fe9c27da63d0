"""Scores of audio-visual segmentation with names: AVSS frame by frame, and AVSBench-OV from one confusion matrix.

Sources of the definitions: J. Zhou et al., "Audio-Visual Segmentation with Semantics", 2023, section 5, in the details
of the code published with it; R. Guo et al., "Open-Vocabulary Audio-Visual Semantic Segmentation", ACM MM 2024,
section 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avfusion.errors import MaskSizeMismatch
from avfusion.metrics.avs import f_measure
from avfusion.metrics.semantic import Confusion

Labels = NDArray[np.uint8]
"""uint8 [H, W]: the number of the class that sounds in each pixel, 0 for none."""


@dataclass(frozen=True, eq=False)
class AvssScore:
    """iou, f: float64 [classes], mean over the frames in which a class is in the prediction or the truth, 0 for one
    that never is. count: int64 [classes], those frames. m_iou, m_f: means over all classes, background among them."""

    iou: NDArray[np.float64]
    f: NDArray[np.float64]
    count: NDArray[np.int64]
    m_iou: float
    m_f: float


class AvssScores:
    """Adds up frames class by class. A class that is predicted where it is not adds a 0 to that class."""

    def __init__(self, class_count: int) -> None:
        self._classes = class_count
        self.iou_sum, self.f_sum = np.zeros(class_count), np.zeros(class_count)
        self.count = np.zeros(class_count, np.int64)

    def add(self, prediction: Labels, truth: Labels) -> None:
        """One frame. Raises MaskSizeMismatch."""
        both, ours, theirs = _counts(prediction, truth, self._classes)
        union = ours + theirs - both
        there = union > 0
        precision, recall = (np.divide(both, part, out=np.zeros(len(both)), where=part > 0) for part in (ours, theirs))
        self.iou_sum[there] += (both / np.maximum(union, 1))[there]
        self.f_sum[there] += f_measure(precision, recall)[there]
        self.count += there

    def add_padding(self, frames: int) -> None:
        """Frames in which nothing sounds and nothing is predicted: AVSBench's own code fills each clip up to ten frames
        with such, and scores them too. Others score the frames that there are."""
        for sums in (self.iou_sum, self.f_sum, self.count):
            sums[0] += frames

    def score(self) -> AvssScore:
        seen = np.maximum(self.count, 1)
        iou, f = self.iou_sum / seen, self.f_sum / seen
        return AvssScore(iou, f, self.count.copy(), float(iou.mean()), float(f.mean()))


@dataclass(frozen=True, eq=False)
class OpenScore:
    """m_iou: over the classes that are in the predictions or truths, background among them. seen, unseen: over those of
    the classes trained on, and of the others; 0 where none of them occurs. harmonic: 2 / (1 / seen + 1 / unseen), 0 if
    either is. iou: float64 [classes], NaN for a class in neither."""

    iou: NDArray[np.float64]
    m_iou: float
    seen: float
    unseen: float
    harmonic: float


class OpenScores:
    """Adds up frames in one confusion matrix, so that a large object counts for more than a small one."""

    def __init__(self, class_count: int, seen: Sequence[int], unseen: Sequence[int]) -> None:
        self._classes = class_count
        self._confusion = Confusion(class_count)
        self._seen, self._unseen = list(seen), list(unseen)

    def add(self, prediction: Labels, truth: Labels) -> None:
        """One frame. Where the truth has a number that is no class, nothing counts. Raises MaskSizeMismatch."""
        ours, theirs = (
            np.where(part < self._classes, part.astype(np.int32), np.int32(-1)) for part in (prediction, truth)
        )
        self._confusion.add(ours, theirs)

    def score(self) -> OpenScore:
        iou = self._confusion.score().iou
        seen, unseen = _mean(iou[self._seen]), _mean(iou[self._unseen])
        harmonic = 2 / (1 / seen + 1 / unseen) if seen > 0 and unseen > 0 else 0.0
        return OpenScore(iou, _mean(iou), seen, unseen, harmonic)


def _counts(prediction: Labels, truth: Labels, classes: int) -> tuple[NDArray[np.float64], ...]:
    """Pixels of each class in both, in the prediction, in the truth, float64 [classes]."""
    if prediction.shape != truth.shape:
        ours, theirs = ("x".join(str(side) for side in each.shape[::-1]) for each in (prediction, truth))
        raise MaskSizeMismatch(f"classes of {ours} pixels cannot be scored against a truth of {theirs}")
    parts = (truth[prediction == truth], prediction.ravel(), truth.ravel())
    return tuple(np.bincount(part, minlength=classes)[:classes].astype(np.float64) for part in parts)


def _mean(values: NDArray[np.float64]) -> float:
    there = values[~np.isnan(values)]
    return float(there.mean()) if len(there) else 0.0
