"""What travels within matting: the matte, and the geometry of the unknown band around a mask's edge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Mask

Edges = Literal["soft", "hard", "closed-form"]

# Half the width of the band, as a part of the picture's shorter side: 6 px at 1080 lines. A wider one catches more of a
# rough mask's mistakes and lets more of the texture on both sides into alpha.
_BAND = 0.0055

# Room around the mask, in bands: an edge smeared by motion has a band up to three times as wide.
_MARGIN = 6

Window: TypeAlias = tuple[int, int, int, int]
"""(top, left, bottom, right) in pixels of the whole picture."""


@dataclass(frozen=True, eq=False)
class Matte:
    """alpha: uint8 [H, W] opacity. The rest describes the window (top, left, h, w) that holds the whole edge.

    foreground: uint8 [h, w, 3], the object's own colour where alpha is partial and the frame's elsewhere, or None for a
    hard edge. depth: float32 [h, w], 0 outside the object to 1 inside, rising through the band.
    """

    alpha: NDArray[np.uint8]
    top: int = 0
    left: int = 0
    foreground: NDArray[np.uint8] | None = None
    depth: NDArray[np.float32] | None = None


def hard_matte(mask: Mask) -> Matte:
    """Alpha 0 or 255, nothing between."""
    return Matte(mask.view(np.uint8) * np.uint8(255))


def band_px(mask: Mask) -> int:
    """Half the width of the unknown band for a picture of this size."""
    return max(2, round(min(mask.shape) * _BAND))


def edge_window(mask: Mask) -> Window | None:
    """(top, left, bottom, right) of the mask and what its edge may reach; None for an empty mask."""
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    if width == 0:
        return None
    margin = _MARGIN * band_px(mask)
    rows, columns = mask.shape
    return (
        max(0, top - margin),
        max(0, left - margin),
        min(rows, top + height + margin),
        min(columns, left + width + margin),
    )


def band_depth(mask: NDArray[np.uint8], radius: int) -> NDArray[np.float32]:
    """Part of the (2r+1)-square around each pixel that lies in the mask: 0 outside the band, 1 inside the object."""
    side = 2 * radius + 1
    count = cv2.boxFilter(mask, cv2.CV_16U, (side, side), normalize=False, borderType=cv2.BORDER_REPLICATE)
    return count.astype(np.float32) * np.float32(1.0 / (side * side))
