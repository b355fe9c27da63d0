"""A still picture with its hole filled -> a picture file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from avfusion.clip import Clip, Mask, Rgb
from avfusion.errors import UnknownFormat
from avfusion.media.formats import format_of
from avfusion.media.limits import Limits
from avfusion.media.pictures import is_picture, opened_picture
from avfusion.media.target import whole_file
from avfusion.pipelines.frame import one_frame

PICTURES = (".png", ".jpg", ".jpeg", ".webp")
_OPTIONS: dict[str, dict[str, Any]] = {"PNG": {}, "WEBP": {"lossless": True}, "JPEG": {"quality": 95, "subsampling": 0}}


def is_picture_out(clip: Clip, out: Path) -> bool:
    """Whether `out` is to be one picture. Raises `UnknownFormat`, also for one picture out of many frames."""
    if out.suffix.lower() not in PICTURES:
        try:
            format_of(out)
        except UnknownFormat as error:
            if clip.frame_count > 1:
                raise
            raise UnknownFormat(
                f"{out}: no picture can be written with this ending. Use .png, .jpg or .webp."
            ) from error
        return False
    if clip.frame_count > 1:
        raise UnknownFormat(
            f"{out}: {clip.path} has {clip.frame_count} frames, and {out.suffix} holds one picture. "
            "Use .mp4, .webm, .mov, .gif, .zip, or a folder for PNGs."
        )
    return True


def write_picture(out: Path, rgb: Rgb, *, like: Clip, hole: Mask | None = None) -> tuple[str, ...]:
    """Writes uint8 [H, W, 3] to `out` with the transparency and colour profile of `like`; returns notes.

    hole: there it is opaque. .png and .webp keep every pixel as it is. Raises `CannotWrite`.
    """
    alpha = one_frame(like, 0).alpha if like.has_alpha else None
    kind = {".png": "PNG", ".webp": "WEBP"}.get(out.suffix.lower(), "JPEG")
    notes: tuple[str, ...] = ()
    if alpha is not None and kind == "JPEG":
        notes, alpha = (f"{out.suffix} files have no transparency; it was left out.",), None
    pixels = rgb
    if alpha is not None:
        whole = alpha if hole is None else np.where(hole, np.uint8(255), alpha)
        pixels = np.dstack([rgb, whole])
    profile, said = _of_source(like.path)
    with whole_file(out) as part:
        Image.fromarray(pixels).save(part, kind, icc_profile=profile, **_OPTIONS[kind])
    return (*notes, *said)


def _of_source(path: Path) -> tuple[bytes | None, tuple[str, ...]]:
    """The colour profile of a picture, and what of it the result will not have."""
    if not is_picture(path):  # one frame of a video
        return None, ()
    with opened_picture(path, Limits()) as image:
        profile = image.info.get("icc_profile")
        if image.mode.startswith("I"):
            return profile, ("The picture is grey with 16 bits; the result is in colour with 8 bits a channel.",)
        return profile, ()
