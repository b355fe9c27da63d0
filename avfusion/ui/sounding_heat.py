"""Where the sound seems to come from, as one picture for the page: a coloured tile for each step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.media.target import whole_file

# A heat map is coarse; of a long clip all tiles together stay a small picture.
_TILE_PX = 64
_PIXELS = 2_000_000
_MOST_OPACITY = 200


@dataclass(frozen=True)
class HeatSheet:
    """Tiles in rows of `columns`, the first step's at the top left. width_px, height_px: of one tile."""

    file: Path
    steps: int
    columns: int
    width_px: int
    height_px: int


def draw_sheet(heat: NDArray[np.float32], out: Path) -> HeatSheet:
    """heat: float32 [steps, h, w] in 0..1, unseen where it is 0. out: a .png. Raises `CannotWrite`."""
    width, height = _tile_size(heat.shape)
    columns = math.ceil(math.sqrt(len(heat)))
    sheet = np.zeros((math.ceil(len(heat) / columns) * height, columns * width, 4), np.uint8)
    for step, values in enumerate(heat):
        grey = np.rint(255 * np.clip(cv2.resize(values, (width, height), interpolation=cv2.INTER_AREA), 0, 1))
        grey = grey.astype(np.uint8)
        top, left = step // columns * height, step % columns * width
        tile = sheet[top : top + height, left : left + width]
        tile[..., :3] = cv2.applyColorMap(grey, cv2.COLORMAP_INFERNO)
        tile[..., 3] = grey.astype(np.uint16) * _MOST_OPACITY // 255
    with whole_file(out) as part:
        part.write_bytes(cv2.imencode(".png", sheet)[1].tobytes())
    return HeatSheet(out, len(heat), columns, width, height)


def _tile_size(shape: tuple[int, ...]) -> tuple[int, int]:
    """(width, height) of a tile in pixels, of the maps' own shape as far as that is small enough."""
    steps, height, width = shape
    scale = min(1.0, _TILE_PX / max(width, height), math.sqrt(_PIXELS / (steps * width * height)))
    return max(1, round(width * scale)), max(1, round(height * scale))
