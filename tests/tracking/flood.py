"""A model of the protocol of the SAM family that sees regions of one even colour, and clips of even sprites with truth.

It is exact on such pictures, so that tests of what is built on SAM know what SAM should have said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from avfusion.clip import Frame, Mask, Rgb
from avfusion.segmentation.asked import Asked
from avfusion.segmentation.promptable import Decoded
from tests.tracking.sprites import frame, texture

_LEAST_PX = 20


class FloodFill:
    """A box is answered by the region that fills it best, a click by the one that it is on."""

    def encode(self, rgb: Rgb) -> Rgb:
        return rgb

    def decode(self, embedding: Rgb, asked: Asked, *, several: bool) -> Decoded:
        masks = [region(embedding, int(click.x), int(click.y)) for click in asked.clicks]
        if asked.box is not None:
            box = asked.box
            places = np.linspace(0.1, 0.9, 5)
            inside = [
                region(embedding, int(box.x0 + across * (box.x1 - box.x0)), int(box.y0 + down * (box.y1 - box.y0)))
                for across in places
                for down in places
            ]
            masks = [max(inside, key=lambda mask: _fills(mask, (box.x0, box.y0, box.x1, box.y1)))]
        masks = masks * 3 if several else masks
        return Decoded(np.stack(masks), np.ones(len(masks)))


def region(rgb: Rgb, x: int, y: int) -> Mask:
    """All that hangs together with a pixel and has its colour."""
    filled = np.zeros((rgb.shape[0] + 2, rgb.shape[1] + 2), np.uint8)
    cv2.floodFill(rgb.copy(), filled, (x, y), 0, 0, 0, cv2.FLOODFILL_MASK_ONLY | 4)
    return filled[1:-1, 1:-1] > 0


def regions(rgb: Rgb) -> list[Mask]:
    """Every region of a picture that is not tiny."""
    left = np.ones(rgb.shape[:2], bool)
    found = []
    number = rgb.astype(np.int32) @ np.array([65536, 256, 1], np.int32)
    colours, counts = np.unique(number, return_counts=True)
    for colour in colours[counts >= _LEAST_PX]:
        alike = number == colour
        while (there := alike & left).any():
            y, x = np.unravel_index(int(there.argmax()), there.shape)
            part = region(rgb, int(x), int(y))
            left &= ~part
            if part.sum() >= _LEAST_PX:
                found.append(part)
    return found


def _fills(mask: Mask, box: tuple[float, float, float, float]) -> float:
    x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
    across = max(0.0, min(x + width, box[2]) - max(x, box[0]))
    down = max(0.0, min(y + height, box[3]) - max(y, box[1]))
    both = across * down
    return both / (width * height + (box[2] - box[0]) * (box[3] - box[1]) - both)


@dataclass(frozen=True)
class Sprite:
    """An even disc. start, speed: of its middle (x, y), in pixels and pixels a frame. gone: frames without it."""

    start: tuple[float, float]
    speed: tuple[float, float]
    colour: tuple[int, int, int] = (220, 60, 40)
    radius_px: int = 18
    gone: range = range(0)


def play(
    sprites: Sequence[Sprite], *, frames: int, bar: tuple[int, int] | None = None, height: int = 140, width: int = 260
) -> Iterator[tuple[Frame, list[Mask]]]:
    """(frame, true masks of what is visible of each sprite); the first sprite is in front, and the bar (x, width in
    pixels) before all of them."""
    ground = texture(0, height, width, (90, 130, 90))
    y, x = np.indices((height, width))
    for index in range(frames):
        picture = ground.copy()
        discs = []
        for sprite in sprites:
            at_x, at_y = (start + speed * index for start, speed in zip(sprite.start, sprite.speed, strict=True))
            disc = (x - round(at_x)) ** 2 + (y - round(at_y)) ** 2 <= sprite.radius_px**2
            discs.append(disc & (index not in sprite.gone))
        for sprite, disc in reversed(list(zip(sprites, discs, strict=True))):
            picture[disc] = sprite.colour
        covered = np.zeros((height, width), bool)
        if bar is not None:
            covered[:, bar[0] : bar[0] + bar[1]] = True
            picture[covered] = (70, 70, 160)
        masks = []
        for disc in discs:
            masks.append(disc & ~covered)
            covered |= disc
        yield frame(index, picture), masks
