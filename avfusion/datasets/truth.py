"""One frame's true masks as data sets keep them: a picture of numbers, or run lengths in a JSON file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Mask
from avfusion.errors import CannotRead
from avfusion.media.limits import Limits
from avfusion.media.masks import read_mask
from avfusion.media.pictures import opened_picture

Labels: TypeAlias = NDArray[np.uint8]
"""uint8 [H, W]: the number of an object or class in each pixel, 0 for none."""


@dataclass(frozen=True)
class NumberPicture:
    """A picture whose pixel value is a number. only: the numbers that count, all others read as 0; None for all.

    is_drawn: the picture is a drawing of one mask, black and white or one number, and reads as 0 and 1.
    """

    path: Path
    only: tuple[int, ...] | None = None
    is_drawn: bool = False

    def labels(self) -> Labels:
        """uint8 [H, W]. Raises `CannotRead`."""
        if self.is_drawn:
            return (read_mask(self.path) > 0).astype(np.uint8)
        with opened_picture(self.path, Limits()) as image:
            values = np.asarray(image if image.mode in ("P", "L") else image.convert("L"))
        return values if self.only is None else np.where(np.isin(values, self.only), values, 0).astype(np.uint8)


@dataclass(frozen=True, eq=False)
class CodedMasks:
    """Masks as COCO codes them. masks: (number, segmentation) in the order they are drawn, a later one over an earlier.

    A segmentation is run lengths {"size": [height, width], "counts": text or list} or polygons [[x, y, x, y, ...]].
    """

    source: Path
    width_px: int
    height_px: int
    masks: tuple[tuple[int, Any], ...]

    def labels(self) -> Labels:
        """uint8 [H, W]. Raises `CannotRead`."""
        out = np.zeros((self.height_px, self.width_px), np.uint8)
        for number, coded in self.masks:
            mask = decode(coded, width_px=self.width_px, height_px=self.height_px, source=self.source)
            out[mask] = number
        return out


Truth: TypeAlias = NumberPicture | CodedMasks


def encode(mask: Mask) -> dict[str, Any]:
    """bool [H, W] -> COCO's compressed run lengths, fit for JSON."""
    from pycocotools import mask as coco

    coded = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": [int(side) for side in coded["size"]], "counts": coded["counts"].decode("ascii")}


def decode(coded: Any, *, width_px: int, height_px: int, source: Path) -> Mask:
    """One segmentation as COCO codes it -> bool [H, W]. Raises `CannotRead`, naming `source`."""
    from pycocotools import mask as coco

    if isinstance(coded, list):
        return _filled(coded, width_px, height_px, source)
    if not isinstance(coded, Mapping) or list(coded.get("size", ())) != [height_px, width_px]:
        raise CannotRead(f"{source}: a mask is neither run lengths of {width_px} x {height_px} pixels nor polygons.")
    runs: Any = dict(coded)
    if isinstance(runs.get("counts"), list):
        if sum(runs["counts"]) != width_px * height_px:
            raise CannotRead(f"{source}: the run lengths of a mask do not fill {width_px} x {height_px} pixels.")
        runs = coco.frPyObjects(runs, height_px, width_px)
    mask: Mask = coco.decode(runs).astype(bool)
    return mask


def _filled(polygons: list[Any], width_px: int, height_px: int, source: Path) -> Mask:
    out = np.zeros((height_px, width_px), np.uint8)
    for polygon in polygons:
        corners = np.asarray(polygon, np.float64)
        if corners.ndim != 1 or len(corners) < 6 or len(corners) % 2:
            raise CannotRead(f"{source}: a polygon is a flat list of at least three points x, y.")
        cv2.fillPoly(out, [np.rint(corners.reshape(-1, 2)).astype(np.int32)], 1)
    return out.astype(bool)
