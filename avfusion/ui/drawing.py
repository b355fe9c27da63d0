"""What is drawn over the frame: the mask as a tint with an outline, clicks as dots, boxes as lines."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Box, Clip, Mask, Point, Prompt, Rgb
from avfusion.ui.clicks import Corner, shown_size, to_shown

_TINT = np.array((36, 110, 255), np.float32)
_TINT_OPACITY = 0.5
_WHITE = (255, 255, 255)
_GREEN = (22, 163, 74)
_RED = (220, 38, 38)
_YELLOW = (250, 204, 21)


def scaled(rgb: Rgb, clip: Clip) -> Rgb:
    """A full frame at the size in which the page shows it."""
    size = shown_size(clip)
    shrinks = size[0] < rgb.shape[1] or size[1] < rgb.shape[0]
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)


def scaled_mask(mask: Mask, clip: Clip) -> Mask:
    """A full-frame mask at the displayed size."""
    grey = cv2.resize(mask.view(np.uint8) * np.uint8(255), shown_size(clip), interpolation=cv2.INTER_LINEAR)
    return grey > 127


def marked(
    shown: Rgb, clip: Clip, *, mask: Mask | None, prompts: Sequence[Prompt] = (), corner: Corner | None = None
) -> NDArray[np.uint8]:
    """The displayed picture (uint8 [h, w, 3]) with the mask (bool [h, w], same size) and the clicks drawn over it."""
    out = shown.copy()
    if mask is not None and mask.any():
        _tint(out, mask)
    unit = max(1.0, max(out.shape[:2]) / 640)
    for prompt in prompts:
        if isinstance(prompt, Box):
            _box(out, to_shown(clip, prompt.x0, prompt.y0), to_shown(clip, prompt.x1 - 1, prompt.y1 - 1), unit)
    for prompt in prompts:
        if isinstance(prompt, Point):
            _dot(out, to_shown(clip, prompt.x, prompt.y), _GREEN if prompt.keep else _RED, unit)
    if corner is not None:
        _cross(out, to_shown(clip, corner.x, corner.y), unit)
    return out


def _tint(out: NDArray[np.uint8], mask: Mask) -> None:
    out[mask] = np.rint(out[mask] * (1 - _TINT_OPACITY) + _TINT * _TINT_OPACITY).astype(np.uint8)
    contours, _ = cv2.findContours(mask.view(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    width = max(1, round(max(out.shape[:2]) / 480))
    cv2.drawContours(out, contours, -1, (10, 40, 90), width + 2, cv2.LINE_AA)
    cv2.drawContours(out, contours, -1, _WHITE, width, cv2.LINE_AA)


def _dot(out: NDArray[np.uint8], at: tuple[int, int], colour: tuple[int, int, int], unit: float) -> None:
    cv2.circle(out, at, round(7 * unit), _WHITE, -1, cv2.LINE_AA)
    cv2.circle(out, at, round(5 * unit), colour, -1, cv2.LINE_AA)


def _box(out: NDArray[np.uint8], first: tuple[int, int], second: tuple[int, int], unit: float) -> None:
    cv2.rectangle(out, first, second, (60, 45, 0), round(3 * unit), cv2.LINE_AA)
    cv2.rectangle(out, first, second, _YELLOW, round(1.5 * unit), cv2.LINE_AA)


def _cross(out: NDArray[np.uint8], at: tuple[int, int], unit: float) -> None:
    size = round(16 * unit)
    cv2.drawMarker(out, at, (60, 45, 0), cv2.MARKER_CROSS, size + round(2 * unit), round(4 * unit), cv2.LINE_AA)
    cv2.drawMarker(out, at, _YELLOW, cv2.MARKER_CROSS, size, round(2 * unit), cv2.LINE_AA)
