"""Which colours an object has and which its surroundings have: everywhere, and part by part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.tracking.window import Field, Plane

Planes = tuple[Plane, Plane, Plane]
Counts = NDArray[np.floating[Any]]

CELLS = 6
"""Parts of the object's surroundings in each direction that have colours of their own."""

FADE = 0.05
"""Share of the local colours that is forgotten with each fully trusted frame."""

GLOBAL_SHAPE = (16, 32, 32)
LOCAL_SHAPE = (CELLS, CELLS, 8, 12, 12)


@dataclass(frozen=True)
class Place:
    """The square, in work pixels, that is divided into CELLS x CELLS parts."""

    x: float
    y: float
    half_side: float

    def cells(self, x: Field, y: Field) -> NDArray[np.int32]:
        column, row = (
            np.clip((at - (middle - self.half_side)) * (CELLS / (2 * self.half_side)), 0, CELLS - 1).astype(np.int32)
            for at, middle in ((x, self.x), (y, self.y))
        )
        return row * CELLS + column


class Appearance:
    """Colour models of one object. Histograms in Y, U, V, of the object and of what surrounds it.

    The first frame's colours are true and are never forgotten; later ones are followed slowly, so that one wrong mask
    does not teach the wrong colours.
    """

    def __init__(
        self, planes: Planes, probability: Field, margin: float, sure: Sequence[tuple[Planes, Field]] = ()
    ) -> None:
        """sure: windows and masks of frames on which the object is known better than on the one to start from."""
        self._margin = margin
        self._recent = self._global_counts(planes, probability, 1 - probability)
        known = [self._global_counts(planes, mask, 1 - mask) for planes, mask in sure] or [self._recent]
        self._first = tuple(sum(counts) / len(known) for counts in zip(*known, strict=True))
        self._place = self._placed(probability)
        self._local = self._local_counts(planes, probability, 1 - probability)
        self._read_off()

    def learn(self, planes: Planes, probability: Field, expected: Field, rate: float) -> None:
        """Takes in one frame. What was not expected to be the object teaches the object's colours less."""
        on_object, on_background = probability * np.minimum(2 * expected, 1), 1 - probability
        new = self._global_counts(planes, on_object, on_background)
        self._recent = tuple((1 - rate) * old + rate * more for old, more in zip(self._recent, new, strict=True))
        if probability.max() > 0.5:
            self._place = self._placed(probability)
        local = self._local_counts(planes, on_object, on_background)
        kept = 1 - FADE * min(1.0, 10 * rate)
        self._local = tuple(kept * old + rate * more for old, more in zip(self._local, local, strict=True))
        self._read_off()

    def everywhere(self, planes: Planes) -> Field:
        """Log odds float32 [h, w] by colour alone."""
        return np.take(self._global_odds, _global_level(planes))

    def by_part(self, planes: Planes, x: Field, y: Field) -> Field:
        """Log odds float32 [h, w] by colour and part of the object; x, y: each pixel's place at last learning."""
        return np.take(self._local_odds, self._place.cells(x, y) * np.int32(8 * 12 * 12) + _local_level(planes))

    def _placed(self, probability: Field) -> Place:
        x, y, width, height = cv2.boundingRect((probability > 0.5).view(np.uint8))
        return Place(x + width / 2, y + height / 2, (0.5 + self._margin) * max(width, height, 8))

    def _global_counts(self, planes: Planes, on_object: Field, on_background: Field) -> tuple[Counts, ...]:
        level = _global_level(planes).ravel()
        both = (np.bincount(level, weights.ravel(), 16 * 32 * 32) for weights in (on_object, on_background))
        return tuple(counts / max(counts.sum(), 1.0) for counts in both)

    def _local_counts(self, planes: Planes, on_object: Field, on_background: Field) -> tuple[Counts, ...]:
        height, width = on_object.shape
        x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
        level = (self._place.cells(x, y) * np.int32(8 * 12 * 12) + _local_level(planes)).ravel()
        size = int(np.prod(LOCAL_SHAPE))
        usual = 20_000 / on_object.size
        return tuple(np.bincount(level, w.ravel(), size) * usual for w in (on_object, on_background))

    def _read_off(self) -> None:
        inside = _spread(0.5 * self._first[0] + 0.5 * self._recent[0], GLOBAL_SHAPE)
        outside = _spread(0.2 * self._first[1] + 0.8 * self._recent[1], GLOBAL_SHAPE)
        self._global_odds = _odds(inside, outside, floor=2e-5)
        inside, outside = (_spread(counts, LOCAL_SHAPE) for counts in self._local)
        self._local_odds = _odds(inside, outside, floor=0.15)


def _odds(inside: Field, outside: Field, floor: float) -> Field:
    ratio = (inside + np.float32(floor)) / (outside + np.float32(floor))
    return np.clip(np.log(ratio), -4, 4).ravel()


def _global_level(planes: Planes) -> NDArray[np.int32]:
    luma, blue, red = planes
    return np.take(_GLOBAL_LUMA, luma) + np.take(_GLOBAL_BLUE, blue) + np.take(_GLOBAL_RED, red)


def _local_level(planes: Planes) -> NDArray[np.int32]:
    luma, blue, red = planes
    return np.take(_LOCAL_LUMA, luma) + np.take(_LOCAL_BLUE, blue) + np.take(_LOCAL_RED, red)


def _steps(first: int, width: int, count: int, stride: int) -> NDArray[np.int32]:
    """For every byte the bin it falls into, `count` bins of `width` from `first` on, times `stride`."""
    return (np.clip((np.arange(256) - first) // width, 0, count - 1) * stride).astype(np.int32)


# Colours of real pictures crowd around grey: the chroma bins are fine there and end where hardly any colour lies.
_GLOBAL_LUMA, _GLOBAL_BLUE, _GLOBAL_RED = _steps(0, 16, 16, 1024), _steps(64, 4, 32, 32), _steps(64, 4, 32, 1)
_LOCAL_LUMA, _LOCAL_BLUE, _LOCAL_RED = _steps(0, 32, 8, 144), _steps(80, 8, 12, 12), _steps(80, 8, 12, 1)


def _spread(counts: Counts, shape: tuple[int, ...]) -> Field:
    """Counts shared with the neighbouring bins in every direction, 1-2-1."""
    values = counts.astype(np.float32).reshape(shape)
    for axis in range(values.ndim):
        ahead = np.moveaxis(values, axis, 0)
        shared = ahead * 2
        shared[:-1] += ahead[1:]
        shared[1:] += ahead[:-1]
        values = np.moveaxis(shared * np.float32(0.25), 0, axis)
    return values
