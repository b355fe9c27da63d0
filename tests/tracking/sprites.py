"""Synthetic clips with exact truth: a textured sprite over a textured plate, both moving."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Frame, Mask, Rgb, Yuv


class Still:
    """A picture made of an array, as the media reader would give it."""

    def __init__(self, rgb: Rgb) -> None:
        self._rgb = rgb

    def rgb(self) -> Rgb:
        return self._rgb

    def yuv(self) -> Yuv:
        height, width = self._rgb.shape[:2]
        even = cv2.copyMakeBorder(self._rgb, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
        luma, red, blue = cv2.split(cv2.cvtColor(even, cv2.COLOR_RGB2YCrCb))
        half = (even.shape[1] // 2, even.shape[0] // 2)
        blue, red = (cv2.resize(plane, half, interpolation=cv2.INTER_AREA) for plane in (blue, red))
        return np.ascontiguousarray(luma[:height, :width]), blue, red

    def alpha(self) -> NDArray[np.uint8] | None:
        return None


def frame(index: int, rgb: Rgb) -> Frame:
    return Frame(index, Fraction(index, 24), Still(rgb))


def texture(seed: int, height: int, width: int, tint: tuple[int, int, int], grain_px: float = 3) -> Rgb:
    """A cloudy picture of about one colour."""
    noise = np.random.default_rng(seed).normal(size=(height, width, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), grain_px)
    return np.clip(np.array(tint) + smooth / smooth.std() * 25, 0, 255).astype(np.uint8)


@dataclass(frozen=True)
class Scene:
    """A disk of radius_px crosses a plate that pans. Speeds in pixels a frame.

    pole, pole_px: x and width of an upright bar in front of everything, or None.
    gone_from: the frame from which the disk is not there.
    """

    frames: int = 20
    height: int = 180
    width: int = 280
    radius_px: int = 30
    start: tuple[float, float] = (70, 90)
    speed: tuple[float, float] = (4, 1)
    pan: float = 2
    noise: float = 0
    blur: float = 0
    pole: int | None = None
    pole_px: int = 16
    gone_from: int = 10**6
    seed: int = 0

    def play(self) -> Iterator[tuple[Frame, Mask]]:
        """(frame, true mask of what is visible), one after another."""
        plate = texture(self.seed, self.height, self.width + 400, (90, 130, 90))
        sprite = texture(self.seed + 1, 2 * self.radius_px + 1, 2 * self.radius_px + 1, (180, 80, 60))
        bar = texture(self.seed + 2, self.height, self.pole_px, (60, 60, 70))
        random = np.random.default_rng(self.seed + 3)
        y, x = np.indices((self.height, self.width))
        for index in range(self.frames):
            picture = plate[:, 200 + round(self.pan * index) :][:, : self.width].copy()
            at_x, at_y = (round(place + speed * index) for place, speed in zip(self.start, self.speed, strict=True))
            mask = (x - at_x) ** 2 + (y - at_y) ** 2 <= self.radius_px**2
            mask &= index < self.gone_from
            rows, columns = np.nonzero(mask)
            picture[mask] = sprite[rows - at_y + self.radius_px, columns - at_x + self.radius_px]
            if self.pole is not None:
                picture[:, self.pole : self.pole + self.pole_px] = bar
                mask[:, self.pole : self.pole + self.pole_px] = False
            if self.blur:
                picture = cv2.GaussianBlur(picture, (0, 0), self.blur)
            if self.noise:
                picture = np.clip(picture + random.normal(0, self.noise, picture.shape), 0, 255).astype(np.uint8)
            yield frame(index, picture), mask
