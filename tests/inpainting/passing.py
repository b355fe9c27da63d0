"""A clip in memory: spots that pass behind a hole."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Clip, Frame, Mask, Rgb, Yuv


@dataclass(frozen=True)
class Shown:
    """A picture of a clip in memory."""

    pixels: Rgb

    def rgb(self) -> Rgb:
        return self.pixels

    def yuv(self) -> Yuv:
        """For even sides only."""
        height, width = self.pixels.shape[:2]
        planes = np.asarray(cv2.cvtColor(self.pixels, cv2.COLOR_RGB2YUV_I420), np.uint8).reshape(-1)
        luma, blue, red = np.split(planes, [height * width, height * width * 5 // 4])
        half = (height // 2, width // 2)
        return luma.reshape(height, width), blue.reshape(half), red.reshape(half)

    def alpha(self) -> None:
        return None


@dataclass
class Scene:
    """Spots that move to the left, and a hole that moves to the right, by so many pixels a frame.

    It is its own masks, with a hole in the frames first..last. asked: the spans of frames that were read.
    """

    frame_count: int
    height: int = 32
    width: int = 48
    first: int = 0
    last: int = 10**6
    spots_px: float = 2.0
    hole_px: float = 1.0
    engine: str = "by hand"
    asked: list[tuple[int, int]] = field(default_factory=list)

    def frame(self, index: int) -> Rgb:
        spots = np.random.default_rng(3).integers(0, 256, (6, 40, 3), np.uint8)
        wide: Rgb = cv2.resize(spots, (self.width * 4, self.height), interpolation=cv2.INTER_CUBIC)
        shift = np.float32([[1, 0, -index * self.spots_px], [0, 1, 0]])
        return np.asarray(cv2.warpAffine(wide, shift, (self.width, self.height), flags=cv2.INTER_CUBIC), np.uint8)

    def union(self, frame: int) -> Mask:
        hole = np.zeros((self.height, self.width), bool)
        if self.first <= frame <= self.last:
            left = 6 + round(frame * self.hole_px)
            hole[8 : self.height - 8, left : left + self.width // 2 - 6] = True
        return hole

    def labels(self, frame: int) -> NDArray[np.uint8]:
        return self.union(frame).view(np.uint8)

    @property
    def clip(self) -> Clip:
        def read(clip: Clip, start: int, stop: int, backwards: bool) -> Iterator[Frame]:
            self.asked.append((start, stop))
            for index in reversed(range(start, stop)) if backwards else range(start, stop):
                yield Frame(index, Fraction(index, 25), Shown(self.frame(index)))

        ticks = np.arange(self.frame_count, dtype=np.int64)
        return Clip(
            Path("scene"), self.width, self.height, Fraction(25), Fraction(1, 25), ticks, self.frame_count, "raw",
            "raw", "rgb24", read_frames=read,
        )  # fmt: skip
