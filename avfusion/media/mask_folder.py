"""A folder of mask PNGs as a track: checked whole at the start, decoded one by one when the frames come."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Clip, Mask
from avfusion.errors import CannotRead, MaskCountMismatch, MaskSizeMismatch
from avfusion.media.limits import Limits
from avfusion.media.masks import read_mask, size_message
from avfusion.media.pictures import opened_picture


class MaskFolder:
    """Reads like a `MaskTrack` of one engine, `given`."""

    engine = "given"

    def __init__(self, folder: Path, clip: Clip) -> None:
        """Raises `CannotRead`, `MaskCountMismatch` and `MaskSizeMismatch` before any picture is decoded."""
        if not folder.is_dir():
            raise CannotRead(f"{folder}: this is no folder of mask PNGs and no ZIP of them.")
        self._paths = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".png")
        if not self._paths:
            raise MaskCountMismatch(f"{folder}: this folder holds no mask PNGs. Give one with a PNG for each frame.")
        if len(self._paths) != clip.frame_count:
            raise MaskCountMismatch(
                f"{folder}: {len(self._paths)} mask PNGs for a clip of {clip.frame_count} frames. "
                "There must be one for each."
            )
        self.width_px, self.height_px, self.frame_count = clip.width_px, clip.height_px, clip.frame_count
        for path in self._paths:
            shape = _shape(path)
            if shape != (self.height_px, self.width_px):
                raise MaskSizeMismatch(size_message(str(path), shape, (self.height_px, self.width_px)))

    def labels(self, frame: int) -> NDArray[np.uint8]:
        """uint8 [H, W]: the object's number, 0 for background."""
        return read_mask(self._paths[frame])

    def union(self, frame: int) -> Mask:
        """bool [H, W]: any object."""
        return self.labels(frame) > 0


def _shape(path: Path) -> tuple[int, int]:
    with opened_picture(path, Limits()) as image:
        return image.height, image.width
