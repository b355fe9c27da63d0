"""Two answers for the same frame, from the key frame before it and from the one after it, to one mask."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Mask
from avfusion.metrics.vos import region_similarity

ALIKE = 0.3
"""Below this overlap there is nothing in between, and the weightier answer is taken."""


def join(first: Mask, second: Mask, weight: float) -> Mask:
    """bool [H, W]: the outline that lies `weight` (0..1) of the way from `second` to `first`.

    The signed distances to both outlines are averaged, so that a span between two corrections goes over from one to the
    other without a jump (shape interpolation after S. P. Raya and J. K. Udupa, IEEE TMI 9(1), 1990). Where both agree
    nothing changes.
    """
    if weight >= 1 or np.array_equal(first, second):
        return first
    if weight <= 0:
        return second
    if region_similarity(first, second) < ALIKE:
        return first if weight >= 0.5 else second
    x, y, width, height = cv2.boundingRect((first | second).view(np.uint8))
    rows, columns = slice(y, y + height), slice(x, x + width)
    out = np.zeros_like(first)
    depth = weight * _depth(first[rows, columns]) + (1 - weight) * _depth(second[rows, columns])
    out[rows, columns] = depth > 0
    return out


def _depth(mask: Mask) -> NDArray[np.float32]:
    """Distance to the outline in pixels, positive inside; what lies beyond the rim of the picture is outside."""
    framed = np.pad(mask.view(np.uint8), 1)
    inside = cv2.distanceTransform(framed, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    outside = cv2.distanceTransform(1 - framed, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return (inside - outside)[1:-1, 1:-1]
