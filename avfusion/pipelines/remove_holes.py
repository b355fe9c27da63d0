"""Masks of an object -> holes: grown over the object's fringe and, if asked, over its shadow and reflection."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from avfusion.clip import Clip, Mask, Masks, MaskTrack
from avfusion.engines.engine import Engine
from avfusion.errors import UsageError
from avfusion.inpainting.shadows import find_shadows
from avfusion.media.masks import TrackFolder
from avfusion.pipelines.progress import Teller
from avfusion.pipelines.remove_settings import RemoveSettings

OBJECT, SHADOW = 1, 2
"""Their numbers in the track of holes."""

_GROW_SHARE = 0.012
_GROW_LEAST_PX = 2


def grow_px_of(settings: RemoveSettings, clip: Clip, engine: Engine) -> float:
    """How far masks are grown. Where nobody says: over motion blur, and over what a mask's edge misses.

    What an engine paints by words fades in inside the hole's border, and the object must not shine through there.
    """
    if settings.grow_px is not None:
        return settings.grow_px
    usual_px = max(_GROW_LEAST_PX, round(_GROW_SHARE * min(clip.width_px, clip.height_px)))
    return usual_px + (settings.feather_px if "words" in engine.understands else 0)


def check_grow(grow_px: float | None, clip: Clip) -> None:
    """Raises `UsageError` for so much that nothing would be left of most pictures."""
    most_px = min(clip.width_px, clip.height_px) / 2
    if grow_px is not None and grow_px > most_px:
        raise UsageError(
            f"grow {grow_px:g}: {clip.path} is {clip.width_px} x {clip.height_px}. Give {most_px:g} pixels at most."
        )


def grown(mask: Mask, radius_px: float) -> Mask:
    """bool [H, W]: every pixel within `radius_px` of the mask."""
    if radius_px < 1 or not mask.any():
        return mask
    distance_px = cv2.distanceTransform((~mask).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(distance_px <= radius_px, np.bool_)


def in_blocks(mask: Mask) -> Mask:
    """bool [H, W]: the mask in whole blocks of 2 x 2 pixels, which share their colour in 4:2:0."""
    height, width = mask.shape
    even = np.zeros((height + height % 2, width + width % 2), np.bool_)
    even[:height, :width] = mask
    blocks = even.reshape(even.shape[0] // 2, 2, even.shape[1] // 2, 2).any(axis=(1, 3))
    return np.repeat(np.repeat(blocks, 2, axis=0), 2, axis=1)[:height, :width]


def dig(
    clip: Clip,
    masks: Masks,
    folder: Path,
    *,
    grow_px: float,
    shadows: bool,
    teller: Teller,
    kept: Masks | None = None,
) -> MaskTrack:
    """The holes of all frames, bit-packed under `folder`: object `OBJECT` is the grown mask, `SHADOW` what it casts.

    kept: objects that stay; into them no hole is grown. Raises `UsageError` where there is nothing to remove, or
    nothing would be left of any frame.
    """
    out = TrackFolder(
        folder, width_px=clip.width_px, height_px=clip.height_px, frame_count=clip.frame_count, engine=masks.engine
    )
    is_empty = is_everything = True
    with contextlib.ExitStack() as stack:
        cast: Iterator[Mask] | None = None
        if shadows:
            cast = stack.enter_context(contextlib.closing(find_shadows(clip, masks)))
        for frame in range(clip.frame_count):
            mask = masks.union(frame)
            hole = in_blocks(grown(mask, grow_px)) if mask.any() else mask
            stays = None if kept is None else in_blocks(kept.union(frame))
            if stays is not None:
                hole = hole & ~stays | in_blocks(mask)
            out.put(frame, OBJECT, hole)
            shadow = next(cast) if cast is not None else None
            if shadow is not None:
                shaded = in_blocks(grown(shadow, grow_px)) & ~hole
                out.put(frame, SHADOW, shaded if stays is None else shaded & ~stays)
            is_empty = is_empty and not hole.any()
            is_everything = is_everything and bool(hole.all())
            teller.step()
    if is_empty:
        raise UsageError(f"{clip.path}: the masks are empty on every frame, so that there is nothing to remove.")
    if is_everything:
        raise UsageError(f"{clip.path}: the masks cover every frame whole. Nothing is left to fill them from.")
    return out.seal()
