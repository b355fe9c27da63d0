"""Where the pixels of a frame lie in its neighbour, continued under the hole.

The camera's motion is taken off first; what remains is measured outside the hole by dense inverse search (T. Kroeger et
al., ECCV 2016, as OpenCV has it) and continued inside as a membrane held by what surrounds it.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Mask
from avfusion.inpainting.flow_fill_survey import Homography, shrunk, shrunk_hole, work_scale
from avfusion.inpainting.hole import Window
from avfusion.tracking.motion import dense_flow

Field: TypeAlias = NDArray[np.float32]
Grey: TypeAlias = NDArray[np.uint8]

CELL_PX = 4
"""The membrane's cells, in small pixels."""

STIFFNESS = 0.25
"""How much a cell listens to its neighbours, beside the flow measured in it."""

FAST_PX = 4.0
"""What departs from the camera's motion by more, in small pixels a frame, says less of what lies under the hole: it is
a thing that passes before the background, and its motion would tear the background along."""

_SWEEPS = 40
_NEAR_HOLE = np.ones((7, 7), np.uint8)


class Small:
    """A frame in the size of the work: grey with the hole painted over by what lay there in its neighbour."""

    def __init__(self, rgb: NDArray[np.uint8], hole: Mask) -> None:
        self.scale = work_scale(*hole.shape)
        self.shape = hole.shape
        self.grey: Grey = np.asarray(cv2.cvtColor(shrunk(rgb, self.scale), cv2.COLOR_RGB2GRAY), np.uint8)
        self.hole = shrunk_hole(hole, self.grey.shape)

    def cover(self) -> None:
        """Paints the hole over when no neighbour is known."""
        if self.hole.any() and not self.hole.all():
            self.grey = np.asarray(cv2.inpaint(self.grey, self.hole.view(np.uint8), 3, cv2.INPAINT_NS), np.uint8)


def small_camera(camera: Homography, scale: float) -> Homography:
    shrink = np.array([[scale, 0, (scale - 1) / 2], [0, scale, (scale - 1) / 2], [0, 0, 1]])
    return np.asarray(shrink @ camera @ np.linalg.inv(shrink))


def depart(here: Small, there: Small, camera: Homography, before: Field | None) -> Field | None:
    """How pixels of `here` depart from the camera's motion on their way to `there`, in full-size pixels.

    float32 [h, w, 2] in the size of the work: a pixel p lies at camera(p + departure). `there` has its hole covered;
    the hole of `here` is painted over with what is expected there. before: the departures of `there` on its own way on:
    under the hole, things are expected to go on as they did, and the membrane holds what differs from that. None: no
    pixel outside a hole shows how it is.
    """
    matrix = small_camera(camera, here.scale)
    straight_on = _Way(matrix, here.grey.shape)
    expected = _expected(before, straight_on, here.scale)
    brought = straight_on.fetch(there.grey, expected)
    untrue = straight_on.fetch(there.hole.view(np.uint8) * 255, expected, outside=255)
    here.grey = np.where(here.hole, brought, here.grey)
    unknown = cv2.dilate(here.hole.view(np.uint8) | (untrue > 0), _NEAR_HOLE).astype(bool)
    if unknown.all():
        return None
    method = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    straight = straight_on.fetch(there.grey)
    flow = dense_flow(method, here.grey, straight, expected)
    trust = _trust(here.grey, straight, flow) * ~unknown
    apart = np.hypot(flow[..., 0], flow[..., 1])
    held = expected + membrane(flow - expected, (trust / (1 + (apart / FAST_PX) ** 2)).astype(np.float32))
    return np.asarray(np.where(unknown[..., None], held, flow) / here.scale, np.float32)


class _Way:
    """The way of small pixels by the camera's motion, and beside it by departures: taken to first order from there."""

    def __init__(self, camera: Homography, shape: tuple[int, ...]) -> None:
        self.shape = shape
        height, width = shape
        grid = np.empty((height, width, 2), np.float32)
        grid[..., 0] = np.arange(width)
        grid[..., 1] = np.arange(height)[:, None]
        self._landed: Any = cv2.perspectiveTransform(grid, camera)
        middle = np.array([[[0, 0], [1, 0], [0, 1]]]) + np.array([width / 2, height / 2])
        at, right, down = cv2.perspectiveTransform(middle, camera)[0]
        self._turn = np.stack([right - at, down - at]).astype(np.float32)

    def fetch(self, picture: Any, departure: Field | None = None, *, outside: int | None = None) -> Any:
        """A picture of the neighbour seen from here; beyond its border it repeats, or is `outside`."""
        landed = self._landed if departure is None else self._landed + departure @ self._turn
        border = cv2.BORDER_REPLICATE if outside is None else cv2.BORDER_CONSTANT
        x, y = landed[..., 0], landed[..., 1]
        return cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=border, borderValue=outside or 0)


def _expected(before: Field | None, way: _Way, scale: float) -> Field:
    """The departures of the frame before, gone on with: small pixels, float32 [h, w, 2]."""
    nothing = np.zeros((*way.shape, 2), np.float32)
    if before is None:
        return nothing
    before = before * np.float32(scale)
    expected = nothing
    for _ in range(3):  # a pixel has the departure of the place that it leads to
        expected = way.fetch(before, expected)
    return expected


def _trust(here: Grey, there: Grey, flow: Field) -> Field:
    """0..1 for each pixel: whether the flow leads to the same grey, and there is texture to tell by."""
    height, width = here.shape
    x = flow[..., 0] + np.arange(width, dtype=np.float32)
    y = flow[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    landed = cv2.remap(there, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    miss = cv2.blur(cv2.absdiff(here, landed).astype(np.float32), (5, 5))
    dx, dy = cv2.Sobel(here, cv2.CV_32F, 1, 0, scale=0.125), cv2.Sobel(here, cv2.CV_32F, 0, 1, scale=0.125)
    texture = cv2.blur(dx * dx + dy * dy, (7, 7))
    inside = (x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1)
    return np.asarray(inside * texture / (texture + 4) / (1 + (miss / 6) ** 2), np.float32)


def membrane(values: Field, trust: Field) -> Field:
    """values [h, w, n] smoothed where they are trusted and continued harmonically where they are not.

    Minimises sum trust |v - values|^2 + STIFFNESS |grad v|^2 on cells of CELL_PX pixels.
    """
    height, width = trust.shape
    rows, columns = -(-height // CELL_PX), -(-width // CELL_PX)
    size = (columns, rows)
    weight = np.asarray(cv2.resize(trust, size, interpolation=cv2.INTER_AREA), np.float32)[..., None]
    total = _resized(values * trust[..., None], size, cv2.INTER_AREA)
    field = _spread(total, weight)
    for _ in range(_SWEEPS):
        around = np.empty_like(field)
        padded = cv2.copyMakeBorder(field, 1, 1, 1, 1, cv2.BORDER_REPLICATE).reshape(rows + 2, columns + 2, -1)
        np.add(padded[:-2, 1:-1], padded[2:, 1:-1], out=around)
        around += padded[1:-1, :-2]
        around += padded[1:-1, 2:]
        field = (total + np.float32(STIFFNESS) * around) / (weight + np.float32(4 * STIFFNESS))
    return _resized(field, (width, height), cv2.INTER_LINEAR)


def _spread(total: Field, weight: Field) -> Field:
    """A first guess of the membrane: coarser and coarser means fill what the finer leave open."""
    if min(weight.shape[:2]) <= 2 or weight.min() > 0.05:
        return np.asarray(total / (weight + np.float32(1e-3)), np.float32)
    size = (-(-weight.shape[1] // 2), -(-weight.shape[0] // 2))
    coarse_weight = np.asarray(cv2.resize(weight, size, interpolation=cv2.INTER_AREA), np.float32)[..., None]
    coarse = _spread(_resized(total, size, cv2.INTER_AREA), coarse_weight)
    base = _resized(coarse, weight.shape[1::-1], cv2.INTER_LINEAR)
    return np.asarray((total + np.float32(0.05) * base) / (weight + np.float32(0.05)), np.float32)


def _resized(values: Field, size: tuple[int, int], how: int) -> Field:
    """float32 [h, w, n] as large as (width, height); n may be 1, which OpenCV leaves out."""
    return np.asarray(cv2.resize(values, size, interpolation=how), np.float32).reshape(size[1], size[0], -1)


def places(window: Window, camera: Homography, departure: Field | None, scale: float) -> tuple[Field, Field]:
    """Where the pixels of a window lie in the neighbour: x and y, float32 of the window's size each."""
    rows, columns = window
    x, y = np.meshgrid(
        np.arange(columns.start, columns.stop, dtype=np.float32), np.arange(rows.start, rows.stop, dtype=np.float32)
    )
    if departure is not None:
        across = np.float32(scale) * x + np.float32((scale - 1) / 2)
        down = np.float32(scale) * y + np.float32((scale - 1) / 2)
        moved = cv2.remap(departure, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        x, y = x + moved[..., 0], y + moved[..., 1]
    points = np.stack([x, y], -1).astype(np.float64)
    landed: Any = cv2.perspectiveTransform(points, camera)
    return np.asarray(landed[..., 0], np.float32), np.asarray(landed[..., 1], np.float32)
