"""The clip and every tracker's answer in one picture, side by side, with names: a film to look at."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from avfusion.clip import Clip, MaskTrack, Rgb, Yuv
from avfusion.compositing.background import planes_like
from avfusion.media.cut import cut
from avfusion.media.masks import overlay
from avfusion.media.write import write_video
from avfusion.pipelines.compare_answers import Answer, Comparison
from avfusion.pipelines.progress import Teller

MOST_PX = 1920
"""The longer side, at most, of the whole picture."""

_LEAST_TILE_PX = 160
GROUND = (15, 23, 42)
INK = (241, 245, 249)
# Of the tile's width.
_CAPTION_SHARE = 0.062
_LEAST_CAPTION_PX = 20


@dataclass(frozen=True)
class Grid:
    """Tiles in rows, each a caption above a picture; all lengths are even."""

    columns: int
    rows: int
    tile_px: tuple[int, int]
    caption_px: int

    @property
    def size_px(self) -> tuple[int, int]:
        """(width, height) of the whole."""
        return self.columns * self.tile_px[0], self.rows * (self.tile_px[1] + self.caption_px)


def grid_for(count: int, clip: Clip) -> Grid:
    """A grid with room for so many tiles, as near to a square of tiles as can be, no larger than the clip's pixels."""
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    aspect = float(clip.width_px * clip.pixel_aspect / clip.height_px)
    width = min(float(clip.width_px * clip.pixel_aspect), MOST_PX / columns, MOST_PX / rows * aspect)
    width = max(width, _LEAST_TILE_PX)
    caption_px = max(_LEAST_CAPTION_PX, round(width * _CAPTION_SHARE))
    return Grid(columns, rows, (_even(width), _even(width / aspect)), _even(caption_px))


def write_reel(comparison: Comparison, out: Path, teller: Teller) -> None:
    """Writes the frames that were compared, at their own times and with their own sound, in a grid.

    The tiles are arranged by moviepy, and written by `avfusion.media.write`, which keeps times that are not regular.
    One frame after the other: nothing grows with the clip. Raises what `write_video` raises, and `Stopped`.
    """
    part = cut(comparison.clip, *comparison.frames)
    tiles = [Tile("the clip", None), *(Tile(_caption(answer), answer.masks) for answer in comparison.with_masks)]
    grid = grid_for(len(tiles), part)
    width, height = grid.size_px
    whole = replace(part, width_px=width, height_px=height, pixel_aspect=Fraction(1), has_alpha=False)
    with contextlib.closing(_pictures(part, whole, tiles, grid, teller)) as pictures:
        write_video(out, pictures, clip=whole)


@dataclass(frozen=True, eq=False)
class Tile:
    """masks: None for the clip as it is."""

    caption: str
    masks: MaskTrack | None


def _pictures(part: Clip, whole: Clip, tiles: Sequence[Tile], grid: Grid, teller: Teller) -> Generator[Yuv, None, None]:
    captions = [caption_picture(tile.caption, grid) for tile in tiles]
    width, height = grid.tile_px
    now = [np.vstack([caption, np.zeros((height, width, 3), np.uint8)]) for caption in captions]
    arranged = _arranged(now, grid)
    with contextlib.closing(part.frames()) as frames:
        for frame in frames:
            small = cv2.resize(frame.rgb, grid.tile_px, interpolation=cv2.INTER_AREA)
            for place, tile in enumerate(tiles):
                now[place][grid.caption_px :] = _tile_picture(tile, small, frame.index)
            picture = np.asarray(arranged.get_frame(float(frame.time)), np.uint8)
            teller.step(lambda picture=picture: picture)  # type: ignore[misc]
            yield planes_like(whole, picture)


def _arranged(now: Sequence[Rgb], grid: Grid) -> Any:
    """A moviepy clip of the whole grid. At any time its tiles show what is in `now`."""
    from moviepy import ColorClip, VideoClip, clips_array

    clips = [VideoClip(partial(_shown, picture)) for picture in now]
    size = (grid.tile_px[0], grid.tile_px[1] + grid.caption_px)
    clips += [ColorClip(size, color=GROUND) for _ in range(grid.columns * grid.rows - len(now))]
    rows = [clips[start : start + grid.columns] for start in range(0, len(clips), grid.columns)]
    return clips_array(rows, bg_color=GROUND)


def _shown(picture: Rgb, _: float) -> Rgb:
    return picture


def _tile_picture(tile: Tile, small: Rgb, place: int) -> Rgb:
    if tile.masks is None:
        return small
    labels = tile.masks.labels(place)
    size = (small.shape[1], small.shape[0])
    return overlay(small, cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST))


def caption_picture(text: str, grid: Grid) -> Rgb:
    """uint8 [caption height, tile width, 3]: the text in Pillow's own font, which is always there, cut to fit."""
    width, height = grid.tile_px[0], grid.caption_px
    strip = Image.new("RGB", (width, height), GROUND)
    font = ImageFont.load_default(round(height * 0.62))
    while len(text) > 1 and font.getlength(text) > width - height:
        text = text[:-2] + "…"
    ImageDraw.Draw(strip).text((height // 2, height // 2), text, fill=INK, font=font, anchor="lm")
    return np.asarray(strip, np.uint8)


def _caption(answer: Answer) -> str:
    return answer.engine if answer.scores is None else f"{answer.engine}   J {answer.scores.iou:.3f}"


def _even(length: float) -> int:
    return max(2, 2 * round(length / 2))
