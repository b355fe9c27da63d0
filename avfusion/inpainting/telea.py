"""`telea`: colours marched inwards from the hole's border. The plainest engine, for thin scratches and comparison.

A. Telea, "An Image Inpainting Technique Based on the Fast Marching Method", J. Graphics Tools 2004, as OpenCV has it.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from avfusion.clip import Mask, Rgb
from avfusion.inpainting import Wish
from avfusion.inpainting.hole import NO_WISH, check_hole, window_around

RADIUS_PX = 4.0
"""How far away a pixel may still lend its colour."""


class Telea:
    """A `PictureInpainter`."""

    name = "telea"

    def paint(
        self, picture: Rgb, hole: Mask, wish: Wish = NO_WISH, *, tell: Callable[[int, int], None] | None = None
    ) -> Rgb:
        """As `PictureInpainter.paint` says; `wish` changes nothing."""
        check_hole(picture, hole)
        window = window_around(hole, margin_px=round(RADIUS_PX) + 2)
        out = picture.copy()
        if window is not None:
            inside = hole[window]
            painted = cv2.inpaint(picture[window], inside.view(np.uint8), RADIUS_PX, cv2.INPAINT_TELEA)
            out[window][inside] = np.asarray(painted, np.uint8)[inside]
        if tell is not None:
            tell(1, 1)
        return out
