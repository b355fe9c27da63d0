"""Numbers and colours: the matrices of ITU-T H.273 between Y'CbCr and R'G'B', and the curve to linear light."""

from __future__ import annotations

import functools

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import ColourTags, Rgb, Yuv

# Luma weights (Kr, Kb) by matrix number, ITU-T H.273 table 4.
_LUMA_WEIGHTS = {
    1: (0.2126, 0.0722),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
}


def has_matrix(matrix: int) -> bool:
    """Whether pictures with this matrix number can be turned into colours here."""
    return matrix in _LUMA_WEIGHTS


def matrix_in_use(tags: ColourTags, height_px: int) -> int:
    """The matrix number to decode with. Untagged video is BT.709 from 720 lines up, BT.601 below, as players assume."""
    if has_matrix(tags.matrix):
        return tags.matrix
    return 1 if height_px >= 720 else 6


def swscale_matrix(matrix: int) -> int:
    """swscale's own number for a matrix of H.273: it knows the two names of BT.601 by the first only."""
    return 5 if matrix == 6 else matrix


@functools.lru_cache(maxsize=32)
def yuv_to_rgb_matrix(matrix: int, full_range: bool) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(M [3, 3], offset [3]) with rgb = (yuv - offset) @ M.T, 8-bit numbers on both sides."""
    kr, kb = _LUMA_WEIGHTS[matrix]
    kg = 1.0 - kr - kb
    luma_gain = 1.0 if full_range else 255.0 / 219.0
    chroma_gain = 1.0 if full_range else 255.0 / 224.0
    from_difference = np.array(
        [
            [1.0, 0.0, 2.0 * (1.0 - kr)],
            [1.0, -2.0 * kb * (1.0 - kb) / kg, -2.0 * kr * (1.0 - kr) / kg],
            [1.0, 2.0 * (1.0 - kb), 0.0],
        ]
    )
    gains = np.diag([luma_gain, chroma_gain, chroma_gain])
    offset = np.array([0.0 if full_range else 16.0, 128.0, 128.0])
    return (from_difference @ gains).astype(np.float32), offset.astype(np.float32)


@functools.lru_cache(maxsize=32)
def rgb_to_yuv_matrix(matrix: int, full_range: bool) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(M [3, 3], offset [3]) with yuv = rgb @ M.T + offset, 8-bit numbers on both sides."""
    forward, offset = yuv_to_rgb_matrix(matrix, full_range)
    return np.linalg.inv(forward.astype(np.float64)).astype(np.float32), offset


def rgb_to_yuv(rgb: Rgb, *, matrix: int, full_range: bool) -> Yuv:
    """4:2:0 planes of a picture; chroma is the mean of each 2 x 2 block. Odd sizes repeat the last row or column."""
    height, width = rgb.shape[:2]
    rows, columns = -(-height // 2), -(-width // 2)
    to_yuv, offset = rgb_to_yuv_matrix(matrix, full_range)
    affine = np.concatenate([to_yuv, offset[:, None]], axis=1)
    luma = np.asarray(cv2.transform(rgb, affine[:1]), np.uint8).reshape(height, width)
    if (height, width) != (2 * rows, 2 * columns):
        rgb = np.asarray(
            cv2.copyMakeBorder(rgb, 0, 2 * rows - height, 0, 2 * columns - width, cv2.BORDER_REPLICATE), np.uint8
        )
    quarter = cv2.resize(rgb, (columns, rows), interpolation=cv2.INTER_AREA)
    chroma = np.asarray(cv2.transform(quarter, affine[1:]), np.uint8)
    return luma, np.ascontiguousarray(chroma[..., 0]), np.ascontiguousarray(chroma[..., 1])


@functools.lru_cache(maxsize=1)
def linear_light() -> NDArray[np.float32]:
    """float32 [256]: 8-bit gamma-coded value to light in 0..1, by the sRGB curve (IEC 61966-2-1).

    Video is decoded with the same curve: screens show both alike, and blending needs the light that the eye gets.
    """
    code = np.arange(256) / 255.0
    return np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4).astype(np.float32)


# A table over light in steps of 1/16383 keeps the inverse curve exact to the 8-bit code, dark end included.
_LIGHT_STEPS = 16383


@functools.lru_cache(maxsize=1)
def _gamma_table() -> NDArray[np.float32]:
    light = np.arange(_LIGHT_STEPS + 1) / _LIGHT_STEPS
    code = np.where(light <= 0.0031308, light * 12.92, 1.055 * np.maximum(light, 1e-12) ** (1 / 2.4) - 0.055)
    return (code * 255.0).astype(np.float32)


def gamma_coded(light: NDArray[np.float32]) -> NDArray[np.float32]:
    """Light in 0..1 (clipped) to gamma-coded values in 0..255, not rounded."""
    index = np.clip(light, 0.0, 1.0) * _LIGHT_STEPS + 0.5
    table: NDArray[np.float32] = _gamma_table()[index.astype(np.int32)]
    return table
