"""One picture as the engine `grabcut` looks at it: whole, or in a window, as regions of colour and motion."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from avfusion.clip import Mask, Rgb
from avfusion.segmentation import Motion
from avfusion.segmentation.outline import scaled, shrunk
from avfusion.segmentation.regions import Numbers, Regions, Values, split

LEAST_MOTION = 0.0015
"""Motion, as a share of the picture's diagonal, below which flow says nothing."""

SURE_MOTION = 0.25
"""What moves this much of the fastest motion in the picture surely moves."""


@dataclass(frozen=True, eq=False)
class Window:
    """A part of the picture: rows and columns at full size, and its regions at a smaller size."""

    rows: slice
    columns: slice
    regions: Regions

    def share(self, mask: Mask) -> Values:
        """Which part of each region a full-size mask covers, [n] in 0..1."""
        height, width = self.regions.label.shape
        small = shrunk(mask[self.rows, self.columns], (width, height)).ravel()
        return np.asarray(np.bincount(self.regions.label.ravel(), small, self.regions.count) / self.regions.size)

    def places(self, mask: Mask) -> tuple[Numbers, Numbers]:
        """Rows and columns of the small pixels that a full-size mask touches."""
        height, width = self.regions.label.shape
        inside = mask[self.rows, self.columns]
        rows, columns = np.nonzero(inside)
        return rows * height // inside.shape[0], columns * width // inside.shape[1]

    def under(self, mask: Mask) -> Numbers:
        """Numbers of the regions that a full-size mask touches."""
        return np.unique(self.regions.label[self.places(mask)]).astype(np.int64)

    @property
    def scale(self) -> float:
        """Small pixels to a full-size one."""
        return self.regions.label.shape[1] / (self.columns.stop - self.columns.start)


class Scene:
    """A picture uint8 [H, W, 3] and, if known, how it moves."""

    def __init__(self, rgb: Rgb, motion: Motion | None, *, side_px: int, spacing_px: int) -> None:
        """side_px: longer side, at most, of the picture that is split into regions about spacing_px apart."""
        self.rgb = rgb
        self._moving = None if motion is None else _saturated(motion, float(np.hypot(*rgb.shape[:2])))
        self._side_px, self._spacing_px = side_px, spacing_px
        self._whole: Window | None = None

    def whole(self) -> Window:
        height, width = self.rgb.shape[:2]
        if self._whole is None:
            self._whole = self.window(0, 0, width, height)
        return self._whole

    def window(self, x0: float, y0: float, x1: float, y1: float) -> Window:
        """The part from x0, y0 to just before x1, y1 as far as it lies in the picture."""
        height, width = self.rgb.shape[:2]
        rows = slice(max(0, int(y0)), min(height, int(np.ceil(y1))))
        columns = slice(max(0, int(x0)), min(width, int(np.ceil(x1))))
        part = self.rgb[rows, columns]
        small = scaled(part, min(1.0, self._side_px / max(part.shape[:2])))
        return Window(rows, columns, split(small, self._spacing_px, self._moving_in(rows, columns, small.shape[:2])))

    def _moving_in(self, rows: slice, columns: slice, size: tuple[int, int]) -> Values | None:
        if self._moving is None:
            return None
        down, right = (ours / full for ours, full in zip(self._moving.shape, self.rgb.shape[:2], strict=False))
        y = (rows.start + (np.arange(size[0]) + 0.5) * (rows.stop - rows.start) / size[0]) * down - 0.5
        x = (columns.start + (np.arange(size[1]) + 0.5) * (columns.stop - columns.start) / size[1]) * right - 0.5
        x_map, y_map = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
        return cv2.remap(self._moving, x_map, y_map, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _saturated(motion: Motion, diagonal_px: float) -> Values | None:
    """Vectors of length 0 (still) to 1 (surely moving); None where nothing moves enough."""
    length = np.hypot(motion[..., 0], motion[..., 1])
    fastest = float(np.percentile(length, 98))
    least = LEAST_MOTION * diagonal_px
    if fastest < least:
        return None
    return (motion / np.maximum(length, max(least, SURE_MOTION * fastest))[..., None]).astype(np.float32)
