"""Seeded value noise and the small curves that shape it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

Plane = NDArray[np.float32]


def smoothstep(low: float, high: float, x: ArrayLike) -> Plane:
    """0 below `low`, 1 above `high`, the cubic 3s^2 - 2s^3 between them. `low` may exceed `high`: then it falls."""
    s = np.clip((np.asarray(x, np.float32) - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(s * s * (3 - 2 * s), np.float32)


def mix(a: ArrayLike, b: ArrayLike, share: ArrayLike) -> Plane:
    """a where `share` is 0, b where it is 1. A plane [H, W] of shares mixes colours [3] to [H, W, 3]."""
    a, b, share = (np.asarray(value, np.float32) for value in (a, b, share))
    if share.ndim and max(a.ndim, b.ndim) and (a.shape[-1:] == (3,) or b.shape[-1:] == (3,)) and share.shape[-1] != 1:
        share = share[..., None]
    return np.asarray(a + (b - a) * share, np.float32)


def value_noise(height: int, width: int, cell_px: tuple[float, float], rng: np.random.Generator) -> Plane:
    """float32 [height, width] in about 0..1: random values on a lattice of `cell_px` (x, y), joined by cubic curves."""
    columns, rows = int(np.ceil(width / cell_px[0])) + 4, int(np.ceil(height / cell_px[1])) + 4
    lattice = rng.random((rows, columns), np.float32)
    matrix = np.array([[cell_px[0], 0, -2 * cell_px[0]], [0, cell_px[1], -2 * cell_px[1]]], np.float64)
    return np.asarray(cv2.warpAffine(lattice, matrix, (width, height), flags=cv2.INTER_CUBIC), np.float32)


def fbm(height: int, width: int, cell_px: tuple[float, float], octaves: int, seed: int) -> Plane:
    """Fractal sum of `octaves` value noises, each half as large and half as strong; float32, mean about 0.5."""
    rng = np.random.default_rng(seed)
    total = np.zeros((height, width), np.float32)
    weight = 0.5
    for octave in range(octaves):
        cell = (max(cell_px[0] / 2**octave, 1.0), max(cell_px[1] / 2**octave, 1.0))
        total += np.float32(weight) * value_noise(height, width, cell, rng)
        weight /= 2
    return total / np.float32(1 - 0.5**octaves)


def ridge(width: int, cell_px: float, octaves: int, seed: int, sharpness: float = 0.0) -> Plane:
    """float32 [width] in about 0..1: a skyline. With `sharpness` towards 1 its tops become peaks."""
    rng = np.random.default_rng(seed)
    line = np.zeros(width, np.float32)
    weight = 0.5
    for octave in range(octaves):
        wave = value_noise(1, width, (max(cell_px / 2**octave, 1.0), 8.0), rng)[0]
        peaked = 1 - np.abs(2 * wave - 1)
        line += np.float32(weight) * (wave + np.float32(sharpness) * (peaked - wave))
        weight /= 2
    return line / np.float32(1 - 0.5**octaves)


def to_linear(coded: ArrayLike) -> Plane:
    """sRGB-coded 0..1 to linear light (IEC 61966-2-1)."""
    c = np.asarray(coded, np.float32)
    return np.where(c <= 0.04045, c / 12.92, ((np.maximum(c, 0) + 0.055) / 1.055) ** 2.4).astype(np.float32)


def to_coded(linear: ArrayLike) -> Plane:
    """Linear light 0..1 to sRGB-coded (IEC 61966-2-1)."""
    v = np.clip(np.asarray(linear, np.float32), 0, 1)
    return np.where(v <= 0.0031308, v * 12.92, 1.055 * np.maximum(v, 1e-6) ** (1 / 2.4) - 0.055).astype(np.float32)
