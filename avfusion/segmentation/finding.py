"""From hints to a mask at full size: regions are chosen, then their outline is moved to the picture's edges."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Mask
from avfusion.errors import NothingFound
from avfusion.segmentation.candidates import Seeds, choose
from avfusion.segmentation.corrections import Mistake, correct
from avfusion.segmentation.hints import Hints
from avfusion.segmentation.outline import OutlineSettings, refine, tidied
from avfusion.segmentation.scene import Scene, Window


@dataclass(frozen=True)
class FinderSettings:
    """smallest_share: islands smaller than this share of an object go when it is found, unless clicked;
    around_box: how much of a box's longer side is looked at on each side of it; around_click: how far around a click
    that corrects, in its depths."""

    smallest_share: float = 0.05
    around_box: float = 0.4
    around_click: float = 4.0
    outline: OutlineSettings = field(default_factory=OutlineSettings)


class Finder:
    """Finds objects in one scene."""

    def __init__(self, scene: Scene, settings: FinderSettings) -> None:
        self._scene = scene
        self._settings = settings

    def find(self, hints: Hints, box: tuple[int, int, int, int] | None, number: int) -> tuple[Mask, float]:
        """Mask bool [H, W] of an object of which only hints and a box are known, and 0..1. Raises NothingFound."""
        window = self._scene.whole() if box is None else self._around(box)
        choice = choose(window.regions, _seeds(window, hints, box))
        if not (choice.probability > 0.5).any():
            raise NothingFound(
                f"nothing in the box of object {number} stands out from around it; draw it larger, or click"
            )
        rough = _enlarged(choice.probability, window, hints.keep.shape)
        drop = hints.drop
        if box is not None:
            x0, y0, x1, y1 = box
            drop = np.ones_like(drop)
            drop[y0:y1, x0:x1] = hints.drop[y0:y1, x0:x1]
            drop &= ~hints.keep
        mask = self._outlined(rough, hints.keep, drop, 0.25)
        mask = tidied(mask, hints.keep, hints.drop, self._settings.smallest_share)
        if not mask.any():
            raise NothingFound(f"no object was found where the prompts of object {number} point; click on its middle")
        return mask, choice.confidence

    def correct(self, mask: Mask, wrong: Mask, keep: bool, hints: Hints, taken: Mask) -> tuple[Mask, float]:
        """A known mask corrected where a stroke bool [H, W] says that it is wrong, and 0..1.

        keep: whether the stroke is the object. taken: pixels of other objects.
        """
        inside = cv2.distanceTransform(np.pad(mask != keep, 1).view(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
        depth_px = max(2.0, float(inside[wrong].max()))
        window = self._around_mistake(mask, wrong, depth_px)
        regions = window.regions
        seeds = window.under(wrong)
        same, other = window.under(hints.keep), window.under(hints.drop)
        if not keep:
            same, other = other, same
        if keep:
            other = np.union1d(other, np.flatnonzero(window.share(taken) > 0.5))
        rows, columns = window.places(wrong)
        mistake = Mistake(
            keep=keep,
            before=window.share(mask),
            seeds=seeds,
            same=same,
            other=np.setdiff1d(other, seeds),
            away=_away(window, rows, columns) / (depth_px * window.scale),
            rows=rows,
            columns=columns,
        )
        change = correct(regions, mistake)
        moved = _enlarged(change.changed.astype(np.float32), window, mask.shape) > 0.5
        rough = (mask | moved) if keep else (mask & ~moved)
        part = window.rows, window.columns
        out = rough.copy()
        out[part] = refine(
            np.ascontiguousarray(self._scene.rgb[part]),
            rough[part],
            hints.keep[part],
            hints.drop[part],
            self._settings.outline,
            changed=(rough != mask)[part],
        )
        return out, change.confidence

    def _outlined(self, rough: NDArray[np.float32], keep: Mask, drop: Mask, room: float) -> Mask:
        x, y, width, height = cv2.boundingRect((rough > 0.5).view(np.uint8))
        margin = max(16, round(room * max(width, height)))
        part = (
            slice(max(0, y - margin), y + height + margin),
            slice(max(0, x - margin), x + width + margin),
        )
        mask = np.zeros(rough.shape, bool)
        rgb = np.ascontiguousarray(self._scene.rgb[part])
        mask[part] = refine(rgb, rough[part] > 0.5, keep[part], drop[part], self._settings.outline)
        return mask

    def _around(self, box: tuple[int, int, int, int]) -> Window:
        x0, y0, x1, y1 = box
        margin = self._settings.around_box * max(x1 - x0, y1 - y0)
        return self._scene.window(x0 - margin, y0 - margin, x1 + margin, y1 + margin)

    def _around_mistake(self, mask: Mask, wrong: Mask, depth_px: float) -> Window:
        """Room for the object as it is known, and for the click to reach."""
        x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
        left, top, across, down = cv2.boundingRect(wrong.view(np.uint8))
        reach = self._settings.around_click * depth_px
        x0, y0 = min(x, left - reach), min(y, top - reach)
        x1, y1 = max(x + width, left + across + reach), max(y + height, top + down + reach)
        margin = max(8.0, 0.15 * max(x1 - x0, y1 - y0))
        return self._scene.window(x0 - margin, y0 - margin, x1 + margin, y1 + margin)


def _seeds(window: Window, hints: Hints, box: tuple[int, int, int, int] | None) -> Seeds:
    keep, drop = window.under(hints.keep), window.under(hints.drop)
    inside = np.ones(window.regions.count, np.float32)
    if box is not None:
        x0, y0, x1, y1 = box
        within = np.zeros(hints.keep.shape, bool)
        within[y0:y1, x0:x1] = True
        share = window.share(within)
        inside = (share > min(0.5, 0.99 * float(share.max()))).astype(np.float32)
    return Seeds(keep, np.setdiff1d(drop, keep), inside, box is not None)


def _enlarged(values: NDArray[np.floating], window: Window, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Values of regions [n] on a full-size picture, float32 [H, W], 0 outside the window."""
    out = np.zeros(shape, np.float32)
    part = out[window.rows, window.columns]
    small = values.astype(np.float32)[window.regions.label]
    part[:] = cv2.resize(small, (part.shape[1], part.shape[0]), interpolation=cv2.INTER_LINEAR)
    return out


def _away(window: Window, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.float32]:
    """From each region's centre to the stroke, in small pixels, [n]."""
    off = np.ones(window.regions.label.shape, np.uint8)
    off[rows, columns] = 0
    distance = cv2.distanceTransform(off, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return distance[np.rint(window.regions.y).astype(int), np.rint(window.regions.x).astype(int)]
