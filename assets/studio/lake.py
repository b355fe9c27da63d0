"""The background picture: a mountain lake at dusk with the first stars, and a jetty to stand on."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from studio.noise import Plane, fbm, mix, smoothstep
from studio.peaks import find_peaks
from studio.sheet import OVERSAMPLE, Sheet, blend, paint_pine

WIDTH, HEIGHT = 1920, 1080
SHORE = 640
"""Row where land and water meet."""


def dusk_sky(x: Plane, y: Plane) -> Plane:
    """sRGB-coded 0..255 [H, W, 3]; x, y in pixels of the finished picture."""
    down = np.clip(y / SHORE, 0, 1)
    colour = mix((14, 19, 54), (58, 50, 112), smoothstep(0.0, 0.42, down))
    colour = mix(colour, (176, 96, 134), smoothstep(0.34, 0.70, down))
    colour = mix(colour, (255, 178, 118), smoothstep(0.62, 1.0, down))
    glow = np.exp(-(((x - 760) / 620) ** 2 + ((y - 600) / 210) ** 2))
    return mix(colour, (255, 206, 140), 0.75 * glow)


def stars(x: Plane, y: Plane) -> Plane:
    """Added brightness 0..255 [H, W]: stars and a faint milky way, fading towards the horizon."""
    rng = np.random.default_rng(201)
    height, width = x.shape
    light = np.zeros_like(x)
    for _ in range(900):
        column, row = rng.integers(2, width - 2), int(rng.uniform(0, 0.52) * height)
        strength = np.float32(60 + 195 * rng.uniform() ** 5)
        light[row, column] += strength * 4
        if strength > 170:
            light[row - 1 : row + 2, column - 1 : column + 2] += strength * 1.1
    light = cv2.GaussianBlur(light, (0, 0), 1.25) * 1.6
    band = np.exp(-(((y - 330 + 0.42 * (x - 1000)) / 120) ** 2))
    milk = 62 * band * np.clip(fbm(height, width, (300.0, 220.0), 7, 202) * 2.4 - 0.75, 0, 1)
    return np.asarray((light + milk) * smoothstep(470, 150, y), np.float32)


def paint_land(sheet: Sheet, x: Plane, y: Plane) -> None:
    """Sky, clouds, two ranges, and woods down to the shore."""
    sheet.rgb = dusk_sky(x, y)
    cloud = fbm(sheet.height, sheet.width, (700.0, 90.0), 7, 203)
    body = smoothstep(0.50, 0.72, cloud) * smoothstep(180, 380, y)
    sheet.rgb = mix(sheet.rgb, mix((120, 74, 128), (255, 158, 126), smoothstep(330, 580, y)), 0.75 * body)
    sheet.rgb = sheet.rgb + stars(x, y)[..., None] * (1 - 0.8 * body[..., None])
    ranges = (
        ((250, 400), 0.56, 9, (70, 62, 118), (222, 138, 142), 0.42),
        ((430, 520), 0.40, 9, (38, 44, 88), (150, 98, 116), 0.30),
    )
    for number, (rows, steep, count, dark, bright, veil) in enumerate(ranges):
        peaks = find_peaks(x, y, rows, steep, count, 210 + number)
        stone = mix(dark, bright, peaks.light)
        snow = smoothstep(-6, 12, 100 - 80 * number + 190 * peaks.relief - peaks.under)
        stone = mix(stone, mix((122, 118, 176), (255, 206, 186), peaks.light), snow)
        stone = mix(stone, (214, 132, 132), np.clip(veil * smoothstep(0, 230, peaks.under) * 1.5, 0, 0.85))
        sheet.rgb = mix(sheet.rgb, stone, peaks.inside)
    rng = np.random.default_rng(220)
    for size, gap, veil in ((34, 8.0, 0.45), (52, 11.0, 0.2)):
        for column in np.arange(-10, WIDTH + 10, gap):
            tall = size * rng.uniform(0.6, 1.25) * OVERSAMPLE * (0.55 + 0.9 * abs(column - 900) / 960)
            colours = blend((18, 26, 46), (150, 96, 120), veil), blend((64, 60, 84), (190, 120, 124), veil)
            foot = (SHORE + rng.uniform(-3, 2)) * OVERSAMPLE
            paint_pine(
                sheet, (column + rng.uniform(-5, 5)) * OVERSAMPLE, foot, tall, *colours, int(rng.integers(1 << 30))
            )
    sheet.rgb = sheet.rgb * (1 - 0.55 * np.exp(-(((y - SHORE) / 3.5) ** 2)))[..., None]


def paint_water(sheet: Sheet, x: Plane, y: Plane) -> None:
    """Mirrors what lies above the shore, with ripples that widen towards the viewer."""
    depth = np.clip((y - SHORE) / (HEIGHT - SHORE), 0, 1)
    ripple = fbm(sheet.height, 4096, (150.0, 3.2), 3, 231)[:, : sheet.width] - 0.5
    fine = fbm(sheet.height, sheet.width, (60.0, 5.0), 4, 232) - 0.5
    push = (ripple * (10 + 60 * depth) + fine * 40 * depth) * OVERSAMPLE
    mirror_row = 2 * SHORE * OVERSAMPLE - y * OVERSAMPLE * 1.0 + push
    mirror = cv2.remap(
        sheet.rgb,
        (x * OVERSAMPLE + push * 0.25).astype(np.float32),
        np.clip(mirror_row, 0, SHORE * OVERSAMPLE - 3).astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    water = mix(mirror * np.float32(0.86), (24, 32, 72), 0.12 + 0.42 * depth**1.5)
    water = water + (np.clip(fine, 0.08, 1) - 0.08)[..., None] * np.array([120, 90, 90], np.float32) * np.float32(0.3)
    mist = np.exp(-(((y - SHORE - 4) / 20) ** 2)) * fbm(sheet.height, sheet.width, (500.0, 60.0), 4, 233)
    water = mix(water, (232, 160, 150), 0.5 * mist)
    sheet.rgb = mix(sheet.rgb, water, (y >= SHORE).astype(np.float32))


def paint_jetty(sheet: Sheet) -> None:
    """Planks in perspective from the lower edge out into the lake, with two posts that carry lanterns."""
    rng = np.random.default_rng(241)

    def at(side: float, depth: float) -> tuple[float, float]:
        row = 838 + 262 * depth**1.7
        return (952 + side * (150 + 470 * depth**1.7)) * OVERSAMPLE, row * OVERSAMPLE

    sheet.polygon(
        [at(-1, 0), at(1, 0), (at(1, 1)[0], at(1, 1)[1] + 60), (at(-1, 1)[0], at(-1, 1)[1] + 60)], (26, 22, 36)
    )
    edges = np.linspace(0, 1, 23)
    for near, far in zip(edges[1:], edges[:-1], strict=True):
        wood = np.array([108, 80, 84]) * rng.uniform(0.80, 1.15) * (0.78 + 0.22 * (1 - near))
        gap = (near - far) * 0.08
        board = [at(-1.01, far + gap), at(1.01, far + gap), at(1.01, near - gap), at(-1.01, near - gap)]
        sheet.polygon(board, wood)
        for share in np.linspace(0.12, 0.9, 8):
            line = [blend(board[0], board[3], share), blend(board[1], board[2], share)]
            sheet.stroke(line, 2, wood * rng.uniform(0.78, 1.12))
        sheet.stroke(board[:2], 3, blend(wood, (255, 190, 140), 0.55))
    for side in (-1.0, 1.0):
        x, foot = at(side * 1.06, 0.10)
        s = OVERSAMPLE
        sheet.polygon(
            [
                (x - 9 * s, foot + 34 * s),
                (x - 8 * s, foot - 96 * s),
                (x + 8 * s, foot - 96 * s),
                (x + 9 * s, foot + 34 * s),
            ],
            (52, 40, 48),
        )
        sheet.polygon(
            [
                (x - 9 * s, foot + 34 * s),
                (x - 8 * s, foot - 96 * s),
                (x - 3 * s, foot - 96 * s),
                (x - 4 * s, foot + 34 * s),
            ],
            (150, 98, 82),
        )
        sheet.disc(x, foot - 112 * s, (11 * s, 15 * s), 0, (255, 216, 140))
        sheet.stroke([(x - 12 * s, foot - 98 * s), (x + 12 * s, foot - 98 * s)], 4 * s, (40, 32, 40))
        sheet.stroke([(x - 11 * s, foot - 127 * s), (x + 11 * s, foot - 127 * s)], 4 * s, (40, 32, 40))


def paint_lake() -> NDArray[np.uint8]:
    """uint8 [1080, 1920, 3]."""
    sheet = Sheet(HEIGHT, WIDTH)
    y, x = np.mgrid[0 : sheet.height, 0 : sheet.width].astype(np.float32) / OVERSAMPLE
    paint_land(sheet, x, y)
    paint_water(sheet, x, y)
    paint_jetty(sheet)
    picture = cv2.resize(sheet.rgb, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    y, x = y[::OVERSAMPLE, ::OVERSAMPLE], x[::OVERSAMPLE, ::OVERSAMPLE]
    for side in (-1, 1):
        centre = 952 + side * 1.06 * (150 + 470 * 0.10**1.7)
        away2 = (x - centre) ** 2 + (y - (838 + 262 * 0.10**1.7 - 112)) ** 2
        halo = 0.55 * np.exp(-away2 / 40**2) + 0.25 * np.exp(-away2 / 130**2)
        picture = picture + halo[..., None] * np.array([255, 170, 84], np.float32)
    rim = smoothstep(0.6, 1.5, np.hypot(x / (WIDTH / 2) - 1, y / (HEIGHT / 2) - 1))
    picture = picture * (1 - 0.22 * rim)[..., None] + (fbm(HEIGHT, WIDTH, (1.6, 1.6), 1, 250) - 0.5)[..., None] * 4
    return np.asarray(np.clip(np.round(picture), 0, 255), np.uint8)
