"""What a vision-language model is shown: frames side by side with numbers on them, and boxes with numbers at them."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from avfusion.clip import Box, Rgb

TILE_PX = 512
"""The longer side of one frame in a collage."""
PICTURE_PX = 1024
"""The longer side of a frame with boxes."""

_COLOURS = ((0, 200, 0), (255, 80, 200), (255, 150, 0), (60, 120, 255), (230, 220, 0))
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def collage(frames: Sequence[Rgb], columns: int) -> Rgb:
    """Frames of one size from left to right and from top to bottom, each with its number, from 1, in a disc in its
    upper left corner."""
    tiles = [_numbered(_fitted(frame, TILE_PX), place + 1) for place, frame in enumerate(frames)]
    empty = [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
    rows = [np.hstack(each) for each in _by(columns, [*tiles, *empty])]
    return np.asarray(np.vstack(rows), np.uint8)


def with_boxes(frame: Rgb, boxes: Sequence[Box]) -> Rgb:
    """The frame with each box in a colour of its own and its number, from 1, at its upper left corner."""
    out = _fitted(frame, PICTURE_PX)
    scale = out.shape[1] / frame.shape[1]
    for place, box in enumerate(boxes):
        corners = [(round(box.x0 * scale), round(box.y0 * scale)), (round(box.x1 * scale), round(box.y1 * scale))]
        cv2.rectangle(out, corners[0], corners[1], _colour(place), 3)
        _disc(out, corners[0], place + 1, _colour(place))
    return out


def as_jpeg(picture: Rgb) -> bytes:
    done, coded = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 90])
    assert done
    return bytes(coded)


def _fitted(frame: Rgb, longest_px: int) -> Rgb:
    """A copy no longer than that on its longer side."""
    scale = min(1.0, longest_px / max(frame.shape[:2]))
    size = (max(1, round(frame.shape[1] * scale)), max(1, round(frame.shape[0] * scale)))
    return np.array(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)


def _numbered(tile: Rgb, number: int) -> Rgb:
    _disc(tile, (0, 0), number, (220, 30, 30))
    return tile


def _disc(out: Rgb, corner: tuple[int, int], number: int, colour: tuple[int, int, int]) -> None:
    """Wholly inside the picture, wherever the corner is."""
    radius = max(9, min(out.shape[:2]) // 16)
    height, width = out.shape[:2]
    x = int(np.clip(corner[0] + radius, radius, max(radius, width - radius)))
    y = int(np.clip(corner[1] + radius, radius, max(radius, height - radius)))
    cv2.circle(out, (x, y), radius, colour, -1, cv2.LINE_AA)
    scale = radius / (18 if number < 10 else 26)
    (wide, high), _ = cv2.getTextSize(str(number), _FONT, scale, 2)
    cv2.putText(out, str(number), (x - wide // 2, y + high // 2), _FONT, scale, (255, 255, 255), 2, cv2.LINE_AA)


def _colour(place: int) -> tuple[int, int, int]:
    return _COLOURS[place % len(_COLOURS)]


def _by(count: int, tiles: Sequence[Rgb]) -> list[Sequence[Rgb]]:
    return [tiles[start : start + count] for start in range(0, len(tiles), count)]
