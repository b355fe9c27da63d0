"""Rough masks moved to the picture's edges, by GrabCut in a band around their outline."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Mask, Rgb


@dataclass(frozen=True)
class OutlineSettings:
    """most_pixels: that GrabCut works on. Half the width of its band, in its pixels: found_px around an object that was
    just found on regions, corrected_px where a known one was corrected; never more than half as deep as it is. Where
    colours say little, a wide band lets the outline collapse: below least_overlap with the rough mask a narrow one is
    taken instead."""

    most_pixels: int = 60_000
    found_px: float = 25.0
    corrected_px: float = 6.0
    least_overlap: float = 0.5
    rounds: int = 1


def refine(
    rgb: Rgb, rough: Mask, keep: Mask, drop: Mask, settings: OutlineSettings, changed: Mask | None = None
) -> Mask:
    """A mask with its outline where the colours on both sides part best. All masks are bool [H, W].

    keep, drop: surely the object, surely not. changed: the outline moves near these pixels only.
    """
    if changed is None:
        found = _cut(rgb, rough, keep, drop, settings, settings.found_px, np.ones_like(rough))
        allowed = rough & ~drop
        if np.count_nonzero(found & allowed) >= settings.least_overlap * np.count_nonzero(found | allowed):
            return found
        changed = np.ones_like(rough)
    return _cut(rgb, rough, keep, drop, settings, settings.corrected_px, changed)


def _cut(
    rgb: Rgb, rough: Mask, keep: Mask, drop: Mask, settings: OutlineSettings, band_px: float, changed: Mask
) -> Mask:
    height, width = rough.shape
    part = fewer_pixels(rgb, settings.most_pixels)
    size = (part.shape[1], part.shape[0])
    likely = shrunk(rough, size) > 0.5
    inside, outside = _depth(likely), _depth(~likely)
    plan = np.where(likely, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    plan[inside > min(band_px, 0.5 * float(inside.max()))] = cv2.GC_FGD
    plan[outside > band_px] = cv2.GC_BGD
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(band_px) + 1, 2 * round(band_px) + 1))
    zone = cv2.dilate((shrunk(changed, size) > 0.5).view(np.uint8), disk).view(np.bool_)
    plan[~zone] = np.where(likely, cv2.GC_FGD, cv2.GC_BGD)[~zone]
    plan[shrunk(drop, size) > 0] = cv2.GC_BGD
    plan[shrunk(keep, size) > 0] = cv2.GC_FGD
    if np.bincount(plan.ravel() & 1, minlength=2).min() >= 10 and (plan >= cv2.GC_PR_BGD).any():
        cv2.setRNGSeed(0)
        models = np.zeros((1, 65)), np.zeros((1, 65))
        cv2.grabCut(part, plan, None, *models, settings.rounds, cv2.GC_INIT_WITH_MASK)
    smooth = cv2.GaussianBlur((plan & 1).astype(np.float32), (3, 3), 0)
    found: Mask = cv2.resize(smooth, (width, height), interpolation=cv2.INTER_LINEAR) > 0.5
    return np.where(cv2.resize(zone.view(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST) > 0, found, rough)


def tidied(mask: Mask, keep: Mask, drop: Mask, smallest_share: float) -> Mask:
    """Without holes and islands, except those that were clicked."""
    solid = (mask | keep) & ~drop
    count, part, facts, _ = cv2.connectedComponentsWithStats(solid.view(np.uint8), connectivity=8)
    if count > 1:
        area = facts[:, cv2.CC_STAT_AREA].astype(np.float64)
        area[0] = 0
        stays = area >= smallest_share * area.max()
        stays[np.unique(part[keep & solid])] = True
        stays[0] = False
        solid = stays[part]
    _, hole, facts, _ = cv2.connectedComponentsWithStats((~solid).view(np.uint8), connectivity=4)
    small = facts[:, cv2.CC_STAT_AREA] < 0.02 * np.count_nonzero(solid)
    small[np.unique(hole[drop])] = False
    small[np.unique(hole[solid])] = False
    filled: Mask = solid | small[hole]
    return filled


def shrunk(mask: Mask, size: tuple[int, int]) -> NDArray[np.float32]:
    """The share of a mask in each pixel of a picture of another size (width, height), float32 in 0..1."""
    return np.asarray(cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA), np.float32)


def fewer_pixels(rgb: Rgb, most: int) -> Rgb:
    """The picture with at most that many pixels, of the same shape."""
    height, width = rgb.shape[:2]
    return scaled(rgb, min(1.0, (most / (height * width)) ** 0.5))


def scaled(rgb: Rgb, scale: float) -> Rgb:
    """The picture at `scale` of its size, at least one pixel wide and high."""
    size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)


def _depth(mask: Mask) -> NDArray[np.float32]:
    """How far each pixel of a mask lies from its end, in pixels; 0 elsewhere."""
    return np.asarray(cv2.distanceTransform(mask.view(np.uint8), cv2.DIST_L2, 5), np.float32)
