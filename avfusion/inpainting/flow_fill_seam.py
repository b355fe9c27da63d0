"""What is put into a hole against what surrounds it: brought into line with it, and its colours joined to it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Mask
from avfusion.inpainting.flow_fill_motion import Field, membrane

BAND_PX = 8
"""How far around the hole the source of what fills it is held against the frame itself."""

_SPREAD_PX = 12.0
_MOST_PX = 1.0
_GREY = np.array([0.299, 0.587, 0.114], np.float32)


def nearest_in(hole: Mask) -> tuple[Mask, NDArray[np.intp]]:
    """The band around a hole, bool [h, w], and for each of its pixels the flat index of the nearest one in the hole."""
    distance, labels = cv2.distanceTransformWithLabels(
        (~hole).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    inside = np.flatnonzero(hole)
    index_of = np.zeros(int(labels.max()) + 1, np.intp)
    index_of[labels.ravel()[inside]] = inside
    band = (distance <= BAND_PX) & ~hole
    return band, index_of[labels[band]]


def drift(estimate: Field, picture: NDArray[np.uint8], band: Mask) -> Field:
    """How far what fills the hole has slid, float32 [h, w, 2] in pixels: picture(p) looks like estimate(p + drift).

    One step of Lucas-Kanade on the band, its windows Gaussian, so that the answer goes on into the hole.
    """
    grey = estimate @ _GREY
    miss = np.asarray(picture, np.float32) @ _GREY - grey
    dx, dy = cv2.Sobel(grey, cv2.CV_32F, 1, 0, scale=0.125), cv2.Sobel(grey, cv2.CV_32F, 0, 1, scale=0.125)
    miss = miss - np.float32(np.median(miss[band]) if band.any() else 0)
    solid = cv2.erode(band.view(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    trust = solid / (1 + (miss / 10) ** 2)
    parts = np.stack([trust * dx * dx, trust * dx * dy, trust * dy * dy], -1).astype(np.float32)
    sums = np.stack([trust * dx * miss, trust * dy * miss], -1).astype(np.float32)
    whole, whole_sums = parts.sum((0, 1)), sums.sum((0, 1))
    share = np.float32(50 / max(1.0, float(trust.sum())))
    parts = _blurred(parts) * np.float32(2 * np.pi * _SPREAD_PX**2) + whole * share
    sums = _blurred(sums) * np.float32(2 * np.pi * _SPREAD_PX**2) + whole_sums * share
    xx, xy, yy = parts[..., 0] + 200, parts[..., 1], parts[..., 2] + 200
    determinant = xx * yy - xy * xy
    slid = np.stack([yy * sums[..., 0] - xy * sums[..., 1], xx * sums[..., 1] - xy * sums[..., 0]], -1)
    return np.clip(slid / determinant[..., None], -_MOST_PX, _MOST_PX).astype(np.float32)


def _blurred(values: Field) -> Field:
    """Gaussian of _SPREAD_PX, on quarters."""
    height, width = values.shape[:2]
    size = (max(1, width // 4), max(1, height // 4))
    small = cv2.resize(values, size, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), _SPREAD_PX / 4, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def mismatch(estimate: Field, picture: NDArray[np.uint8], band: Mask) -> tuple[Field, Field]:
    """What to add to the estimate so that it joins the picture, float32 [h, w, 3], and how unlike it is, [h, w].

    The difference on the band, averaged there and continued inside as a membrane: what P. Perez et al., "Poisson Image
    Editing", SIGGRAPH 2003, solve for pixel by pixel, on cells, so that noise at the border does not flicker inside.
    What differs by much is no change of light and is left out of what to add, but not of how unlike it is: the mean
    absolute difference on the band, continued alike.
    """
    miss = np.where(band[..., None], np.asarray(picture, np.float32) - estimate, 0)
    size = np.abs(miss).mean(-1)
    change = membrane(miss, (band / (1 + (size / 8) ** 2) ** 2).astype(np.float32))
    unlike = membrane(size[..., None], band.astype(np.float32))
    return change, np.maximum(unlike[..., 0], 0)
