"""Scores of binary audio-visual segmentation: M_J and M_F as AVSBench computes them, and frame by frame.

Source of the definitions: J. Zhou et al., "Audio-Visual Segmentation", ECCV 2022, section 5.1, in the details of the
code published with it: a frame without anything to find scores the share of pixels that are left alone, and M_F is the
best of 255 thresholds on the curve that a clip's frames make together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Mask
from avfusion.errors import MaskSizeMismatch

BETA_SQUARED = 0.3
"""How much less recall counts than precision in F."""

THRESHOLDS = np.linspace(0, 1 - 1e-10, 255).astype(np.float32)
"""The first is 0, so that "everything" is always among the answers; the last rounds to 1."""

_TINY = 1e-20


@dataclass(frozen=True)
class BinaryScore:
    """m_j, m_f: means over clips, in 0..1, as AVSBench computes them.

    frame_m_j, frame_m_f: each frame taken for a clip of its own, as AL-Ref-SAM 2 is scored; a frame with nothing to
    find has no threshold to choose and adds 0 to F.
    """

    m_j: float
    m_f: float
    frame_m_j: float
    frame_m_f: float
    clips: int
    frames: int


def frame_overlap(prediction: Mask, truth: Mask) -> float:
    """J of one frame, bool [H, W]: intersection over union; of an empty truth the share of pixels predicted empty.

    Raises MaskSizeMismatch.
    """
    _check_sizes(prediction.shape, truth.shape)
    if not truth.any():
        return 1 - np.count_nonzero(prediction) / (truth.size + 1e-7)
    return np.count_nonzero(prediction & truth) / (np.count_nonzero(prediction | truth) + 1e-7)


def f_curve(probability: NDArray[np.float32], truth: Mask) -> NDArray[np.float64]:
    """F of one frame for each of `THRESHOLDS`, float64 [255]: (1 + 0.3) P R / (0.3 P + R), 0 where that is nothing."""
    _check_sizes(probability.shape, truth.shape)
    reached = np.searchsorted(THRESHOLDS, probability.ravel(), side="right")
    predicted, hit = (_at_least(np.bincount(part, minlength=256)) for part in (reached, reached[truth.ravel()]))
    return f_measure(hit / (predicted + _TINY), hit / (np.count_nonzero(truth) + _TINY))


def f_measure(precision: NDArray[np.float64], recall: NDArray[np.float64]) -> NDArray[np.float64]:
    """(1 + 0.3) P R / (0.3 P + R); 0 where both are 0."""
    below = BETA_SQUARED * precision + recall
    above = (1 + BETA_SQUARED) * precision * recall
    return np.divide(above, below, out=np.zeros_like(below), where=below > 0)


class BinaryScores:
    """Adds up clips. A frame that nobody annotated is no part of what is added."""

    def __init__(self) -> None:
        self._clips: list[tuple[float, float]] = []
        self._frames: list[tuple[float, float]] = []

    def add(self, probabilities: Sequence[NDArray[np.float32]], truths: Sequence[Mask]) -> tuple[float, float]:
        """One clip's frames, float32 [H, W] in 0..1 and bool [H, W], each of any size; the clip's own M_J and M_F.

        More than a half counts as sounding. A clip in which nothing ever sounds has an M_F of 0. Raises
        MaskSizeMismatch, and ValueError where there is no frame.
        """
        if not probabilities:
            raise ValueError("a clip without frames has no score")
        curves = []
        for ours, truth in zip(probabilities, truths, strict=True):
            best = 0.0
            if truth.any():
                curves.append(f_curve(ours, truth))
                best = float(curves[-1].max())
            self._frames.append((frame_overlap(ours > 0.5, truth), best))
        j = float(np.mean([overlap for overlap, _ in self._frames[-len(probabilities) :]]))
        f = float(np.mean(curves, axis=0).max()) if curves else 0.0
        self._clips.append((j, f))
        return j, f

    def score(self) -> BinaryScore:
        (j, f), (frame_j, frame_f) = np.mean(self._clips, axis=0), np.mean(self._frames, axis=0)
        return BinaryScore(float(j), float(f), float(frame_j), float(frame_f), len(self._clips), len(self._frames))


def _at_least(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """counts [256] of pixels by how many thresholds they reach -> pixels at or above each threshold, [255]."""
    return counts[::-1].cumsum()[::-1][1:].astype(np.float64)


def _check_sizes(ours: tuple[int, ...], theirs: tuple[int, ...]) -> None:
    if ours != theirs:
        sizes = ["x".join(str(side) for side in shape[::-1]) for shape in (ours, theirs)]
        raise MaskSizeMismatch(f"a mask of {sizes[0]} pixels cannot be scored against a true mask of {sizes[1]}")
