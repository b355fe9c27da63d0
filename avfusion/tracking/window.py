"""The part of the picture around one object, at a size that can be worked on in real time.

Small objects are worked on at full size, large ones smaller: the window never holds more than a fixed number of pixels.
Pixel (x, y) of the work picture lies at full-size pixel ((x + 0.5) * scale + x0 - 0.5, ...).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Mask, Yuv

Plane = NDArray[np.uint8]
Field = NDArray[np.floating[Any]]

SMALLEST_PX = 64
"""Windows are at least this wide and high; what lies outside the picture repeats its border."""


@dataclass(frozen=True)
class Window:
    """x0, y0, width_px, height_px in full-size pixels (all even); work_width, work_height in work pixels."""

    x0: int
    y0: int
    width_px: int
    height_px: int
    work_width: int
    work_height: int

    @property
    def shape(self) -> tuple[int, int]:
        return self.work_height, self.work_width

    @property
    def scale_x(self) -> float:
        """Full-size pixels in one work pixel."""
        return self.width_px / self.work_width

    @property
    def scale_y(self) -> float:
        return self.height_px / self.work_height

    def moved(self, dx: int, dy: int) -> Window:
        return Window(self.x0 + dx, self.y0 + dy, self.width_px, self.height_px, self.work_width, self.work_height)


def window_around(
    box: tuple[int, int, int, int], picture: tuple[int, int], *, margin: float, most_pixels: int
) -> Window:
    """The window around `box` (x, y, width, height) with room of `margin` x its longer side on each side.

    `picture` is (height, width) in pixels.
    """
    height, width = picture
    x, y, box_width, box_height = box
    room = max(24.0, margin * max(box_width, box_height))
    x0, y0 = (_even(min(max(0.0, at - room), end - SMALLEST_PX)) for at, end in ((x, width), (y, height)))
    x0, y0 = max(0, x0), max(0, y0)
    window_width = max(SMALLEST_PX, _even(min(width, x + box_width + room) - x0))
    window_height = max(SMALLEST_PX, _even(min(height, y + box_height + room) - y0))
    zoom = min(1.0, math.sqrt(most_pixels / (window_width * window_height)))
    return Window(
        x0, y0, window_width, window_height, max(32, round(window_width * zoom)), max(32, round(window_height * zoom))
    )


def cut_planes(yuv: Yuv, window: Window) -> tuple[Plane, Plane, Plane]:
    """Y, U and V of the window, uint8 [work_height, work_width] each."""
    luma, blue, red = yuv
    full = (window.x0, window.y0, window.width_px, window.height_px)
    half = (window.x0 // 2, window.y0 // 2, window.width_px // 2, window.height_px // 2)
    return (_cut(luma, full, window), _cut(blue, half, window), _cut(red, half, window))


def cut_luma(luma: Plane, window: Window) -> Plane:
    """Y of the window, uint8 [work_height, work_width]."""
    return _cut(luma, (window.x0, window.y0, window.width_px, window.height_px), window)


def cut_mask(mask: Mask, window: Window) -> Field:
    """How much of each work pixel the mask covers: float32 [work_height, work_width] in 0..1."""
    area = (window.x0, window.y0, window.width_px, window.height_px)
    padded = _padded(mask.view(np.uint8) * np.uint8(255), area, cv2.BORDER_CONSTANT)
    return _resized(padded, window).astype(np.float32) / 255


def enlarged(values: Field, window: Window, picture: tuple[int, int]) -> tuple[slice, slice, Field]:
    """Work values at full size: the rows and columns of a picture (height, width) they lie on, and the values there."""
    full = cv2.resize(values, (window.width_px, window.height_px), interpolation=cv2.INTER_LINEAR)
    rows = slice(window.y0, min(picture[0], window.y0 + window.height_px))
    columns = slice(window.x0, min(picture[1], window.x0 + window.width_px))
    return rows, columns, full[: rows.stop - rows.start, : columns.stop - columns.start]


def resample(values: Field, scale_x: float, scale_y: float, dx: float, dy: float, shape: tuple[int, int]) -> Field:
    """values at (scale_x * x + dx, scale_y * y + dy) for every pixel (x, y) of `shape`; borders repeat."""
    matrix = np.array([[scale_x, 0, dx], [0, scale_y, dy]], np.float32)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    size = (shape[1], shape[0])
    return np.asarray(cv2.warpAffine(values, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.float32)


def _even(value: float) -> int:
    return 2 * math.ceil(value / 2)


def _cut(plane: Plane, area: tuple[int, int, int, int], window: Window) -> Plane:
    return _resized(_padded(plane, area, cv2.BORDER_REPLICATE), window)


def _padded(plane: Plane, area: tuple[int, int, int, int], border: int) -> Plane:
    """The area (x, y, width, height) of a plane, also where it reaches beyond the plane."""
    x, y, width, height = area
    rows, columns = plane.shape
    # At least one pixel of the plane is kept, so that a window that left the picture repeats its border.
    top, left = min(max(y, 0), rows - 1), min(max(x, 0), columns - 1)
    bottom, right = max(min(y + height, rows), top + 1), max(min(x + width, columns), left + 1)
    inside = plane[top:bottom, left:right]
    if inside.shape == (height, width):
        return inside
    above, before = max(0, -y), max(0, -x)
    above, before = min(above, height - inside.shape[0]), min(before, width - inside.shape[1])
    return np.asarray(
        cv2.copyMakeBorder(
            inside, above, height - above - inside.shape[0], before, width - before - inside.shape[1], border
        ),
        np.uint8,
    )


def _resized(plane: Plane, window: Window) -> Plane:
    size = (window.work_width, window.work_height)
    if plane.shape == window.shape:
        return np.ascontiguousarray(plane)
    shrinks = plane.shape[1] > size[0]
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR), np.uint8)
