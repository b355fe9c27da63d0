"""Holes: what every engine checks of them before it begins, and the window around one."""

from __future__ import annotations

import cv2
import numpy as np

from avfusion.clip import Clip, Mask, Masks, Rgb
from avfusion.errors import MaskCountMismatch, MaskSizeMismatch, UsageError
from avfusion.inpainting import Wish

Window = tuple[slice, slice]
"""Rows and columns."""

NO_WISH = Wish()
"""Whatever is around."""


def check_hole(picture: Rgb, hole: Mask) -> None:
    """Raises `MaskSizeMismatch`, and `UsageError` for a hole that leaves nothing to fill it from."""
    if hole.shape != picture.shape[:2]:
        raise MaskSizeMismatch(_size_message(hole.shape, picture.shape))
    if hole.all():
        raise UsageError("the mask covers the whole picture: nothing is left to fill it from. Give a smaller mask.")


def check_count(clip: Clip, holes: Masks) -> None:
    """Raises `MaskCountMismatch`."""
    if holes.frame_count != clip.frame_count:
        raise MaskCountMismatch(
            f"{clip.path}: {holes.frame_count} masks for a clip of {clip.frame_count} frames. There must be one each."
        )


def hole_of(clip: Clip, holes: Masks, frame: int) -> Mask:
    """bool [H, W], the hole in one frame. Raises `MaskSizeMismatch`."""
    hole = holes.union(frame)
    if hole.shape != (clip.height_px, clip.width_px):
        raise MaskSizeMismatch(f"frame {frame}: {_size_message(hole.shape, (clip.height_px, clip.width_px))}")
    return hole


def _size_message(theirs: tuple[int, ...], ours: tuple[int, ...]) -> str:
    return (
        f"the mask is {theirs[1]} x {theirs[0]} pixels and the picture {ours[1]} x {ours[0]}: "
        "masks are of the upright full-size frame."
    )


def window_around(mask: Mask, margin_px: int) -> Window | None:
    """The rows and columns of everything True, and `margin_px` more on all sides; None where nothing is True."""
    x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
    if width == 0:
        return None
    return (
        slice(max(y - margin_px, 0), min(y + height + margin_px, mask.shape[0])),
        slice(max(x - margin_px, 0), min(x + width + margin_px, mask.shape[1])),
    )
