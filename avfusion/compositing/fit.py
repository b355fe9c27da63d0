"""Lays a picture of any size behind a clip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from avfusion.clip import Clip, Rgb
from avfusion.errors import UsageError

FitKind = Literal["cover", "contain", "stretch"]


@dataclass(frozen=True)
class Fit:
    """kind: `cover` fills the frame and cuts, `contain` shows all and leaves bars, `stretch` ignores proportions.

    position: where the overhang or the bars go, (0, 0) left and top, (0.5, 0.5) centred. scale: on top of that.
    """

    kind: FitKind = "cover"
    position: tuple[float, float] = (0.5, 0.5)
    scale: float = 1.0

    def __post_init__(self) -> None:
        if not 0.01 <= self.scale <= 100:
            raise UsageError(f"scale {self.scale:g}: the background can be scaled by 0.01 to 100.")
        if not all(0 <= part <= 1 for part in self.position):
            raise UsageError(f"position {self.position}: give two numbers from 0 to 1, like 0.5,0.5 for the centre.")


def fitted(picture: Rgb, clip: Clip, fit: Fit) -> Rgb:
    """uint8 [H, W, 3] in the clip's size; what the picture leaves free is black."""
    height, width = picture.shape[:2]
    # Pixels of the clip may not be square: work out the picture's size as it is seen, then in the clip's pixels.
    across = clip.width_px / width * float(clip.pixel_aspect)
    down = clip.height_px / height
    if fit.kind == "stretch":
        zoom_x, zoom_y = across * fit.scale, down * fit.scale
    else:
        zoom_x = zoom_y = (max if fit.kind == "cover" else min)(across, down) * fit.scale
    size = (zoom_x * width / float(clip.pixel_aspect), zoom_y * height)
    left = (clip.width_px - size[0]) * fit.position[0]
    top = (clip.height_px - size[1]) * fit.position[1]
    return _placed(picture, (clip.width_px, clip.height_px), left, top, size[0] / width, size[1] / height)


def _placed(picture: Rgb, canvas: tuple[int, int], left: float, top: float, zoom_x: float, zoom_y: float) -> Rgb:
    """The picture scaled and moved onto a black canvas (width, height)."""
    shrink = min(zoom_x, zoom_y)
    if shrink < 0.5:
        # Going far down in one bilinear step would alias: halve by area first.
        factor = 2 ** int(np.log2(1 / shrink))
        small = (max(1, picture.shape[1] // factor), max(1, picture.shape[0] // factor))
        zoom_x *= picture.shape[1] / small[0]
        zoom_y *= picture.shape[0] / small[1]
        picture = cv2.resize(picture, small, interpolation=cv2.INTER_AREA)
    # Pixel centres: output x + 0.5 = left + zoom * (input x + 0.5).
    move = np.array([[zoom_x, 0, left + zoom_x / 2 - 0.5], [0, zoom_y, top + zoom_y / 2 - 0.5]], np.float64)
    covers = left <= 0 and top <= 0 and left + zoom_x * picture.shape[1] >= canvas[0] - 1e-6
    covers = covers and top + zoom_y * picture.shape[0] >= canvas[1] - 1e-6
    border = cv2.BORDER_REPLICATE if covers else cv2.BORDER_CONSTANT
    return cv2.warpAffine(picture, move, canvas, flags=cv2.INTER_LINEAR, borderMode=border)
