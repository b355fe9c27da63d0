"""The engine `grabcut`: clicks, strokes and boxes to masks with nothing learnt beforehand.

What the object may be is decided on small regions (`candidates`), its outline by GrabCut (C. Rother, V. Kolmogorov and
A. Blake, "GrabCut: Interactive Foreground Extraction using Iterated Graph Cuts", SIGGRAPH 2004, as OpenCV has it) in a
band around the regions' outline.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Mask, Prompt, Rgb
from avfusion.errors import NothingFound
from avfusion.segmentation import Motion, Segmented
from avfusion.segmentation.candidates import Choice, Seeds, choose
from avfusion.segmentation.hints import Hints, read_hints
from avfusion.segmentation.regions import Regions, split


@dataclass(frozen=True)
class GrabCutSettings:
    """region_side_px: longer side of the picture that is split into regions about spacing_px apart.
    cut_pixels: most pixels that GrabCut works on; band_px: half the width of its band, in its pixels;
    smallest_share: islands smaller than this share of the object go, unless clicked."""

    region_side_px: int = 256
    spacing_px: int = 7
    cut_pixels: int = 60_000
    band_px: int = 6
    cut_rounds: int = 1
    smallest_share: float = 0.05


class GrabCut:
    """The engine. Deterministic; holds nothing between pictures."""

    name = "grabcut"

    def __init__(self, settings: GrabCutSettings | None = None) -> None:
        self._settings = settings or GrabCutSettings()

    def segment(
        self,
        rgb: Rgb,
        prompts: Sequence[Prompt],
        *,
        prior: Mapping[int, Mask] | None = None,
        motion: Motion | None = None,
    ) -> Segmented:
        """Masks of a picture uint8 [H, W, 3]. Clicked pixels and strokes are honoured to the pixel.

        Drawn masks are taken as they are, but for strokes and clicks that come after them.
        """
        height, width = rgb.shape[:2]
        hints = read_hints(prompts, height, width, self.name)
        regions = None
        likely: dict[int, NDArray[np.float32]] = {}
        confidence: dict[int, float] = {}
        for number, known in hints.items():
            if known.drawn is not None:
                likely[number], confidence[number] = np.where(known.drawn, np.float32(2), 0), 1.0
                continue
            if regions is None:
                regions = split(_at_most(rgb, self._settings.region_side_px), self._settings.spacing_px)
            likely[number], confidence[number] = self._found(rgb, regions, known, number)
        return Segmented(_apart(likely, hints), confidence)

    def _found(self, rgb: Rgb, regions: Regions, hints: Hints, number: int) -> tuple[NDArray[np.float32], float]:
        choice = choose(regions, _seeds(regions, hints))
        if not (choice.probability > 0.5).any():
            raise NothingFound(
                f"nothing in the box of object {number} stands out from around it; draw it larger, or click"
            )
        mask = _cut_out(rgb, regions, choice, hints, self._settings)
        mask = _tidied(mask, hints, self._settings.smallest_share)
        if not mask.any():
            raise NothingFound(f"no object was found where the prompts of object {number} point; click on its middle")
        inside = cv2.distanceTransform(mask.view(np.uint8), cv2.DIST_L2, 3)
        return np.where(mask, inside / (inside + 1), 0).astype(np.float32), choice.confidence


def _seeds(regions: Regions, hints: Hints) -> Seeds:
    """Hints at full size as regions."""
    height, width = regions.label.shape
    full_height, full_width = hints.keep.shape
    keep, drop = (
        np.unique(regions.label[rows * height // full_height, columns * width // full_width])
        for rows, columns in (np.nonzero(hints.keep), np.nonzero(hints.drop))
    )
    inside = np.ones(regions.count, np.float32)
    if hints.box is not None:
        x0, y0, x1, y1 = hints.box
        within = np.zeros((full_height, full_width), np.uint8)
        within[y0:y1, x0:x1] = 1
        small = cv2.resize(within, (width, height), interpolation=cv2.INTER_NEAREST).view(np.bool_)
        inside = (regions.share(small) > 0.5).astype(np.float32)
        if not inside.any():
            inside = (regions.share(small) > 0).astype(np.float32)
        if not inside.any():
            middle = regions.label[(y0 + y1) * height // (2 * full_height), (x0 + x1) * width // (2 * full_width)]
            inside[middle] = 1
    drop = np.setdiff1d(drop, keep)
    return Seeds(keep.astype(np.int64), drop.astype(np.int64), inside, hints.box is not None)


def _cut_out(rgb: Rgb, regions: Regions, choice: Choice, hints: Hints, settings: GrabCutSettings) -> Mask:
    """bool [H, W]: the chosen regions with their outline moved to the picture's edges."""
    height, width = rgb.shape[:2]
    rough = cv2.resize(choice.probability[regions.label], (width, height), interpolation=cv2.INTER_LINEAR)
    x, y, box_width, box_height = cv2.boundingRect((rough > 0.5).view(np.uint8))
    room = max(16, round(0.25 * max(box_width, box_height)))
    rows, columns = slice(max(0, y - room), y + box_height + room), slice(max(0, x - room), x + box_width + room)
    part = _fewer_pixels(np.ascontiguousarray(rgb[rows, columns]), settings.cut_pixels)
    size = (part.shape[1], part.shape[0])

    likely = cv2.resize(rough[rows, columns], size, interpolation=cv2.INTER_AREA) > 0.5
    plan = _plan(likely, settings.band_px)
    if hints.box is not None:
        x0, y0, x1, y1 = hints.box
        box = np.zeros((height, width), np.uint8)
        box[y0:y1, x0:x1] = 1
        plan[cv2.resize(box[rows, columns], size, interpolation=cv2.INTER_NEAREST) == 0] = cv2.GC_BGD
    for hint, value in ((hints.drop, cv2.GC_BGD), (hints.keep, cv2.GC_FGD)):
        plan[cv2.resize(hint[rows, columns].view(np.uint8) * np.uint8(255), size, interpolation=cv2.INTER_AREA) > 0] = (
            value
        )
    sure = np.bincount(plan.ravel() & 1, minlength=2)
    if sure.min() >= 10:
        cv2.setRNGSeed(0)
        models = np.zeros((1, 65)), np.zeros((1, 65))
        cv2.grabCut(part, plan, None, *models, settings.cut_rounds, cv2.GC_INIT_WITH_MASK)
    cut = cv2.GaussianBlur((plan & 1).astype(np.float32), (3, 3), 0)
    mask = np.zeros((height, width), bool)
    full = (rgb[rows, columns].shape[1], rgb[rows, columns].shape[0])
    mask[rows, columns] = cv2.resize(cut, full, interpolation=cv2.INTER_LINEAR) > 0.5
    return mask


def _plan(likely: Mask, band_px: int) -> NDArray[np.uint8]:
    """OpenCV's plan for GrabCut: fixed away from the outline, open within the band."""
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * band_px + 1, 2 * band_px + 1))
    inner, outer = cv2.erode(likely.view(np.uint8), disk), cv2.dilate(likely.view(np.uint8), disk)
    plan = np.where(likely, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    plan[inner > 0], plan[outer == 0] = cv2.GC_FGD, cv2.GC_BGD
    return plan


def _tidied(mask: Mask, hints: Hints, smallest_share: float) -> Mask:
    """Without holes and islands, except those that were clicked."""
    solid = mask | hints.keep
    solid = solid & ~hints.drop
    count, part, facts, _ = cv2.connectedComponentsWithStats(solid.view(np.uint8), connectivity=8)
    if count > 1:
        area = facts[:, cv2.CC_STAT_AREA].astype(np.float64)
        area[0] = 0
        stays = area >= smallest_share * area.max()
        stays[np.unique(part[hints.keep & solid])] = True
        stays[0] = False
        solid = stays[part]
    _, hole, facts, _ = cv2.connectedComponentsWithStats((~solid).view(np.uint8), connectivity=4)
    small = facts[:, cv2.CC_STAT_AREA] < 0.02 * np.count_nonzero(solid)
    small[np.unique(hole[hints.drop])] = False
    small[np.unique(hole[solid])] = False
    filled: Mask = solid | small[hole]
    return filled


def _apart(likely: dict[int, NDArray[np.float32]], hints: dict[int, Hints]) -> dict[int, Mask]:
    """Masks that do not overlap: each pixel goes to the object it lies deepest in, drawn ones first, clicks always."""
    best = np.zeros(next(iter(likely.values())).shape, np.float32)
    owner = np.zeros(best.shape, np.int32)
    for number, depth in likely.items():
        wins = depth > best
        best[wins], owner[wins] = depth[wins], number
    for number, known in hints.items():
        owner[known.drop & (owner == number)] = 0
        owner[known.keep] = number
    return {number: owner == number for number in likely}


def _at_most(rgb: Rgb, longer_px: int) -> Rgb:
    height, width = rgb.shape[:2]
    shrink = min(1.0, longer_px / max(height, width))
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)


def _fewer_pixels(rgb: Rgb, most: int) -> Rgb:
    height, width = rgb.shape[:2]
    shrink = min(1.0, (most / (height * width)) ** 0.5)
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
