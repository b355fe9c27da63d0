"""The object alone, on nothing: straight-alpha RGBA for formats that keep transparency."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Frame
from avfusion.matting import Matte

# How far the object's colour is carried out past its edge, as a part of the shorter side: chroma subsampling, scaling
# and lossy codecs mix neighbours, and must find the object's colour there, not black.
_BLEED = 0.02


def cut_out(frame: Frame, matte: Matte) -> NDArray[np.uint8]:
    """uint8 [H, W, 4]. Nothing of the old background stays: far from the object the colour is black."""
    height, width = matte.alpha.shape
    out = np.zeros((height, width, 4), np.uint8)
    out[..., 3] = matte.alpha
    rgb = frame.rgb
    if matte.foreground is not None:
        rgb = rgb.copy()
        rows, columns = matte.foreground.shape[:2]
        rgb[matte.top : matte.top + rows, matte.left : matte.left + columns] = matte.foreground
    left, top, span_x, span_y = cv2.boundingRect(matte.alpha)
    if not span_x:
        return out
    reach = max(2, round(_BLEED * min(height, width)))
    view = np.s_[max(0, top - reach) : top + span_y + reach, max(0, left - reach) : left + span_x + reach]
    visible = (matte.alpha[view] > 0).astype(np.float32)
    weight = matte.alpha[view].astype(np.float32) / 255.0
    side = (2 * reach + 1, 2 * reach + 1)
    total = cv2.blur(weight, side)
    spread = cv2.blur(rgb[view] * weight[..., None], side) / np.maximum(total, 1e-6)[..., None]
    near = np.where((total > 1e-4)[..., None], np.clip(np.rint(spread), 0, 255), 0).astype(np.uint8)
    out[view][..., :3] = np.where(visible[..., None] > 0, rgb[view], near)
    return out
