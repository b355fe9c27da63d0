"""Clips with known truth: a textured wall filmed by a camera that stands, moves, or changes its exposure."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Clip, Frame, Mask, Rgb, Yuv
from avfusion.inpainting import ClipInpainter, Filled, Wish

HEIGHT, WIDTH = 96, 160


def wall(seed: int = 0) -> NDArray[np.float32]:
    """float32 [300, 500, 3], texture of several sizes."""
    noise = np.random.default_rng(seed).normal(0, 1, (300, 500, 3)).astype(np.float32)
    layers = [cv2.GaussianBlur(noise, (0, 0), size) for size in (1.5, 4, 12)]
    return np.clip(128 + sum(25 * layer / layer.std() for layer in layers), 0, 255).astype(np.float32)


def view(of: NDArray[np.float32], x: float, y: float) -> NDArray[np.float32]:
    """What a camera sees that looks at the wall from x, y on."""
    shift = np.array([[1, 0, x], [0, 1, y]], np.float32)
    how = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return np.clip(cv2.warpAffine(of, shift, (WIDTH, HEIGHT), flags=how), 0, 255).astype(np.float32)


def disc(x: float, y: float, radius: int = 14) -> Mask:
    plane = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.circle(plane, (round(x), round(y)), radius, 1, -1)
    return plane.astype(bool)


@dataclass
class _Picture:
    pixels: Rgb

    def rgb(self) -> Rgb:
        return self.pixels

    def yuv(self) -> Yuv:
        planes = cv2.cvtColor(self.pixels, cv2.COLOR_RGB2YUV)
        return planes[..., 0], planes[::2, ::2, 1], planes[::2, ::2, 2]

    def alpha(self) -> None:
        return None


def clip_of(frame_at: Callable[[int], Rgb], count: int) -> Clip:
    """A clip whose frames are made when they are asked for."""

    def read(clip: Clip, start: int, stop: int, backwards: bool) -> Iterator[Frame]:
        for index in reversed(range(start, stop)) if backwards else range(start, stop):
            yield Frame(index, clip.time(index), _Picture(frame_at(index)))

    height, width = frame_at(0).shape[:2]
    ticks = np.arange(count, dtype=np.int64)
    made = Path("made")
    return Clip(made, width, height, Fraction(25), Fraction(1, 25), ticks, count, "", "", "", read_frames=read)


@dataclass
class Holes:
    """`Masks` made when they are asked for."""

    hole_at: Callable[[int], Mask]
    frame_count: int
    engine: str = "made"

    def union(self, frame: int) -> Mask:
        return self.hole_at(frame)

    def labels(self, frame: int) -> NDArray[np.uint8]:
        return self.union(frame).astype(np.uint8)


@dataclass
class Scene:
    """truth: what the frames would show without the hole. What is shown in the hole instead is a bright blob."""

    truth: Sequence[NDArray[np.float32]]
    holes: Sequence[Mask]
    noise: float = 1.0

    def shown(self) -> list[Rgb]:
        draw = np.random.default_rng(5)
        out = []
        for truth, hole in zip(self.truth, self.holes, strict=True):
            noisy = np.clip(np.rint(truth + draw.normal(0, self.noise, truth.shape)), 0, 255).astype(np.uint8)
            noisy[hole] = (250, 30, 200)
            out.append(noisy)
        return out

    def filled_by(self, engine: ClipInpainter, wish: Wish = Wish()) -> list[Filled]:  # noqa: B008
        shown = self.shown()
        clip = clip_of(shown.__getitem__, len(shown))
        with tempfile.TemporaryDirectory() as folder:
            holes = Holes(self.holes.__getitem__, len(self.holes))
            return list(engine.fill(clip, holes, wish, folder=Path(folder), tell=lambda *_: None))


def psnr_db(made: NDArray[np.uint8], truth: NDArray[np.float32], where: Mask) -> float:
    return float(10 * np.log10(255**2 / np.mean((made[where].astype(np.float64) - truth[where]) ** 2)))
