"""Alpha by closed-form matting: the finest edge there is here, and slow."""

from __future__ import annotations

import numpy as np

from avfusion.clip import Frame, Mask
from avfusion.matting.matte import Matte, Window, band_depth


def closed_form_matte(frame: Frame, mask: Mask, window: Window, radius: int) -> Matte:
    """Closed-form matting (Levin et al., 2008) and multi-level foreground estimation, through pymatting."""
    from pymatting import estimate_alpha_cf, estimate_foreground_ml

    top, left, bottom, right = window
    rgb = frame.rgb[top:bottom, left:right]
    depth = band_depth(np.ascontiguousarray(mask[top:bottom, left:right]).view(np.uint8), radius)
    trimap = np.where(depth >= 1.0, 1.0, np.where(depth <= 0.0, 0.0, 0.5))
    image = rgb.astype(np.float64) / 255.0
    solved = estimate_alpha_cf(image, trimap)
    colour = estimate_foreground_ml(image, solved)
    alpha = mask.view(np.uint8) * np.uint8(255)
    alpha[top:bottom, left:right] = np.rint(solved * 255.0).astype(np.uint8)
    partial = (solved > 0.0) & (solved < 1.0)
    foreground = np.where(partial[..., None], np.rint(np.clip(colour, 0, 1) * 255.0).astype(np.uint8), rgb)
    return Matte(alpha, top, left, foreground, depth)
