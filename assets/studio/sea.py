"""The background clip: a sea at sunset that rolls onto a beach, in a loop without a seam.

Every wave, and the edge of the water on the sand, runs through a whole number of periods in `LOOP_S` seconds.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from studio.noise import Plane, fbm, mix, smoothstep, to_coded, to_linear

WIDTH, HEIGHT, FPS, LOOP_S = 1280, 720, 24, 4
HORIZON = 318
SUN = (430.0, 268.0)
"""Where the sun's disc stands, column and row."""


def sunset(column: Plane, row: Plane) -> Plane:
    """Linear light [..., 3] of the sky at a place in the picture (above the horizon)."""
    up = np.clip((HORIZON - row) / HORIZON, 0, 1)
    colour = mix((255, 196, 120), (244, 142, 118), smoothstep(0.0, 0.30, up))
    colour = mix(colour, (146, 112, 160), smoothstep(0.22, 0.62, up))
    colour = mix(colour, (58, 80, 142), smoothstep(0.55, 1.0, up))
    light = to_linear(colour / 255)
    away = np.hypot(column - SUN[0], (row - SUN[1]) * 1.15)
    light = light + np.exp(-away / 150)[..., None] * np.array([0.85, 0.42, 0.14], np.float32)
    return np.asarray(light, np.float32)


class Sea:
    """Everything that does not move is computed once; `frame` adds the water."""

    def __init__(self) -> None:
        self.y, self.x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
        self.sky = self.paint_sky()
        self.sand_grain = fbm(HEIGHT, WIDTH, (90.0, 22.0), 7, 311)
        self.sand_fine = fbm(HEIGHT, WIDTH, (3.0, 2.0), 2, 312)
        self.shore_noise = fbm(1, WIDTH, (260.0, 8.0), 4, 313)[0] - 0.5
        self.foam = fbm(HEIGHT, WIDTH, (26.0, 9.0), 5, 314)
        self.waves = make_waves()
        below = np.maximum(self.y - HORIZON, 0.7)
        self.reach = 620 / below
        self.sideways = (self.x - WIDTH / 2) / 620 * self.reach

    def paint_sky(self) -> Plane:
        light = sunset(self.x, self.y)
        cloud = fbm(HEIGHT, WIDTH, (420.0, 70.0), 7, 301)
        toward = cv2.warpAffine(
            cloud, np.array([[1, 0, 0], [0, 1, -7.0]]), (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE
        )
        body = smoothstep(0.49, 0.70, cloud + 0.05) * smoothstep(HORIZON, HORIZON - 90, self.y)
        edge = np.clip(0.42 + 5.0 * (cloud - toward), 0, 1)
        shade = to_linear(mix((116, 84, 132), (255, 178, 130), edge) / 255)
        light = mix(light, shade, 0.80 * body)
        disc = smoothstep(33, 31, np.hypot(self.x - SUN[0], self.y - SUN[1]))
        return mix(light, (1.6, 1.25, 0.80), disc * (1 - 0.6 * body))

    def frame(self, index: int) -> NDArray[np.uint8]:
        """uint8 [720, 1280, 3]; frame 0 follows frame `FPS * LOOP_S - 1` without a jump."""
        phase = 2 * np.pi * index / (FPS * LOOP_S)
        light = self.sky.copy()
        light[HORIZON:] = self.water(phase)[HORIZON:]
        light = self.beach(light, phase)
        glow = cv2.GaussianBlur(np.clip(light - 0.8, 0, 2), (0, 0), 9)
        light = light + 0.35 * glow
        knee = np.float32(0.65)
        light = np.minimum(light, knee) + (1 - knee) * (1 - np.exp(-np.maximum(light - knee, 0) / (1 - knee)))
        rim = smoothstep(0.6, 1.5, np.hypot(self.x / (WIDTH / 2) - 1, self.y / (HEIGHT / 2) - 1))
        return np.asarray(np.round(to_coded(light * (1 - 0.25 * rim)[..., None]) * 255), np.uint8)

    def water(self, phase: float) -> Plane:
        """Linear light of the sea [H, W, 3]: the mirrored sky on a sum of waves, and the water's own colour."""
        slope_x, slope_z = np.zeros_like(self.x), np.zeros_like(self.x)
        part = np.s_[HORIZON:]
        footprint = self.reach[part] ** 2 / 620
        for along_x, along_z, height, turns, start in self.waves:
            number = float(np.hypot(along_x, along_z))
            angle = np.float32(along_x) * self.sideways[part] + np.float32(along_z) * self.reach[part]
            fade = np.float32(height) * np.exp(-((0.55 * abs(along_z) * footprint) ** 2) - (0.4 * number / 620) ** 2)
            tilt = np.cos(angle + np.float32(turns * phase + start)) * fade
            slope_x[part] += tilt * np.float32(along_x)
            slope_z[part] += tilt * np.float32(along_z)
        grazing = np.clip((self.y - HORIZON) / 620, 0.001, 1)
        facing = np.clip(grazing + 0.9 * np.abs(slope_z) * 0.35, 0, 1)
        fresnel = 0.03 + 0.97 * (1 - np.clip(facing * 1.7, 0, 1)) ** 4
        column = np.clip(self.x + 520 * slope_x, 0, WIDTH - 1).astype(np.float32)
        row = np.clip(HORIZON - (self.y - HORIZON) * 0.85 - 12 - 420 * np.abs(slope_z), 0, HORIZON - 1).astype(
            np.float32
        )
        soft = cv2.GaussianBlur(self.sky, (0, 0), 4)
        mirror = cv2.remap(soft, column, row, cv2.INTER_LINEAR)
        deep = mix((0.030, 0.085, 0.12), (0.05, 0.20, 0.21), smoothstep(380, 600, self.y))
        light = mix(deep, mirror, fresnel)
        broad = 26 + 0.42 * (self.y - HORIZON)
        road = np.exp(-(((self.x + 240 * slope_x - SUN[0]) / broad) ** 2)) * smoothstep(300, 20, self.y - HORIZON)
        glints = smoothstep(0.05, 0.17, slope_z + 0.05 * smoothstep(120, 0, self.y - HORIZON)) * road
        light = light + glints[..., None] * np.array([1.25, 0.82, 0.42], np.float32)
        return mix(light, self.sky[HORIZON - 2][None], 0.75 * smoothstep(HORIZON + 14, HORIZON, self.y))

    def beach(self, light: Plane, phase: float) -> Plane:
        """Sand in the lower part; the water's edge goes up and down it, with foam, and leaves it wet and shining."""
        swash = np.sin(phase) + 0.25 * np.sin(2 * phase + 1.0)
        base = 596 + 46 * self.shore_noise * 2 + 0.016 * (self.x[0] - WIDTH / 2)
        edge = (base + 17 * swash + 10 * np.roll(self.shore_noise, 90) * np.cos(phase))[None, :]
        away = self.y - edge
        dry = to_linear(mix((176, 122, 96), (232, 178, 136), np.clip(self.sand_grain * 1.5 - 0.3, 0, 1)) / 255)
        dry = dry * (0.86 + 0.28 * self.sand_fine)[..., None]
        mirror_row = np.clip(HORIZON - (self.y - 560) * 0.9 - 40, 0, HORIZON - 1).astype(np.float32)
        mirror = cv2.remap(cv2.GaussianBlur(self.sky, (0, 0), 12), self.x, mirror_row, cv2.INTER_LINEAR)
        wet = 0.34 * dry + 0.50 * mirror
        wetness = soft_edge(self.y, base, 26, 64)
        sand = mix(dry, wet, wetness)
        shadow = np.exp(-((np.clip(away, 0, None) / 5) ** 2)) * (away > 0)
        sand = sand * (1 - 0.30 * shadow)[..., None]
        thin = mix(light, wet * 0.8 + 0.1, 0.75 * smoothstep(-46, 0, away))
        lace = smoothstep(0.44, 0.60, self.foam + 0.20 * np.exp(-((away / 9) ** 2)) - 0.05)
        foam = lace * smoothstep(-58, -4, away) + np.exp(-(((away + 2.5) / 3.2) ** 2))
        second = away + 62 + 10 * np.sin(phase + 2.2) + 26 * np.roll(self.shore_noise, 330)[None, :]
        foam = foam + 0.7 * lace * np.exp(-((second / 6) ** 2))
        sea = mix(thin, (0.95, 0.80, 0.70), np.clip(foam, 0, 1) * 0.85)
        return mix(sea, sand, smoothstep(-1, 1, away))


def soft_edge(y: Plane, base: Plane, near: float, far: float) -> Plane:
    """1 up to `near` pixels below `base` [W], 0 from `far` pixels on."""
    return smoothstep(far, near, y - base[None, :])


def make_waves() -> list[tuple[float, float, float, int, float]]:
    """(wave number sideways, away from the viewer, height, whole turns in a loop, phase), from swell to ripples."""
    rng = np.random.default_rng(321)
    waves = []
    for i in range(38):
        number = 1.1 * 1.165**i
        heading = rng.normal(0, 0.34)
        turns = max(round(np.sqrt(number * 2.2) * LOOP_S / (2 * np.pi)), 1)
        height = 0.055 * number**-1.18
        waves.append((number * np.sin(heading), number * np.cos(heading), height, turns, rng.uniform(0, 2 * np.pi)))
    return waves
