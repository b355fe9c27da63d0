"""What an object's colours are, how alike those of a mask are, and where in a picture they lie close together."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Mask, Rgb

Counts = NDArray[np.float32]

_BINS = 12
_LEVELS = [_BINS, _BINS, _BINS]
_RANGES = [0.0, 256.0] * 3
_FOLLOW = 0.1
_SEARCH_PX = 320
"""The longer side, at most, of the picture that is searched."""


class Looks:
    """Colours of one object: those it had at first, which are true and are never forgotten, and those of late."""

    def __init__(self, rgb: Rgb, mask: Mask) -> None:
        self._first = _shares(rgb, mask)
        self._recent = self._first

    def learn(self, rgb: Rgb, mask: Mask) -> None:
        self._recent = (1 - _FOLLOW) * self._recent + _FOLLOW * _shares(rgb, mask)

    def alike(self, rgb: Rgb, mask: Mask) -> float:
        """Bhattacharyya coefficient of the colours under a mask with the object's, 0..1: 1 for the same."""
        own = _shares(rgb, mask)
        return max(float(np.sqrt(own * known).sum()) for known in (self._first, self._recent))

    def places(
        self, rgb: Rgb, size: tuple[float, float], window: tuple[int, int, int, int], most: int
    ) -> list[tuple[float, float]]:
        """Middles (x, y) of rectangles of `size` (width, height) inside a window (x0, y0, x1, y1) of the picture that
        hold the most of the object's colours, the best first, at most so many; all in full-size pixels."""
        x0, y0, x1, y1 = window
        scale = min(1.0, _SEARCH_PX / max(rgb.shape[:2]))
        around = rgb[y0:y1, x0:x1]
        shape = max(1, round(around.shape[1] * scale)), max(1, round(around.shape[0] * scale))
        small = cv2.resize(around, shape, interpolation=cv2.INTER_AREA)
        there = cv2.calcHist([small], [0, 1, 2], None, _LEVELS, _RANGES)
        there /= max(float(there.sum()), 1.0)
        odds = np.clip(255 * self._first / np.maximum(self._first + there, 1e-6), 0, 255).astype(np.float32)
        likely = cv2.calcBackProject([small], [0, 1, 2], odds, _RANGES, 1.0).astype(np.float32)
        kernel = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
        density = cv2.blur(likely, kernel, borderType=cv2.BORDER_CONSTANT)
        found: list[tuple[float, float]] = []
        for _ in range(most):
            row, column = np.unravel_index(int(density.argmax()), density.shape)
            if density[row, column] <= 0:
                break
            found.append((x0 + (column + 0.5) / scale - 0.5, y0 + (row + 0.5) / scale - 0.5))
            top, left = max(0, row - kernel[1] // 2), max(0, column - kernel[0] // 2)
            density[top : row + kernel[1] // 2 + 1, left : column + kernel[0] // 2 + 1] = 0
        return found


def _shares(rgb: Rgb, mask: Mask) -> Counts:
    """Histogram over red, green and blue, smoothed a little, with the sum 1; all 0 under an empty mask."""
    x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
    if width == 0:
        return np.zeros(_LEVELS, np.float32)
    rows, columns = slice(y, y + height), slice(x, x + width)
    inside = np.ascontiguousarray(mask[rows, columns]).view(np.uint8)
    counts = cv2.calcHist([np.ascontiguousarray(rgb[rows, columns])], [0, 1, 2], inside, _LEVELS, _RANGES)
    for axis in range(3):
        ahead = np.moveaxis(counts, axis, 0)
        shared = 2 * ahead
        shared[:-1] += ahead[1:]
        shared[1:] += ahead[:-1]
        counts = np.moveaxis(shared, 0, axis)
    return np.asarray(counts / max(float(counts.sum()), 1e-9), np.float32)
