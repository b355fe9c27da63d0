"""A sheet to paint one layer of the scenery on, at twice its final size, and brushes for trees, grass and wood."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from studio.noise import to_linear

OVERSAMPLE = 2


class Sheet:
    """sRGB-coded colours 0..255 and coverage, both float32, `OVERSAMPLE` times the size of the layer they become."""

    def __init__(self, height_px: int, width_px: int, base: ArrayLike = (0, 0, 0)) -> None:
        self.height, self.width = height_px * OVERSAMPLE, width_px * OVERSAMPLE
        self.rgb = np.empty((self.height, self.width, 3), np.float32)
        self.rgb[:] = np.asarray(base, np.float32)
        self.cover = np.zeros((self.height, self.width), np.float32)

    def polygon(self, points: ArrayLike, colour: ArrayLike) -> None:
        """points [n, 2]: x, y in pixels of the sheet."""
        corners = np.round(np.asarray(points, np.float64) * 16).astype(np.int32)
        cv2.fillPoly(self.rgb, [corners], plain(colour), cv2.LINE_8, 4)
        cv2.fillPoly(self.cover, [corners], (1.0,), cv2.LINE_8, 4)

    def disc(self, x: float, y: float, radii: tuple[float, float], angle_deg: float, colour: ArrayLike) -> None:
        centre = (round(x), round(y))
        axes = (max(round(radii[0]), 1), max(round(radii[1]), 1))
        cv2.ellipse(self.rgb, centre, axes, angle_deg, 0, 360, plain(colour), -1)
        cv2.ellipse(self.cover, centre, axes, angle_deg, 0, 360, (1.0,), -1)

    def stroke(self, points: ArrayLike, width_px: int, colour: ArrayLike) -> None:
        line = np.round(np.asarray(points, np.float64) * 16).astype(np.int32)
        cv2.polylines(self.rgb, [line], False, plain(colour), width_px, cv2.LINE_8, 4)
        cv2.polylines(self.cover, [line], False, (1.0,), width_px, cv2.LINE_8, 4)

    def layer(self, blur_px: float = 0.0) -> NDArray[np.float32]:
        """float32 [height, width, 4]: linear light times coverage, and coverage. `blur_px`: as a lens out of focus."""
        light = np.dstack([to_linear(self.rgb / 255) * self.cover[..., None], self.cover])
        size = (self.width // OVERSAMPLE, self.height // OVERSAMPLE)
        small = cv2.resize(light, size, interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.GaussianBlur(small, (0, 0), blur_px) if blur_px else small, np.float32)


def plain(colour: ArrayLike) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in np.clip(np.asarray(colour, np.float64), 0, 255))
    return red, green, blue


def blend(a: ArrayLike, b: ArrayLike, share: float) -> NDArray[np.float64]:
    return np.asarray(a, np.float64) * (1 - share) + np.asarray(b, np.float64) * share


def paint_pine(
    sheet: Sheet, x: float, foot: float, height: float, dark: ArrayLike, bright: ArrayLike, seed: int
) -> None:
    """A fir of five ragged tiers, lit from the left."""
    rng = np.random.default_rng(seed)
    sheet.polygon(
        [(x - height * 0.02, foot), (x + height * 0.02, foot), (x, foot - height * 0.4)], blend(dark, (60, 40, 30), 0.5)
    )
    tiers = 8 if height > 90 else 6
    for tier in range(tiers):
        low = foot - height * (0.08 + 0.86 * tier / tiers)
        high = low - height * (1.75 / tiers - 0.010 * tier)
        half = height * 0.205 * (1 - tier / (tiers + 0.7)) ** 0.9 * rng.uniform(0.86, 1.12)
        span = np.linspace(-1, 1, 15)
        droop = height * (0.026 * (np.arange(15) % 2) + 0.035 * np.abs(span)) + rng.normal(0, height * 0.006, 15)
        hem = np.stack([x + half * span, low + droop], 1)
        sheet.polygon(np.vstack([[(x, high)], hem[::-1]]), blend(dark, bright, 0.06 + 0.03 * tier))
        sheet.polygon(np.vstack([[(x - half * 0.05, high)], hem[6::-1]]), blend(dark, bright, 0.44 + 0.04 * tier))
        if height > 60:
            paint_needles(sheet, (x, high), half, low - high, (dark, bright), rng)


def paint_needles(
    sheet: Sheet,
    top: tuple[float, float],
    half: float,
    fall: float,
    colours: tuple[ArrayLike, ArrayLike],
    rng: np.random.Generator,
) -> None:
    """Short strokes that break the flat faces of one tier of a fir."""
    for _ in range(16):
        side, deep = rng.uniform(-0.9, 0.9), rng.uniform(0.35, 0.95)
        start = (top[0] + half * side * deep, top[1] + fall * deep)
        stop = (start[0] + half * side * 0.22, start[1] + fall * rng.uniform(0.10, 0.22))
        share = np.clip(0.42 - 0.45 * side + rng.normal(0, 0.20), 0, 1)
        sheet.stroke([start, stop], 2 if fall > 26 else 1, blend(*colours, float(share)))


def paint_tree(
    sheet: Sheet, x: float, foot: float, height: float, dark: ArrayLike, bright: ArrayLike, bark: ArrayLike, seed: int
) -> None:
    """A round-headed tree: a forked trunk and a crown of leaf clusters, lit from the upper left."""
    rng = np.random.default_rng(seed)
    middle, half_wide, half_high = foot - height * 0.63, height * 0.40, height * 0.37
    for lean in (-0.16, 0.0, 0.15):
        top = (x + lean * height, middle - half_high * 0.2)
        base = height * 0.034
        sheet.polygon(
            [(x - base, foot), (x + base, foot), (top[0] + base * 0.3, top[1]), (top[0] - base * 0.3, top[1])], bark
        )
        sheet.stroke(
            [(x - base * 0.6, foot), (top[0] - base * 0.2, top[1])], max(int(base * 0.35), 1), blend(bark, bright, 0.4)
        )
    angle, radius = rng.uniform(0, 2 * np.pi, 46), np.sqrt(rng.uniform(0, 1, 46))
    clusters = np.stack([x + half_wide * radius * np.cos(angle), middle + half_high * radius * np.sin(angle)], 1)
    clusters = clusters[np.argsort(-(clusters[:, 1] * 0.8 + clusters[:, 0] * 0.3))]
    for centre in clusters:
        size = height * rng.uniform(0.075, 0.115)
        spots = rng.normal(0, 0.5, (170, 2)) * size
        spots = spots[np.argsort(-(spots[:, 1] + spots[:, 0] * 0.6))]
        crown_light = -0.55 * (centre[0] - x) / half_wide - 0.65 * (centre[1] - middle) / half_high
        for dx, dy in spots:
            own_light = -(0.5 * dx + 0.75 * dy) / size
            share = np.clip(0.40 + 0.26 * crown_light + 0.34 * own_light + rng.normal(0, 0.10), 0, 1)
            leaf = height * rng.uniform(0.006, 0.0125)
            sheet.disc(
                centre[0] + dx, centre[1] + dy, (leaf, leaf * 0.62), rng.uniform(0, 180), blend(dark, bright, share)
            )


def paint_blades(
    sheet: Sheet, roots: NDArray[np.float64], lengths: NDArray[np.float64], colours: NDArray[np.float64], seed: int
) -> None:
    """Grass, one bent blade for each root [n, 2], in the given order."""
    rng = np.random.default_rng(seed)
    for (x, y), length, colour in zip(roots, lengths, colours, strict=True):
        lean, bend = rng.normal(0.12, 0.22), rng.normal(0.10, 0.22)
        middle = (x + lean * length * 0.5, y - length * 0.55)
        tip = (x + (lean + bend) * length, y - length)
        width = 1 if length < 16 else 2 if length < 44 else 3
        sheet.stroke([(x, y), middle, tip], width, colour)


def paint_plank(sheet: Sheet, corners: ArrayLike, wood: ArrayLike, seed: int) -> None:
    """A board [4, 2] (around), with grain along its first side and light on its upper left edge."""
    rng = np.random.default_rng(seed)
    board = np.asarray(corners, np.float64)
    sheet.polygon(board, wood)
    for share in np.arange(0.12, 1.0, 0.16):
        start, stop = blend(board[0], board[3], share), blend(board[1], board[2], share)
        wave = rng.normal(0, 1.2, (5, 2))
        line = [blend(start, stop, s) + wave[i] for i, s in enumerate(np.linspace(0, 1, 5))]
        sheet.stroke(line, 2, np.asarray(wood) * rng.uniform(0.78, 1.08))
    sheet.stroke([board[0], board[1]], 5, blend(wood, (255, 226, 160), 0.62))
    sheet.stroke([board[3], board[2]], 5, np.asarray(wood) * 0.6)
