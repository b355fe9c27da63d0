"""The part of a picture that a diffusion network sees, at the size it works at, and the way back into the hole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Mask, Rgb

_MARGIN_PX = 32
"""What is seen on each side of the hole at least, where the picture has it."""

_MOST_ENLARGED = 2
"""A small hole is not looked at more closely than this: what is around it would be a blur."""

_TOO_FAR = np.float32(1e-3)
"""The share of a neighbourhood below which it says nothing."""


@dataclass(frozen=True)
class Fit:
    """Rows top..bottom and columns left..right of a picture, as height_px x width_px pixels on a network's grid.

    Proportions stay as they are, up to a whole pixel. Below and on the right the network's picture goes on to the next
    multiple of grid_px with what is at the edge.
    """

    top: int
    bottom: int
    left: int
    right: int
    height_px: int
    width_px: int
    grid_px: int

    @property
    def network_size(self) -> tuple[int, int]:
        """(height, width) of what the network sees, in pixels."""
        return _up(self.height_px, self.grid_px), _up(self.width_px, self.grid_px)

    def shown(self, picture: Rgb) -> Rgb:
        """uint8 [H, W, 3] -> uint8 of `network_size`, 3."""
        return _padded(_resized(self._cut(picture), self.height_px, self.width_px), self.network_size)

    def hidden(self, hole: Mask) -> Mask:
        """bool [H, W] -> bool of `network_size`: every pixel that shows anything of the hole."""
        share = _resized(
            self._cut(hole).astype(np.float32), self.height_px, self.width_px, enlarged_by=cv2.INTER_LINEAR
        )
        return _padded((share > 0).view(np.uint8), self.network_size).view(np.bool_)

    def pasted(self, picture: Rgb, hole: Mask, made: NDArray[np.float32], hidden: Mask, feather_px: float) -> Rgb:
        """The picture, with what the network made (float32 of `network_size`, 3, in 0..1) inside the hole only.

        hidden: bool of `network_size`, what the network did not see. Over feather_px from the hole's border inwards
        the made picture takes on the colours around it; outside the hole the picture is bit for bit itself. What lay
        in the hole is never mixed in: it is what had to go.
        """
        size = self.bottom - self.top, self.right - self.left
        back = np.clip(_resized(np.clip(made[: self.height_px, : self.width_px], 0, 1), *size), 0, 1) * 255
        inside, before = self._cut(hole), self._cut(picture)
        rim = 1 - _fading_in(hole, feather_px)[self.top : self.bottom, self.left : self.right]
        if feather_px > 0 and not inside.all():
            unseen = _resized(hidden[: self.height_px, : self.width_px].astype(np.float32), *size) > 0
            reach_px = feather_px + self.grid_px * max(size) / max(self.height_px, self.width_px)
            back += rim[..., None] * _offset(before - back, ~(inside | unseen), reach_px)
        out = picture.copy()
        self._cut(out)[inside] = np.rint(np.clip(back[inside], 0, 255)).astype(np.uint8)
        return out

    def _cut(self, picture: Any) -> Any:
        return picture[self.top : self.bottom, self.left : self.right]


def fit_around(hole: Mask, *, side_px: int, grid_px: int) -> Fit:
    """The surroundings of a hole (bool [H, W], somewhere True), their longer side at side_px.

    They are as square as the picture allows and reach half of the hole's longer side beyond it.
    """
    x, y, width, height = cv2.boundingRect(hole.view(np.uint8))
    longer = max(width, height)
    wanted = max(2 * longer, longer + 2 * _MARGIN_PX, side_px // _MOST_ENLARGED)
    top, bottom = _span(y, y + height, wanted, hole.shape[0])
    left, right = _span(x, x + width, wanted, hole.shape[1])
    scale = side_px / max(bottom - top, right - left)
    return Fit(
        top, bottom, left, right, max(1, round((bottom - top) * scale)), max(1, round((right - left) * scale)), grid_px
    )


def fit_whole(height_px: int, width_px: int, *, area_px: int, grid_px: int) -> Fit:
    """A whole picture; one that has more than area_px pixels is shown smaller."""
    scale = min(1.0, (area_px / (height_px * width_px)) ** 0.5)
    height, width = max(1, int(height_px * scale)), max(1, int(width_px * scale))
    # The padding counts too.
    while _up(height, grid_px) * _up(width, grid_px) > area_px and min(height, width) > grid_px:
        scale *= 0.99
        height, width = max(1, int(height_px * scale)), max(1, int(width_px * scale))
    return Fit(0, height_px, 0, width_px, height, width, grid_px)


def on_cells(hidden: Mask, cell_px: int) -> Mask:
    """bool [H, W], both multiples of cell_px: whole cells, of which any pixel was True."""
    height, width = hidden.shape
    cells = hidden.reshape(height // cell_px, cell_px, width // cell_px, cell_px).any(axis=(1, 3))
    return np.repeat(np.repeat(cells, cell_px, axis=0), cell_px, axis=1)


def _span(start: int, stop: int, wanted: int, length: int) -> tuple[int, int]:
    """Both ends of `wanted` pixels around start..stop, moved and cut to lie in 0..length."""
    wanted = min(wanted, length)
    first = min(max((start + stop - wanted) // 2, 0), length - wanted)
    return first, first + wanted


def _fading_in(hole: Mask, feather_px: float) -> NDArray[np.float32]:
    """float32 [H, W]: 0 outside the hole, rising to 1 at feather_px from its border. The picture's edge is none."""
    if feather_px <= 0 or hole.all():
        return hole.astype(np.float32)
    depth_px = cv2.distanceTransform(hole.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.minimum(depth_px / (feather_px + 1), 1).astype(np.float32)


def _offset(difference: NDArray[np.float32], known: Mask, reach_px: float) -> NDArray[np.float32]:
    """float32 [H, W, 3]: the mean difference of the known pixels within reach, 0 where there is none."""
    shrunk = max(1, int(reach_px / 4))  # smooth as it is, a small picture says it as well, and sooner
    height, width = known.shape
    size = max(1, height // shrunk), max(1, width // shrunk)
    weighted = np.dstack([difference * known[..., None], known]).astype(np.float32)
    small = cv2.GaussianBlur(_resized(weighted, *size), (0, 0), reach_px / shrunk)
    near = small[..., 3:]
    mean = np.where(near > _TOO_FAR, small[..., :3] / np.maximum(near, _TOO_FAR), np.float32(0))
    return np.asarray(_resized(mean, height, width, enlarged_by=cv2.INTER_LINEAR), np.float32)


def _up(length_px: int, grid_px: int) -> int:
    return -(-length_px // grid_px) * grid_px


def _resized(picture: Any, height_px: int, width_px: int, *, enlarged_by: int = cv2.INTER_CUBIC) -> Any:
    height, width = picture.shape[:2]
    if (height, width) == (height_px, width_px):
        return picture
    way = cv2.INTER_AREA if height_px <= height and width_px <= width else enlarged_by
    return cv2.resize(picture, (width_px, height_px), interpolation=way)


def _padded(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    below, right = size[0] - picture.shape[0], size[1] - picture.shape[1]
    padding = ((0, below), (0, right), (0, 0))[: picture.ndim]
    return np.pad(picture, padding, mode="edge")
