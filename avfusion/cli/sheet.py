"""A contact sheet: clips one below the other, each at the same few moments."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

    from avfusion.clip import Frame

_COLUMNS = 4
_PICTURE_PX = 320
_GAP_PX = 8
_TITLE_PX = 24


def write_sheet(rows: Sequence[tuple[str, Path]], out: Path) -> None:
    """rows: (title, clip). What is transparent is shown over a checkerboard."""
    from PIL import Image, ImageDraw, ImageFont

    strips = [(title, _moments(path)) for title, path in rows]
    width = _GAP_PX + _COLUMNS * (_PICTURE_PX + _GAP_PX)
    height = _GAP_PX + sum(_TITLE_PX + pictures[0].height + _GAP_PX for _, pictures in strips)
    sheet = Image.new("RGB", (width, height), "white")
    draw, top = ImageDraw.Draw(sheet), _GAP_PX
    for title, pictures in strips:
        draw.text((_GAP_PX, top), title, fill="black", font=ImageFont.load_default(16))
        for column, picture in enumerate(pictures):
            sheet.paste(picture, (_GAP_PX + column * (_PICTURE_PX + _GAP_PX), top + _TITLE_PX))
        top += _TITLE_PX + pictures[0].height + _GAP_PX
    sheet.save(out)


def _moments(path: Path) -> list[Image.Image]:
    """Pictures from the first to the last frame, evenly apart."""
    from avfusion.media.probe import probe

    clip = probe(path)
    pictures = []
    for column in range(_COLUMNS):
        index = column * (clip.frame_count - 1) // (_COLUMNS - 1)
        with contextlib.closing(clip.frames(index, index + 1)) as frames:  # type: ignore[type-var]
            pictures.append(_small(next(frames)))
    return pictures


def _small(frame: Frame) -> Image.Image:
    from PIL import Image

    picture = Image.fromarray(frame.rgb)
    size = (_PICTURE_PX, max(1, round(picture.height * _PICTURE_PX / picture.width)))
    if frame.alpha is None:
        return picture.resize(size)
    ground = Image.new("RGB", size, "#ebebeb")
    for top in range(0, size[1], 16):
        for left in range((top // 16 % 2) * 16, size[0], 32):
            ground.paste("#c8c8c8", (left, top, left + 16, top + 16))
    ground.paste(picture.resize(size), mask=Image.fromarray(frame.alpha).resize(size))
    return ground
