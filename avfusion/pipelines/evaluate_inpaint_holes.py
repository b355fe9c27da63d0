"""Holes for scoring: the masks of one sequence laid over another, and the first ones of many."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Mask, Masks
from avfusion.pipelines.davis import Davis


@dataclass(frozen=True)
class Borrowed:
    """The masks of `donor` as holes in frames of `shape` (height, width), to and fro until there are `frame_count`."""

    donor: Davis
    shape: tuple[int, int]
    frame_count: int
    engine = "borrowed"

    def labels(self, frame: int) -> NDArray[np.uint8]:
        return self.union(frame).view(np.uint8)

    def union(self, frame: int) -> Mask:
        mask = self.donor.truth(to_and_fro(frame, len(self.donor.truths)))
        if mask.shape == self.shape:
            return mask
        height, width = self.shape
        return np.asarray(cv2.resize(mask.view(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST) > 0)


def to_and_fro(index: int, count: int) -> int:
    """0, 1, ..., count - 1, count - 2, ..., 1, 0, 1, ..."""
    if count < 2:
        return 0
    within = index % (2 * count - 2)
    return min(within, 2 * count - 2 - within)


@dataclass(frozen=True)
class First:
    """The first `frame_count` of some masks."""

    masks: Masks
    frame_count: int

    @property
    def engine(self) -> str:
        return self.masks.engine

    def labels(self, frame: int) -> NDArray[np.uint8]:
        return self.masks.labels(frame)

    def union(self, frame: int) -> Mask:
        return self.masks.union(frame)
