"""How good a filled hole is: PSNR and SSIM inside it, and how steady it stays (flow-warp error)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Mask, Rgb
from avfusion.errors import MaskSizeMismatch
from avfusion.tracking.motion import dense_flow

Plane = NDArray[np.uint8]
Flow = NDArray[np.float32]
"""float32 [h, w, 2]: how far, in pixels, what lies here has moved in the other picture."""

# Wang et al.: the window, and the two constants that keep the ratio finite.
_WINDOW_PX, _SIGMA_PX = 11, 1.5
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
# So far around a hole flow is looked for as well: a patch needs to see what is around it.
_MARGIN_PX = 48
# DIS looks at patches of 8 pixels, on coarser pictures too.
_LEAST_PX = 16


def psnr_inside(ours: Rgb, truth: Rgb, hole: Mask) -> float:
    """Peak signal-to-noise ratio in dB over the red, green and blue of the hole's pixels; `inf` where they are alike.

    ours, truth: uint8 [H, W, 3]. Raises `MaskSizeMismatch`, and ValueError for a hole without a pixel.
    """
    _check(ours, truth, hole)
    error = ours[hole].astype(np.float64) - truth[hole]
    mean_square = float(np.mean(error * error))
    return math.inf if mean_square == 0 else 10 * math.log10(255**2 / mean_square)


def ssim_inside(ours: Rgb, truth: Rgb, hole: Mask) -> float:
    """Structural similarity, -1..1, of luma (BT.601, full range), averaged over the hole's pixels.

    Z. Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity", IEEE TIP 2004, section
    III: a Gaussian window of 11 x 11 pixels, sigma 1.5, K1 = 0.01, K2 = 0.03. The map is that of the whole pictures, so
    that windows at the hole's border see what is around it; at the pictures' own borders it is mirrored. Raises as
    `psnr_inside`.
    """
    _check(ours, truth, hole)
    x, y, width, height = cv2.boundingRect(hole.view(np.uint8))
    reach = _WINDOW_PX // 2
    near = (
        slice(max(y - reach, 0), y + height + reach),
        slice(max(x - reach, 0), x + width + reach),
    )
    a, b = (_luma(picture[near]).astype(np.float64) for picture in (ours, truth))
    mean_a, mean_b = _windowed(a), _windowed(b)
    variance_a = _windowed(a * a) - mean_a * mean_a
    variance_b = _windowed(b * b) - mean_b * mean_b
    covariance = _windowed(a * b) - mean_a * mean_b
    above = (2 * mean_a * mean_b + _C1) * (2 * covariance + _C2)
    below = (mean_a * mean_a + mean_b * mean_b + _C1) * (variance_a + variance_b + _C2)
    return float((above / below)[hole[near]].mean())


def _windowed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    size = (_WINDOW_PX, _WINDOW_PX)
    return np.asarray(cv2.GaussianBlur(values, size, _SIGMA_PX, borderType=cv2.BORDER_REFLECT_101), np.float64)


_BEFORE = ("rgb", "hole", "luma")


class WarpMeter:
    """Flow-warp error of a clip inside its hole, frame by frame; 0 is perfectly steady.

    W.-S. Lai et al., "Learning Blind Video Temporal Consistency", ECCV 2018, section 4.2: the next frame is warped back
    onto this one by the flow between them, and the squared distance of the two colours (channels in 0..1, summed) is
    averaged over the pixels that are not occluded, then over pairs of frames. Here only pixels in this frame's hole
    count. Occluded, as there (after M. Ruder et al., "Artistic Style Transfer for Videos", GCPR 2016, section 4.1), is
    where going there and back does not lead home, and where the flow itself has an edge. The flow is DIS.
    """

    def __init__(self) -> None:
        self._before: tuple[Rgb, Mask, Plane] | None = None
        self._errors: list[float] = []

    def observe(self, rgb: Rgb, hole: Mask, *, guide: Rgb | None = None) -> None:
        """The next frame, uint8 [H, W, 3], and its hole, bool [H, W].

        guide: the picture that the flow is taken from: the true one where there is one; left out, the result itself.
        """
        luma = _luma(rgb if guide is None else guide)
        if self._before is not None and self._before[1].any():
            error = _pair_error(*self._before, rgb, luma)
            if error is not None:
                self._errors.append(error)
        self._before = (rgb, hole, luma)

    def state(self) -> dict[str, NDArray[Any]]:
        """What was seen so far, as plain arrays."""
        before = {} if self._before is None else dict(zip(_BEFORE, self._before, strict=True))
        return {"errors": np.array(self._errors), **before}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Takes what `state` gave."""
        self._errors = [float(error) for error in state["errors"]]
        rgb, hole, luma = (state.get(name) for name in _BEFORE)
        self._before = None if rgb is None or hole is None or luma is None else (rgb, hole, luma)

    @property
    def error(self) -> float | None:
        """None where no two frames could be compared."""
        return float(np.mean(self._errors)) if self._errors else None


def _pair_error(before: Rgb, hole: Mask, luma_before: Plane, after: Rgb, luma_after: Plane) -> float | None:
    x, y, width, height = cv2.boundingRect(hole.view(np.uint8))
    near = (
        slice(max(y - _MARGIN_PX, 0), y + height + _MARGIN_PX),
        slice(max(x - _MARGIN_PX, 0), x + width + _MARGIN_PX),
    )
    here, there = np.ascontiguousarray(luma_before[near]), np.ascontiguousarray(luma_after[near])
    if min(here.shape) < _LEAST_PX:
        return None
    forth, back = _flow(here, there), _flow(there, here)
    counted = hole[near] & visible(forth, back)
    if not counted.any():
        return None
    return warp_error(before[near], after[near], forth, counted)


def warp_error(before: Rgb, after: Rgb, flow: Flow, counted: Mask) -> float:
    """Mean squared distance of colours in 0..1 between `before` and `after` warped back by `flow`, where counted."""
    warped = cv2.remap(after.astype(np.float32), *_places(flow), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    error = (before[counted].astype(np.float64) - warped[counted]) / 255
    return float(np.mean((error * error).sum(axis=1)))


def visible(forth: Flow, back: Flow) -> Mask:
    """bool [h, w]: what is here is there too. By the two tests of M. Ruder et al. 2016, section 4.1."""
    x, y = _places(forth)
    height, width = x.shape
    home = cv2.remap(back, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    miss2 = ((forth + home) ** 2).sum(axis=2)
    length2 = (forth**2).sum(axis=2)
    returns = miss2 <= 0.01 * (length2 + (home**2).sum(axis=2)) + 0.5
    slope2 = sum((np.gradient(forth[..., axis], axis=along) ** 2) for axis in (0, 1) for along in (0, 1))
    is_inside = (x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1)
    return np.asarray(returns & (slope2 <= 0.01 * length2 + 0.002) & is_inside, np.bool_)


def _places(flow: Flow) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    height, width = flow.shape[:2]
    x = flow[..., 0] + np.arange(width, dtype=np.float32)
    y = flow[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    return x.astype(np.float32, copy=False), y.astype(np.float32, copy=False)


def _flow(here: Plane, there: Plane) -> Flow:
    return dense_flow(cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM), here, there)


def _luma(rgb: Rgb) -> Plane:
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)


def _check(ours: Rgb, truth: Rgb, hole: Mask) -> None:
    if not ours.shape == truth.shape == (*hole.shape, 3):
        sizes = " and ".join(f"{shape[1]} x {shape[0]}" for shape in (ours.shape, truth.shape, hole.shape))
        raise MaskSizeMismatch(f"pictures and hole of {sizes} pixels cannot be compared: they must be of one size.")
    if not hole.any():
        raise ValueError("a hole without a pixel has no score")
