"""One frame's true masks as data sets keep them: a picture of numbers, or run lengths in a JSON file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeGuard

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Mask
from avfusion.errors import CannotRead
from avfusion.media.limits import Limits, check_size
from avfusion.media.masks import read_mask
from avfusion.media.pictures import opened_picture

# Corners lie in the picture or near it; OpenCV counts in 32 bits.
_FAR_PX = 1e6

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
        """uint8 [H, W]. Raises `CannotRead` and `TooLarge`."""
        check_size(self.source, self.width_px, self.height_px, Limits())
        out = np.zeros((self.height_px, self.width_px), np.uint8)
        for number, coded in self.masks:
            mask = decode(coded, width_px=self.width_px, height_px=self.height_px, source=self.source)
            out[mask] = number
        return out


Truth: TypeAlias = NumberPicture | CodedMasks


def picture_size(path: Path) -> tuple[int, int]:
    """(width, height) in pixels, as the file's head says it. Raises `CannotRead`."""
    with opened_picture(path, Limits()) as image:
        return image.size


def encode(mask: Mask) -> dict[str, Any]:
    """bool [H, W] -> COCO's compressed run lengths, fit for JSON."""
    from pycocotools import mask as coco

    coded = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": [int(side) for side in coded["size"]], "counts": coded["counts"].decode("ascii")}


def decode(coded: Any, *, width_px: int, height_px: int, source: Path) -> Mask:
    """One segmentation as COCO codes it -> bool [H, W]. Raises `CannotRead`, naming `source`, and `TooLarge`."""
    check_size(source, width_px, height_px, Limits())
    if isinstance(coded, list):
        return _filled(coded, width_px, height_px, source)
    if not isinstance(coded, Mapping) or list(coded.get("size", ())) != [height_px, width_px]:
        raise CannotRead(f"{source}: a mask is neither run lengths of {width_px} x {height_px} pixels nor polygons.")
    counts = coded.get("counts")
    runs = _runs(counts) if isinstance(counts, str) else counts
    if not _fills(runs, width_px * height_px):
        raise CannotRead(f"{source}: the run lengths of a mask do not fill {width_px} x {height_px} pixels.")
    flat = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return flat.reshape(width_px, height_px).T


def _fills(runs: Any, pixels: int) -> TypeGuard[list[int]]:
    if not isinstance(runs, list) or not all(isinstance(run, int) and run >= 0 for run in runs):
        return False
    return sum(runs) == pixels


def _runs(text: str) -> list[int]:
    """COCO's compressed text -> run lengths, of 0 and 1 by turns. What is no such text gives what does not fill a mask.

    Each number is written in groups of five bits, the lowest first, as characters from "0" on; a sixth bit says that
    more follow, and the fifth of the last group is the sign. From the fourth number on it is the difference to the one
    before the last. pycocotools reads it too, but leaves what a short text does not say to what lies in memory.
    """
    runs: list[int] = []
    value = shift = 0
    for character in text:
        group = ord(character) - 48
        value |= (group & 0x1F) << shift
        shift += 5
        if group & 0x20:
            continue
        if group & 0x10:
            value -= 1 << shift
        runs.append(value + runs[-2] if len(runs) > 2 else value)
        value = shift = 0
    return runs


def _filled(polygons: list[Any], width_px: int, height_px: int, source: Path) -> Mask:
    out = np.zeros((height_px, width_px), np.uint8)
    for polygon in polygons:
        if not _is_polygon(polygon):
            raise CannotRead(f"{source}: a polygon is a flat list of at least three points x, y.")
        corners = np.asarray(polygon, np.float64).clip(-_FAR_PX, _FAR_PX)
        cv2.fillPoly(out, [np.rint(corners.reshape(-1, 2)).astype(np.int32)], 1)
    return out.astype(bool)


def _is_polygon(polygon: Any) -> bool:
    numbers = isinstance(polygon, list) and all(
        isinstance(part, int | float) and math.isfinite(part) for part in polygon
    )
    return numbers and len(polygon) >= 6 and len(polygon) % 2 == 0
