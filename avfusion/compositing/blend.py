"""Puts an object on a background, in linear light, touching only the pixels of its edge.

Frames are 8-bit 4:2:0 planes in the clip's own colours. Where alpha is whole, planes are copied: a mask of ones gives
the frame back to the bit. Only 2 x 2 blocks with partial or mixed alpha are computed, because such a block shares one
chroma sample.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Clip, Yuv
from avfusion.matting import Matte
from avfusion.media.colour import (
    gamma_coded,
    linear_light,
    matrix_in_use,
    rgb_to_yuv_matrix,
    yuv_to_rgb_matrix,
)

# The four pixels of a block, as (row, column) offsets.
_CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])


class Blender:
    """Blends frames of one clip. `light_wrap` 0..1 lets the background's light spill over the object's edge."""

    def __init__(self, clip: Clip, *, light_wrap: float = 0.0) -> None:
        matrix, full_range = matrix_in_use(clip.colour, clip.height_px), clip.colour.full_range
        self._to_rgb = yuv_to_rgb_matrix(matrix, full_range)
        self._to_yuv = rgb_to_yuv_matrix(matrix, full_range)
        self._light_wrap = light_wrap

    def blend(self, planes: Yuv, matte: Matte, background: Yuv) -> Yuv:
        """New planes: the object of the frame's `planes` over `background`, all of one size."""
        solid = matte.alpha == 255
        out_y = background[0].copy()
        cv2.copyTo(planes[0], solid.view(np.uint8), out_y)
        alpha = _even(matte.alpha)
        solid_block, edge_block = _blocks(alpha)
        if self._light_wrap and matte.depth is not None:
            rows, columns = matte.depth.shape
            band = np.zeros_like(alpha, dtype=np.bool_)
            band[matte.top : matte.top + rows, matte.left : matte.left + columns] = (matte.depth > 0) & (
                matte.depth < 1
            )
            edge_block |= _any_of_four(band) & (_any_of_four(alpha > 0))
        out_u, out_v = background[1].copy(), background[2].copy()
        cv2.copyTo(planes[1], solid_block.view(np.uint8), out_u)
        cv2.copyTo(planes[2], solid_block.view(np.uint8), out_v)
        rows, columns = np.nonzero(edge_block)
        if len(rows):
            self._blend_blocks(planes, matte, background, (out_y, out_u, out_v), rows, columns)
        return out_y, out_u, out_v

    def _blend_blocks(
        self, planes: Yuv, matte: Matte, background: Yuv, out: Yuv, rows: NDArray[np.intp], columns: NDArray[np.intp]
    ) -> None:
        """Fills in the edge blocks at chroma positions rows, columns."""
        height, width = planes[0].shape
        y = np.minimum(2 * rows[:, None] + _CORNERS[:, 0], height - 1)
        x = np.minimum(2 * columns[:, None] + _CORNERS[:, 1], width - 1)
        alpha = matte.alpha[y, x]
        behind = self._rgb_at(background, y, x, rows, columns)
        front = self._rgb_at(planes, y, x, rows, columns)
        if matte.foreground is not None:
            foreground = matte.foreground[
                np.clip(y - matte.top, 0, matte.foreground.shape[0] - 1),
                np.clip(x - matte.left, 0, matte.foreground.shape[1] - 1),
            ]
            partial = (alpha > 0) & (alpha < 255)
            front = np.where(partial[..., None], foreground, front)
        light = linear_light()
        opacity = (alpha * np.float32(1 / 255.0))[..., None]
        mixed = opacity * light[front] + (1.0 - opacity) * light[behind]
        if self._light_wrap and matte.depth is not None:
            mixed = self._wrapped(mixed, matte, background, opacity, y, x, rows, columns)
        rgb = gamma_coded(mixed)
        to_yuv, offset = self._to_yuv
        luma = rgb @ to_yuv[0] + offset[0]
        computed = np.clip(np.rint(luma), 0, 255).astype(np.uint8)
        if not self._light_wrap:
            computed = np.where(alpha == 255, planes[0][y, x], computed)
        computed = np.where(alpha == 0, background[0][y, x], computed)
        out[0][y, x] = computed
        chroma = rgb.mean(axis=1) @ to_yuv[1:].T + offset[1:]
        chroma = np.clip(np.rint(chroma), 0, 255).astype(np.uint8)
        out[1][rows, columns] = chroma[:, 0]
        out[2][rows, columns] = chroma[:, 1]

    def _rgb_at(
        self, planes: Yuv, y: NDArray[np.intp], x: NDArray[np.intp], rows: NDArray[np.intp], columns: NDArray[np.intp]
    ) -> NDArray[np.uint8]:
        """uint8 [blocks, 4, 3] of the listed pixels."""
        to_rgb, offset = self._to_rgb
        luma = (planes[0][y, x].astype(np.float32) - offset[0])[..., None] * to_rgb[:, 0]
        chroma = np.stack([planes[1][rows, columns], planes[2][rows, columns]], axis=-1).astype(np.float32) - offset[1:]
        rgb = luma + (chroma @ to_rgb[:, 1:].T)[:, None, :]
        return np.clip(np.rint(rgb), 0, 255).astype(np.uint8)

    def _wrapped(
        self, mixed: NDArray[np.float32], matte: Matte, background: Yuv, opacity: NDArray[np.float32],
        y: NDArray[np.intp], x: NDArray[np.intp], rows: NDArray[np.intp], columns: NDArray[np.intp],
    ) -> NDArray[np.float32]:  # fmt: skip
        """Adds the blurred background's light to the object by screening, most at the edge, nothing inside."""
        assert matte.depth is not None
        height, width = background[0].shape
        sigma = 0.02 * min(height, width)
        around = tuple(_blurred(plane, sigma if plane is background[0] else sigma / 2) for plane in background)
        spill = linear_light()[self._rgb_at(around, y, x, rows, columns)]  # type: ignore[arg-type]
        depth = matte.depth[
            np.clip(y - matte.top, 0, matte.depth.shape[0] - 1), np.clip(x - matte.left, 0, matte.depth.shape[1] - 1)
        ]
        amount = self._light_wrap * opacity * (1.0 - depth[..., None])
        wrapped: NDArray[np.float32] = np.float32(1.0) - (1.0 - mixed) * (1.0 - amount * spill)
        return wrapped


def _blurred(plane: NDArray[np.uint8], sigma: float) -> NDArray[np.uint8]:
    """A wide Gaussian, computed on a quarter of the size: what is so smooth needs no more pixels."""
    height, width = plane.shape
    small = cv2.resize(plane, (max(1, width // 4), max(1, height // 4)), interpolation=cv2.INTER_AREA)
    return cv2.resize(cv2.GaussianBlur(small, (0, 0), max(0.3, sigma / 4)), (width, height))


def _even(alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = alpha.shape
    if height % 2 or width % 2:
        return cv2.copyMakeBorder(alpha, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    return alpha


def _blocks(alpha: NDArray[np.uint8]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """bool at chroma size: blocks wholly solid, and blocks that are neither wholly solid nor wholly empty."""
    upper = np.maximum(alpha[0::2], alpha[1::2])
    lower = np.minimum(alpha[0::2], alpha[1::2])
    most = np.maximum(upper[:, 0::2], upper[:, 1::2])
    least = np.minimum(lower[:, 0::2], lower[:, 1::2])
    solid = least == 255
    return solid, ~solid & (most > 0)


def _any_of_four(values: NDArray[np.bool_]) -> NDArray[np.bool_]:
    either = values[0::2] | values[1::2]
    return either[:, 0::2] | either[:, 1::2]
