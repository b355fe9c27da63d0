"""What the background looks like behind the objects, as far as it has been seen."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Mask
from avfusion.tracking.motion import look_up, sources
from avfusion.tracking.window import Field

Picture = NDArray[np.uint8]

FORGET = 0.95
"""What is left of the trust in a background pixel after a frame in which it was hidden."""

_NEAR = np.ones((3, 3), np.uint8)


class Plate:
    """A background picture uint8 [h, w, 3] (Y, U, V, small) that moves with the background, and the trust in it."""

    def __init__(self, picture: Picture, covered: Mask) -> None:
        self._picture = picture.copy()
        self.trust: Field = (~_grown(covered)).astype(np.float32)

    def move(self, background: Field) -> None:
        """Brings the plate onto the next frame: `background` points from its pixels to those of the last one."""
        x, y = sources(background)
        moved = cv2.remap(self._picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        self._picture = np.asarray(moved, np.uint8)
        height, width = self.trust.shape
        inside = (x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1)
        self.trust = look_up(self.trust, x, y) * inside * np.float32(FORGET)

    def mismatch(self, picture: Picture, rows: slice, columns: slice) -> Field:
        """How far colours are from the plate's, float32 [rows, columns] in 0..1; a pixel's misplacement is forgiven."""
        here, plate = picture[rows, columns], self._picture[rows, columns]
        above = cv2.subtract(here, cv2.dilate(plate, _NEAR))
        below = cv2.subtract(cv2.erode(plate, _NEAR), here)
        miss = cv2.blur(np.maximum(above, below), (3, 3))
        total = miss[..., 0] + np.float32(2) * miss[..., 1] + np.float32(2) * miss[..., 2]
        return np.sqrt(np.minimum(total / 80, 0.999))

    def learn(self, picture: Picture, covered: Mask) -> None:
        """Takes over what is now plainly background."""
        seen = ~_grown(covered)
        cv2.copyTo(picture, seen.view(np.uint8), self._picture)
        self.trust[seen] = 1


def _grown(covered: Mask) -> Mask:
    """Two pixels more on all sides: what is half covered must not be taken for background."""
    return np.asarray(cv2.dilate(covered.view(np.uint8), np.ones((5, 5), np.uint8)), np.uint8).view(np.bool_)
