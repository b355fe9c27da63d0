"""A range of mountains: which pixels it covers, and how the light falls on it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from studio.noise import Plane, fbm, smoothstep
from studio.sheet import OVERSAMPLE


@dataclass(frozen=True, eq=False)
class Peaks:
    """All [H, W]. inside: coverage; light: 0 in shade to 1 in the sun; relief: roughness about 0; under: pixels below
    the summit that the point belongs to."""

    inside: Plane
    light: Plane
    relief: Plane
    under: Plane


def find_peaks(x: Plane, y: Plane, rows: tuple[float, float], steep: float, count: int, seed: int) -> Peaks:
    """`count` peaks, their summits between `rows`, the lower in front, each with a bright left and a dark right side.

    x, y [H, W]: place of each pixel of an oversampled sheet, in pixels of the finished layer. steep: fall for each
    pixel sideways.
    """
    rng = np.random.default_rng(seed)
    height, width = x.shape
    wide = float(x.max())
    places = (np.arange(count) + rng.uniform(0.15, 0.85, count)) * wide / count
    summits = rng.uniform(*rows, count)
    rough = fbm(height, width, (110.0 * OVERSAMPLE, 70.0 * OVERSAMPLE), 7, seed + 9) - 0.5
    jagged = 2 * np.abs(fbm(height, width, (38.0 * OVERSAMPLE, 60.0 * OVERSAMPLE), 6, seed + 19) - 0.5)
    inside, side, under = np.zeros_like(x), np.zeros_like(x), np.zeros_like(x)
    for i in np.argsort(summits):
        place, summit = places[i], summits[i]
        away = x - np.float32(place) - 70 * rough * np.clip((y - np.float32(summit)) / 90, 0.1, 1)
        level = np.float32(summit) + np.float32(steep) * np.abs(away) ** 0.96 * 1.2 + 34 * rough + 16 * jagged
        own = y > level
        side, under = np.where(own, away, side), np.where(own, y - np.float32(summit), under)
        inside = np.maximum(inside, smoothstep(-0.5, 0.5, y - level))
    crest, tilt = gullies(side, under, rough, seed)
    light = np.clip(smoothstep(7, -7, side) * 0.62 + 0.16 + tilt, 0, 1)
    relief = 0.7 * rough + 0.45 * (crest - 0.5)
    return Peaks(inside, np.asarray(light, np.float32), relief, under)


def gullies(side: Plane, under: Plane, rough: Plane, seed: int) -> tuple[Plane, Plane]:
    """Ribs that run down from the summit: their height 0..1, and how far each point leans to the light, about 0."""
    ribs = 1 - 2 * np.abs(fbm(1024, 2048, (150.0, 420.0), 5, seed + 29) - 0.5)
    lean = cv2.GaussianBlur(np.gradient(ribs, axis=1), (0, 0), 1.2)
    across = side / (np.maximum(under, 0) + 46) + 0.6 * rough
    column = np.clip(1024 + 520 * across, 0, 2047).astype(np.float32)
    row = np.clip(2.2 * under + 160 * rough + 60, 0, 1023).astype(np.float32)
    crest = cv2.remap(ribs, column, row, cv2.INTER_LINEAR)
    return np.asarray(crest, np.float32), np.asarray(24 * cv2.remap(lean, column, row, cv2.INTER_LINEAR), np.float32)
