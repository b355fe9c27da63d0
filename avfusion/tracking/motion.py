"""Dense optical flow, whether it can be trusted, and smooth motion of the background.

Flows are float32 [h, w, 2] and point from a pixel of one picture to where it lies in the other, in pixels. DIS is the
method of T. Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016, as OpenCV has it.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Mask
from avfusion.tracking.window import Field, Plane, resample

Matrix = NDArray[np.floating[Any]]
"""[2, 3]: motion (u, v) = matrix @ (x, y, 1)."""

GRID_PX = 6
"""Background motion is looked at on every GRID_PX-th pixel in both directions."""

NEAR_CELLS = 5
"""Around objects, the flow of this many grid cells is theirs rather than the background's."""

SMOOTH_CELLS = 8.0
"""How far, in grid cells, the background's departures from one affine motion are spread."""

_PATCH_PX = 8
"""DIS compares squares of so many pixels, with every preset in use."""

_LEAST_LONGER_SIDE_PX = 12
"""DIS refuses pictures of which no side is so long."""


def coarse_flow(here: Plane, there: Plane) -> Field:
    """Where every pixel of `here` lies in `there`, roughly."""
    return dense_flow(cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST), here, there)


def fine_flow(here: Plane, there: Plane, stride_px: int) -> Field:
    """Where every pixel of `here` lies in `there`, from patches of 8x8 pixels every stride_px.

    Without variational refinement: it takes half of the time and was not seen to make masks better.
    """
    method = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    method.setPatchStride(stride_px)
    method.setGradientDescentIterations(12)
    method.setVariationalRefinementIterations(0)
    return dense_flow(method, here, there)


def dense_flow(method: Any, here: Plane, there: Plane, start: Field | None = None) -> Field:
    """Where every pixel of `here` lies in `there`, by a cv2.DISOpticalFlow; `start` is what it begins with.

    Every DIS flow of the house comes from here: by itself, OpenCV reads beyond the memory of a picture that is very
    flat and wide, and then ends the process or answers NaN. Such a picture first gets more rows like its border.
    """
    start = np.zeros((*here.shape, 2), np.float32) if start is None else start.copy()
    height, width = here.shape
    high, wide = _smallest_shape(method, width)
    more_rows, more_columns = max(0, high - height), max(0, wide - width)
    if not more_rows and not more_columns:
        return np.asarray(method.calc(here, there, start), np.float32)
    top, left = more_rows // 2, more_columns // 2
    margins = (top, more_rows - top, left, more_columns - left)
    here, there, start = (
        cv2.copyMakeBorder(each, *margins, cv2.BORDER_REPLICATE) for each in (here, there, np.asarray(start))
    )
    flow = np.asarray(method.calc(here, there, start), np.float32)
    return np.ascontiguousarray(flow[top : top + height, left : left + width])


def _smallest_shape(method: Any, width: int) -> tuple[int, int]:
    """Height and width, in pixels, of the smallest picture that DIS can work on when it is `width` wide.

    Where the finest scale that was asked for has less than one patch of rows, OpenCV takes scales by the width alone:
    the coarsest has 20 to 39 columns. One patch of rows must be left on the coarser of the two.
    """
    if width < _LEAST_LONGER_SIDE_PX:
        return _LEAST_LONGER_SIDE_PX, _PATCH_PX
    halvings_by_width = max(1, width // 20).bit_length() - 1
    return _PATCH_PX << min(method.getFinestScale(), halvings_by_width), _PATCH_PX


def sources(flow: Field) -> tuple[Field, Field]:
    """Where every pixel comes from: x and y, float32 [h, w] each."""
    height, width = flow.shape[:2]
    x = flow[..., 0] + np.arange(width, dtype=np.float32)
    y = flow[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    return x, y


def look_up(values: Field, x: Field, y: Field) -> Field:
    """values [h, w] or [h, w, channels] at real-valued places; borders repeat."""
    return np.asarray(cv2.remap(values, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)


def reliability(back: Field, forth: Field) -> Field:
    """0..1: whether going back and forth ends where it began. float32 [h, w] on the pixels of `back`."""
    returned = look_up(forth, *sources(back))
    dx, dy = back[..., 0] + returned[..., 0], back[..., 1] + returned[..., 1]
    length2 = back[..., 0] * back[..., 0] + back[..., 1] * back[..., 1]
    return np.exp(-(dx * dx + dy * dy) / (1 + np.float32(0.02) * length2))


def thrown(values: Field, forth: Field) -> Field:
    """values in 0..1 carried along `forth` to the pixels where they land; 0 where none lands.

    Looking up backwards stretches an object over ground that it has just left; here that ground stays empty.
    """
    height, width = values.shape
    x, y = sources(forth)
    column, row = np.rint(x).astype(np.int32), np.rint(y).astype(np.int32)
    lands = (column >= 0) & (row >= 0) & (column < width) & (row < height) & (values > 0.05)
    target = (row * width + column)[lands]
    landed = np.bincount(target, values[lands], height * width).reshape(height, width).astype(np.float32)
    filled = cv2.blur(np.minimum(landed, 1), (3, 3))
    return np.asarray(cv2.dilate(filled, np.ones((3, 3), np.uint8)), np.float32)


def fit_affine(points: Matrix, vectors: Matrix, weights: Matrix, rounds: int = 5) -> Matrix:
    """The affine motion of points [n, 2] with vectors [n, 2], outliers counted less and less.

    Iteratively reweighted least squares with Geman-McClure weights; few points give a plain shift.
    """
    centre = points.mean(0)
    terms = np.column_stack([(points - centre) / 100, np.ones(len(points))])
    keep_small = np.diag([1e-2, 1e-2, 0]) * weights.mean() + 1e-6 * np.eye(3)
    share = weights
    solution = np.zeros((3, 2))
    for _ in range(rounds):
        weighted = terms * share[:, None]
        solution = np.linalg.solve(weighted.T @ terms + keep_small, weighted.T @ vectors)
        miss2 = ((terms @ solution - vectors) ** 2).sum(1)
        usual2 = max(1.0, float(np.median(miss2[weights > 0])) if weights.any() else 1.0)
        share = weights / (1 + miss2 / usual2) ** 2
    linear = solution[:2].T / 100
    return np.column_stack([linear, solution[2] - linear @ centre])


def affine_field(matrix: Matrix, shape: tuple[int, int]) -> Field:
    """The motion at every pixel of a picture of `shape`, float32 [h, w, 2]."""
    x = np.arange(shape[1], dtype=np.float32)
    y = np.arange(shape[0], dtype=np.float32)[:, None]
    field = np.empty((*shape, 2), np.float32)
    for axis, (by_x, by_y, shift) in enumerate(matrix.astype(np.float32)):
        field[..., axis] = by_x * x + (by_y * y + shift)
    return field


def background_motion(flow: Field, covered: Mask) -> Field:
    """A smooth motion of all that is not covered by objects, continued under them. float32 [h, w, 2].

    One affine motion for the camera, plus what depth and unevenness add, spread from the uncovered neighbourhood.
    `covered` is bool [h, w], where objects were in the picture that the flow leads to.
    """
    height, width = covered.shape
    rows, columns = np.mgrid[0:height:GRID_PX, 0:width:GRID_PX]
    seen = flow[::GRID_PX, ::GRID_PX]
    x = np.clip(np.rint(seen[..., 0] + columns).astype(np.int32), 0, width - 1)
    y = np.clip(np.rint(seen[..., 1] + rows).astype(np.int32), 0, height - 1)
    hidden = covered[y, x]
    points = np.column_stack([columns.ravel(), rows.ravel()]).astype(np.float64)
    vectors = seen.reshape(-1, 2).astype(np.float64)
    matrix = fit_affine(points, vectors, (~hidden).ravel().astype(np.float64))

    rest = (vectors - points @ matrix[:, :2].T - matrix[:, 2]).reshape(*hidden.shape, 2).astype(np.float32)
    miss2 = rest[..., 0] ** 2 + rest[..., 1] ** 2
    near = cv2.dilate(hidden.view(np.uint8), np.ones((NEAR_CELLS, NEAR_CELLS), np.uint8)).astype(bool)
    weight = np.where(near, 0, 1 / (1 + miss2 / (4 + np.median(miss2)))).astype(np.float32)
    total = cv2.GaussianBlur(weight, (0, 0), SMOOTH_CELLS, borderType=cv2.BORDER_CONSTANT)
    spread = cv2.GaussianBlur(rest * weight[..., None], (0, 0), SMOOTH_CELLS, borderType=cv2.BORDER_CONSTANT)
    smooth = (spread / (total[..., None] + np.float32(0.02))).astype(np.float32)
    return affine_field(matrix, covered.shape) + resample(smooth, 1 / GRID_PX, 1 / GRID_PX, 0, 0, covered.shape)
