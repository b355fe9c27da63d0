"""What is drawn over the frame: objects as tints with outlines, clicks as dots, boxes and strokes as lines."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Box, Clip, Mask, Point, Prompt, Rgb, Scribble
from avfusion.ui.clicks import Corner, shown_size, to_shown
from avfusion.ui.colours import rgb_of

Labels = NDArray[np.uint8]
"""uint8 [H, W]: the object's number in each pixel, 0 for background."""

_TINT_OPACITY = 0.5
_WHITE = (255, 255, 255)
_DARK = (20, 24, 40)
_RED = (220, 38, 38)


def scaled(rgb: Rgb, clip: Clip) -> Rgb:
    """A full frame at the size in which the page shows it."""
    size = shown_size(clip)
    shrinks = size[0] < rgb.shape[1] or size[1] < rgb.shape[0]
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)


def _scaled_mask(mask: Mask, clip: Clip) -> Mask:
    grey = cv2.resize(mask.view(np.uint8) * np.uint8(255), shown_size(clip), interpolation=cv2.INTER_LINEAR)
    return grey > 127


def marked(
    shown: Rgb, clip: Clip, *, labels: Labels | None, prompts: Sequence[Prompt] = (), corner: Corner | None = None
) -> Rgb:
    """The displayed picture (uint8 [h, w, 3]) with the full frame's labels (uint8 [H, W]) and clicks drawn over it."""
    out = shown.copy()
    if labels is not None:
        for number in np.flatnonzero(np.bincount(labels.ravel())[1:]) + 1:
            _tint(out, _scaled_mask(labels == number, clip), rgb_of(int(number)))
    unit = max(1.0, max(out.shape[:2]) / 640)
    for prompt in prompts:
        if isinstance(prompt, Box):
            corners = to_shown(clip, prompt.x0, prompt.y0), to_shown(clip, prompt.x1 - 1, prompt.y1 - 1)
            _box(out, *corners, rgb_of(prompt.object), unit)
        elif isinstance(prompt, Scribble):
            _stroke(out, clip, prompt, unit)
    for prompt in prompts:
        if isinstance(prompt, Point):
            _dot(out, to_shown(clip, prompt.x, prompt.y), prompt, unit)
    if corner is not None:
        _cross(out, to_shown(clip, corner.x, corner.y), unit)
    return out


def outlined(shown: Rgb, clip: Clip, labels: Labels) -> Rgb:
    """The displayed picture with nothing but a thin line round each object of the full frame's labels."""
    out = shown.copy()
    for number in np.flatnonzero(np.bincount(labels.ravel())[1:]) + 1:
        _outline(out, _scaled_mask(labels == number, clip), _DARK, rgb_of(int(number)))
    return out


def inline(picture: Rgb, quality: int) -> str:
    """A picture as an address that holds its own JPEG, so that hundreds of them leave no files."""
    _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return "data:image/jpeg;base64," + base64.b64encode(jpeg.tobytes()).decode("ascii")


def _tint(out: Rgb, mask: Mask, colour: tuple[int, int, int]) -> None:
    tint = np.asarray(colour, np.float32)
    out[mask] = np.rint(out[mask] * (1 - _TINT_OPACITY) + tint * _TINT_OPACITY).astype(np.uint8)
    red, green, blue = (channel // 3 for channel in colour)
    _outline(out, mask, (red, green, blue), _WHITE)


def _outline(out: Rgb, mask: Mask, edge: tuple[int, int, int], line: tuple[int, int, int]) -> None:
    contours, _ = cv2.findContours(mask.view(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    width = max(1, round(max(out.shape[:2]) / 480))
    cv2.drawContours(out, contours, -1, edge, width + 2, cv2.LINE_AA)
    cv2.drawContours(out, contours, -1, line, width, cv2.LINE_AA)


def _dot(out: Rgb, at: tuple[int, int], point: Point, unit: float) -> None:
    """A plus on the object's colour for what is kept; a minus on red, ringed with its colour, for what is dropped."""
    colour = rgb_of(point.object)
    inside, ring = (colour, _WHITE) if point.keep else (_RED, colour)
    cv2.circle(out, at, round(10 * unit), _DARK, -1, cv2.LINE_AA)
    cv2.circle(out, at, round(9 * unit), _WHITE, -1, cv2.LINE_AA)
    cv2.circle(out, at, round(8.4 * unit), ring, -1, cv2.LINE_AA)
    cv2.circle(out, at, round(6.4 * unit), inside, -1, cv2.LINE_AA)
    arm, width = round(3.4 * unit), round(1.6 * unit)
    cv2.line(out, (at[0] - arm, at[1]), (at[0] + arm, at[1]), _WHITE, width, cv2.LINE_AA)
    if point.keep:
        cv2.line(out, (at[0], at[1] - arm), (at[0], at[1] + arm), _WHITE, width, cv2.LINE_AA)


def _stroke(out: Rgb, clip: Clip, scribble: Scribble, unit: float) -> None:
    path = [np.array([to_shown(clip, x, y) for x, y in scribble.points], np.int32)]
    width = max(2, round(scribble.width_px * shown_size(clip)[0] / clip.width_px))
    cv2.polylines(out, path, False, _WHITE, width + round(2 * unit), cv2.LINE_AA)
    cv2.polylines(out, path, False, rgb_of(scribble.object) if scribble.keep else _RED, width, cv2.LINE_AA)


def _box(out: Rgb, first: tuple[int, int], second: tuple[int, int], colour: tuple[int, int, int], unit: float) -> None:
    cv2.rectangle(out, first, second, _WHITE, round(3 * unit), cv2.LINE_AA)
    cv2.rectangle(out, first, second, colour, round(1.5 * unit), cv2.LINE_AA)


def _cross(out: Rgb, at: tuple[int, int], unit: float) -> None:
    size = round(16 * unit)
    cv2.drawMarker(out, at, _DARK, cv2.MARKER_CROSS, size + round(2 * unit), round(4 * unit), cv2.LINE_AA)
    cv2.drawMarker(out, at, _WHITE, cv2.MARKER_CROSS, size, round(2 * unit), cv2.LINE_AA)
