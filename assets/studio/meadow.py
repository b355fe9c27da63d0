"""The scenery: an autumn meadow below mountains at golden hour, painted as layers that lie at different distances."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from studio.noise import Plane, fbm, mix, ridge, smoothstep
from studio.peaks import find_peaks
from studio.sheet import OVERSAMPLE, Sheet, blend, paint_blades, paint_pine, paint_plank, paint_tree

WIDTH, HEIGHT = 1280, 720
SHEET_WIDTH, SHEET_HEIGHT = 1840, 800
HORIZON = 432
"""Row of the horizon on a sheet."""

HAZE = np.array([250, 214, 172], np.float32)


@dataclass(frozen=True, eq=False)
class Layer:
    """pixels float32 [H, W, 4]: linear light times coverage, and coverage. near: 0 at infinity, 1 where the robot is.

    `near_low`, if given, is the value at the sheet's lower edge; `near` then holds at the horizon (a ground plane).
    """

    pixels: NDArray[np.float32]
    near: float
    near_low: float | None = None


def grid(sheet: Sheet) -> tuple[Plane, Plane]:
    """x, y of each of the sheet's pixels, in pixels of the finished layer."""
    y, x = np.mgrid[0 : sheet.height, 0 : sheet.width].astype(np.float32) / OVERSAMPLE
    return x, y


def paint_sky() -> NDArray[np.float32]:
    sheet = Sheet(SHEET_HEIGHT, SHEET_WIDTH)
    x, y = grid(sheet)
    down = np.clip(y / HORIZON, 0, 1)
    colour = mix((92, 138, 190), (158, 190, 212), smoothstep(0.0, 0.50, down))
    colour = mix(colour, (252, 218, 172), smoothstep(0.38, 0.98, down))
    glow = np.exp(-(((x - 330) / 620) ** 2 + ((y - 330) / 300) ** 2))
    colour = mix(colour, (255, 226, 168), 0.85 * glow)
    stretch = (260.0 * OVERSAMPLE, 74.0 * OVERSAMPLE)
    cloud = fbm(sheet.height, sheet.width, stretch, 7, 11)
    toward_sun = np.roll(np.roll(cloud, 14 * OVERSAMPLE, 1), -6 * OVERSAMPLE, 0)
    body = smoothstep(0.50, 0.70, cloud + 0.10 * np.exp(-(((y - 150) / 110) ** 2)) - 0.06 * smoothstep(250, 400, y))
    light = np.clip(0.55 + 4.2 * (cloud - toward_sun), 0, 1)
    cloud_colour = mix(mix((168, 170, 190), (226, 186, 170), down), (255, 242, 220), light)
    sheet.rgb = mix(colour, cloud_colour, 0.86 * body)
    sheet.cover[:] = 1
    return sheet.layer()


def paint_mountains() -> NDArray[np.float32]:
    """Two ranges of peaks with snow, far and near, veiled by warm haze."""
    sheet = Sheet(SHEET_HEIGHT, SHEET_WIDTH)
    x, y = grid(sheet)
    for number, (top, low, steep, count, veil) in enumerate(((168, 250, 0.62, 11, 0.36), (262, 330, 0.50, 13, 0.22))):
        peaks = find_peaks(x, y, (top, low), steep, count, 22 + number)
        stone = mix((92, 100, 146), (226, 170, 142), peaks.light)
        snow = smoothstep(-6, 10, 64 - number * 40 + 150 * peaks.relief - peaks.under)
        stone = mix(stone, mix((150, 168, 214), (255, 238, 220), peaks.light), snow)
        stone = mix(stone, HAZE, np.clip(veil + 0.62 * smoothstep(10, 190, peaks.under), 0, 0.94))
        sheet.rgb = mix(sheet.rgb, stone, peaks.inside)
        sheet.cover = np.maximum(sheet.cover, peaks.inside)
    return sheet.layer(blur_px=0.6)


def paint_hills() -> NDArray[np.float32]:
    """Rolling hills covered with far woods."""
    sheet = Sheet(SHEET_HEIGHT, SHEET_WIDTH)
    rng = np.random.default_rng(51)
    for number, (top, span, veil) in enumerate(((352, 66, 0.56), (384, 58, 0.36))):
        line = (top + span * (1 - ridge(sheet.width, 520 * OVERSAMPLE, 3, 61 + number))) * OVERSAMPLE
        ground = [(0, sheet.height), *((i, line[i]) for i in range(0, sheet.width, 8)), (sheet.width, sheet.height)]
        sheet.polygon(ground, blend((96, 116, 84), HAZE, veil))
        count = 1500
        xs, depth = rng.uniform(0, sheet.width - 1, count), np.sort(rng.uniform(0, 1, count) ** 1.5)
        for x, deep in zip(xs, depth, strict=True):
            foot = line[int(x)] + 4 + deep * 74 * OVERSAMPLE
            size = rng.uniform(5.5, 10.0) * OVERSAMPLE * (0.75 + 0.6 * deep + 0.25 * number)
            leaf = blend((66, 94, 74), (206, 134, 62), rng.uniform(0, 1) ** 3.0)
            dark, bright = blend(leaf * 0.72, HAZE, veil), blend(blend(leaf, (255, 214, 130), 0.5), HAZE, veil)
            if rng.uniform() < 0.62:
                paint_pine(sheet, x, foot, size * 1.7, dark, bright, int(rng.integers(1 << 30)))
            else:
                sheet.disc(x, foot - size * 0.45, (size * 0.42, size * 0.5), 0, dark)
                sheet.disc(x - size * 0.12, foot - size * 0.55, (size * 0.27, size * 0.32), 0, blend(dark, bright, 0.7))
    return sheet.layer()


def paint_wood() -> NDArray[np.float32]:
    """The edge of the forest behind the meadow in three rows, with a lit cabin."""
    sheet = Sheet(SHEET_HEIGHT, SHEET_WIDTH)
    rng = np.random.default_rng(71)
    for row, (size, gap, veil) in enumerate(((0.62, 9.0, 0.50), (0.82, 12.0, 0.32), (1.0, 17.0, 0.14))):
        columns = np.arange(-10, SHEET_WIDTH + 10, gap)
        columns = columns + rng.uniform(-gap * 0.5, gap * 0.5, len(columns))
        dip = 0.40 + 0.60 * np.clip(np.abs(columns - 1010) / 380, 0, 1) ** 0.8
        for i in rng.permutation(len(columns)):
            height = rng.uniform(60, 138) * size * dip[i] * OVERSAMPLE
            foot = (HORIZON + 4 + 3 * row + rng.uniform(-2, 3)) * OVERSAMPLE
            leaf = (26, 56, 50) if rng.uniform() > 0.16 else (120, 64, 30)
            bright = blend((150, 152, 84), (246, 176, 84), float(leaf[0] > 100))
            colours = blend(leaf, HAZE, veil), blend(bright, HAZE, veil * 0.8)
            paint_pine(sheet, columns[i] * OVERSAMPLE, foot, height, *colours, int(rng.integers(1 << 30)))
    paint_cabin(sheet, 1150 * OVERSAMPLE, (HORIZON + 16) * OVERSAMPLE, 1.15 * OVERSAMPLE)
    return sheet.layer(blur_px=0.7)


def paint_cabin(sheet: Sheet, x: float, foot: float, scale: float) -> None:
    def at(points: list[tuple[float, float]]) -> NDArray[np.float64]:
        return np.asarray(np.array(points) * scale + np.array([x, foot]))

    sheet.polygon(at([(-30, 0), (-30, -30), (10, -30), (10, 0)]), (176, 124, 82))
    sheet.polygon(at([(10, 0), (10, -30), (24, -48), (38, -30), (38, 0)]), (118, 80, 60))
    for row in range(1, 6):
        sheet.stroke(at([(-30, -5.2 * row), (10, -5.2 * row)]), 2, (136, 92, 62))
    sheet.polygon(at([(-35, -29), (-21, -50), (25, -50), (10, -29)]), (158, 84, 62))
    sheet.polygon(at([(25, -50), (42, -28), (38, -26), (23, -46)]), (86, 48, 44))
    sheet.polygon(at([(-12, -46), (-12, -64), (-3, -64), (-3, -46)]), (140, 104, 90))
    for left in (-24, -8):
        sheet.polygon(at([(left, -10), (left, -21), (left + 10, -21), (left + 10, -10)]), (255, 222, 130))
        sheet.stroke(at([(left + 5, -10), (left + 5, -21)]), 2, (120, 76, 50))
    sheet.polygon(at([(19, 0), (19, -17), (29, -17), (29, 0)]), (76, 48, 40))


def path_middle(depth: Plane | NDArray[np.float64]) -> NDArray[np.float64]:
    """Column of the path's middle on the ground sheet; depth: 0 at the horizon, 1 at the lower edge."""
    return np.asarray(
        1110 - 60 * np.sin(np.pi * depth * 1.25) - 330 * depth**1.3 + 55 * np.sin(5.2 * np.sqrt(depth + 0.02))
    )


def paint_ground() -> NDArray[np.float32]:
    """Grass with a trodden path and flowers, in perspective from the horizon to the lower edge."""
    sheet = Sheet(SHEET_HEIGHT, SHEET_WIDTH)
    x, y = grid(sheet)
    depth = np.clip((y - HORIZON) / (SHEET_HEIGHT - HORIZON), 0, 1)
    far = 1 / (depth + 0.045)
    patch = fbm(1024, 2048, (90.0, 60.0), 5, 81)
    u, v = ((x - SHEET_WIDTH / 2) * far * 0.30 + 1024) % 2047, np.clip(far * 40, 0, 1023)
    patches = cv2.remap(patch, u.astype(np.float32), v.astype(np.float32), cv2.INTER_LINEAR)
    light = np.asarray(np.clip(patches * 1.5 - 0.30 + 0.16 * (1 - x / SHEET_WIDTH), 0, 1), np.float32)
    grass = mix((82, 104, 48), (204, 182, 84), light)
    grass = mix(grass, (226, 194, 118), 0.55 * smoothstep(0.20, 0.0, depth))
    half = 5 + 128 * depth**1.15
    edge = np.abs(x - path_middle(depth).astype(np.float32)) / half + 0.5 * (
        fbm(sheet.height, sheet.width, (50.0, 26.0), 4, 82) - 0.5
    )
    soil_light = fbm(sheet.height, sheet.width, (70.0, 22.0), 7, 83) + 0.5 * (
        fbm(sheet.height, sheet.width, (9.0, 4.0), 2, 84) - 0.5
    )
    soil = mix((140, 104, 68), (228, 190, 134), np.clip(soil_light * 1.7 - 0.40, 0, 1))
    sheet.rgb = mix(grass, soil, smoothstep(1.0, 0.80, edge) * 0.9)
    sheet.cover = smoothstep(HORIZON - 0.6, HORIZON + 0.6, y)
    scatter_grass(sheet, light)
    return sheet.layer()


def scatter_grass(sheet: Sheet, light: Plane) -> None:
    """Blades and flowers over the ground, from far to near."""
    rng = np.random.default_rng(91)
    count = 34_000
    depth = np.sort(rng.uniform(0, 1, count) ** 1.25)
    columns = rng.uniform(0, SHEET_WIDTH - 1, count)
    off_path = np.abs(columns - path_middle(depth)) > (5 + 128 * depth**1.15) * rng.uniform(0.62, 1.0, count)
    depth, columns = depth[off_path], columns[off_path]
    rows = HORIZON + 2 + depth * (SHEET_HEIGHT - HORIZON - 4)
    sun = light[(rows * OVERSAMPLE).astype(int), (columns * OVERSAMPLE).astype(int)]
    share = np.clip(sun + rng.normal(0, 0.20, len(rows)), 0, 1)[:, None]
    colours = np.array([62, 92, 42]) * (1 - share) + np.array([228, 206, 104]) * share
    colours += (np.array([236, 204, 132]) - colours) * (0.5 * np.clip(1 - depth / 0.25, 0, 1))[:, None]
    lengths = (3 + 25 * depth) * rng.uniform(0.55, 1.25, len(rows)) * OVERSAMPLE
    paint_blades(sheet, np.stack([columns, rows], 1) * OVERSAMPLE, lengths, colours, 92)
    petals = ((250, 246, 236), (255, 214, 92), (240, 150, 120), (196, 160, 222))
    for i in np.sort(rng.choice(len(rows), 620, replace=False)):
        kind = (int(columns[i] / 170) + int(rng.integers(0, 2))) % len(petals)
        size = (1.0 + 3.4 * depth[i]) * OVERSAMPLE
        x, y = columns[i] * OVERSAMPLE, rows[i] * OVERSAMPLE - lengths[i] * 0.8
        sheet.disc(x, y, (size, size * 0.72), 0, petals[kind])
        sheet.disc(x, y, (size * 0.36, size * 0.3), 0, (236, 166, 52) if kind != 1 else (190, 110, 40))


def paint_fence() -> NDArray[np.float32]:
    """A wooden fence and two trees between the robot and the forest; long shadows on the grass belong to this layer."""
    sheet = Sheet(SHEET_HEIGHT, SHEET_WIDTH, (30, 40, 24))
    ground = 548
    shadow = np.zeros((sheet.height, sheet.width), np.float32)
    posts = list(range(-40, 560, 132)) + list(range(1390, 1900, 132))
    for x in posts:
        corners = np.array([(x, ground), (x + 16, ground + 2), (x + 196, ground + 62), (x + 176, ground + 64)])
        cv2.fillPoly(shadow, [(corners * OVERSAMPLE).astype(np.int32)], (0.42,))
    for x, wide in ((214, 150), (1660, 180)):
        cv2.ellipse(
            shadow,
            (int((x + 190) * OVERSAMPLE), 536 * OVERSAMPLE),
            (wide * 2 * OVERSAMPLE, 34 * OVERSAMPLE),
            6,
            0,
            360,
            (0.40,),
            -1,
        )
    shade = cv2.GaussianBlur(shadow, (0, 0), 5 * OVERSAMPLE)
    paint_tree(
        sheet, 190 * OVERSAMPLE, 520 * OVERSAMPLE, 410 * OVERSAMPLE, (112, 46, 26), (255, 184, 84), (92, 66, 52), 101
    )
    paint_tree(
        sheet, 1640 * OVERSAMPLE, 528 * OVERSAMPLE, 470 * OVERSAMPLE, (44, 66, 36), (214, 196, 92), (84, 62, 50), 102
    )
    rng = np.random.default_rng(103)
    for start, stop in ((-60, 500), (1380, 1900)):
        for height in (30, 66):
            sag = rng.uniform(-4, 4)
            rail = [
                (start, ground - height - 9),
                (stop, ground - height - 9 + sag),
                (stop, ground - height + 7 + sag),
                (start, ground - height + 7),
            ]
            paint_plank(sheet, np.array(rail) * OVERSAMPLE, (146, 110, 82), int(rng.integers(1 << 30)))
    for x in posts:
        tilt = rng.uniform(-3, 3)
        post = [(x + tilt, ground - 96), (x - 1, ground + 3), (x + 19, ground + 3), (x + 17 + tilt, ground - 94)]
        paint_plank(sheet, np.array(post) * OVERSAMPLE, (134, 98, 72), int(rng.integers(1 << 30)))
        sheet.polygon(
            np.array([(x - 2 + tilt, ground - 95), (x + 8 + tilt, ground - 106), (x + 20 + tilt, ground - 93)])
            * OVERSAMPLE,
            (196, 158, 116),
        )
    foot_grass(sheet, posts, ground)
    sheet.cover = np.maximum(sheet.cover, shade)
    return sheet.layer()


def foot_grass(sheet: Sheet, posts: list[int], ground: int) -> None:
    """Tufts that hide where posts and trunks enter the ground."""
    rng = np.random.default_rng(104)
    feet = [(x + 8, ground, 24) for x in posts for _ in range(34)] + [(190, 520, 34)] * 90 + [(1640, 528, 38)] * 90
    roots = np.array([(x + rng.normal(0, wide * 0.5), y + rng.uniform(0, 8)) for x, y, wide in feet]) * OVERSAMPLE
    share = rng.uniform(0, 1, (len(feet), 1))
    colours = np.array([78, 100, 46]) * (1 - share) + np.array([216, 196, 98]) * share
    paint_blades(sheet, roots, rng.uniform(10, 26, len(feet)) * OVERSAMPLE, colours, 105)


def paint_foreground() -> NDArray[np.float32]:
    """Grass and flowers close to the lens, out of focus, along the lower corners."""
    sheet = Sheet(SHEET_HEIGHT, SHEET_WIDTH, (70, 88, 40))
    rng = np.random.default_rng(111)
    columns = np.concatenate([rng.normal(120, 170, 520), rng.normal(1740, 170, 520)])
    roots = np.stack([columns, np.full(len(columns), SHEET_HEIGHT + 6.0)], 1) * OVERSAMPLE
    share = rng.uniform(0, 1, (len(columns), 1)) ** 1.6
    colours = np.array([44, 66, 30]) * (1 - share) + np.array([188, 166, 70]) * share
    side = np.minimum(np.abs(columns - 40), np.abs(columns - 1800))
    lengths = np.clip(200 - 0.42 * side, 50, 200) * rng.uniform(0.5, 1.1, len(columns)) * OVERSAMPLE
    paint_blades(sheet, roots, lengths, colours, 112)
    for x in np.concatenate([rng.normal(110, 110, 9), rng.normal(1760, 110, 9)]):
        size = rng.uniform(7, 12) * OVERSAMPLE
        y = (SHEET_HEIGHT - rng.uniform(60, 150)) * OVERSAMPLE
        petal = ((250, 206, 110), (244, 150, 104), (246, 236, 214))[int(rng.integers(3))]
        sheet.disc(x * OVERSAMPLE, y, (size, size * 0.8), 0, petal)
    return sheet.layer(blur_px=5.5)


def paint_scenery() -> tuple[list[Layer], list[Layer]]:
    """Layers from far to near: those behind the robot, and those in front of it."""
    behind = [
        Layer(paint_sky(), 0.04),
        Layer(paint_mountains(), 0.10),
        Layer(paint_hills(), 0.20),
        Layer(paint_wood(), 0.36),
        Layer(paint_ground(), 0.40, 1.16),
        Layer(paint_fence(), 0.70),
    ]
    return behind, [Layer(paint_foreground(), 1.5)]
