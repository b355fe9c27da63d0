"""What stands behind the object: a colour, a picture, a clip chosen by time, or the scene itself out of focus."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Clip, Frame, Mask, Rgb, Yuv
from avfusion.compositing.fit import Fit, fitted
from avfusion.errors import UsageError
from avfusion.media.colour import matrix_in_use, rgb_to_yuv

Loop = Literal["loop", "ping-pong", "hold"]


class Background(Protocol):
    """Planes to stand behind each frame, in the clip's own size and colours."""

    def behind(self, frame: Frame, mask: Mask) -> Yuv: ...


@dataclass(frozen=True, eq=False)
class Still:
    """The same planes for every frame."""

    planes: Yuv

    def behind(self, frame: Frame, mask: Mask) -> Yuv:
        return self.planes


def colour_background(clip: Clip, hex_colour: str) -> Still:
    """One colour, given as `#rrggbb` or `#rgb`. Raises `UsageError`."""
    digits = hex_colour.removeprefix("#")
    if not re.fullmatch(r"[0-9a-fA-F]{3}|[0-9a-fA-F]{6}", digits):
        raise UsageError(f"{hex_colour}: not a colour. Write it as #rrggbb, like #1e6b52.")
    digits = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
    rgb = np.empty((clip.height_px, clip.width_px, 3), np.uint8)
    rgb[:] = [int(digits[start : start + 2], 16) for start in (0, 2, 4)]
    return Still(planes_like(clip, rgb))


def picture_background(clip: Clip, picture: Rgb, fit: Fit) -> Still:
    """A picture (uint8 [h, w, 3]) fitted once."""
    return Still(planes_like(clip, fitted(picture, clip, fit)))


def planes_like(clip: Clip, rgb: Rgb) -> Yuv:
    """A full-size picture as planes in the clip's matrix and range."""
    return rgb_to_yuv(rgb, matrix=matrix_in_use(clip.colour, clip.height_px), full_range=clip.colour.full_range)


class Moving:
    """A clip behind a clip: at each moment the background frame that would be on screen at that time."""

    def __init__(self, clip: Clip, background: Clip, fit: Fit, loop: Loop) -> None:
        self._clip, self._background, self._fit, self._loop = clip, background, fit, loop
        self._frames: Iterator[Frame] = iter(())
        self._direction = 0
        self._shown: tuple[int, Yuv] | None = None
        self._next = 0

    def behind(self, frame: Frame, mask: Mask) -> Yuv:
        index, backwards = frame_at(self._background, frame.time - self._clip.time(0), self._loop)
        if self._shown is None or self._shown[0] != index:
            picture = self._read(index, backwards)
            self._shown = (index, planes_like(self._clip, fitted(picture.rgb, self._clip, self._fit)))
        return self._shown[1]

    def _read(self, index: int, backwards: bool) -> Frame:
        """Goes on reading where it stands if the frame lies ahead that way, and opens the clip anew if not."""
        step = -1 if backwards else 1
        if self._direction != step or (index - self._next) * step < 0:
            self._close()
            if backwards:
                self._frames = self._background.frames(0, index + 1, backwards=True)
            else:
                self._frames = self._background.frames(index)
            self._direction, self._next = step, index
        for picture in self._frames:
            self._next = picture.index + step
            if picture.index == index:
                return picture
        raise AssertionError("a clip yields every index of its range")

    def _close(self) -> None:
        close = getattr(self._frames, "close", None)
        if close is not None:
            close()

    def close(self) -> None:
        self._close()
        self._frames = iter(())
        self._direction = 0


def frame_at(background: Clip, time_s: Fraction, loop: Loop) -> tuple[int, bool]:
    """(index, whether time runs backwards there) of the background frame on screen `time_s` after its start."""
    length = background.duration_s
    start = background.time(0)
    if loop == "hold" or background.frame_count == 1:
        return background.index_at(start + min(time_s, length)), False
    rounds, within = divmod(time_s, length)
    if loop == "ping-pong" and rounds % 2:
        last = background.frame_count - 1
        return last - background.index_at(start + within), True
    return background.index_at(start + within), False


class OutOfFocus:
    """The scene itself, blurred behind the object. The object does not smear into it: only background light counts.

    strength 0..1 sets the blur's radius, up to a twelfth of the shorter side.
    """

    def __init__(self, strength: float) -> None:
        self._strength = strength

    def behind(self, frame: Frame, mask: Mask) -> Yuv:
        height, width = mask.shape
        sigma = max(0.5, self._strength * min(height, width) / 24)
        step = max(1, min(8, int(sigma / 2)))
        # A rim around the mask is left out as well: the mask never catches the last mixed pixels.
        size = (max(1, width // step), max(1, height // step))
        object_part = cv2.resize(mask.view(np.uint8) * np.uint8(255), size, interpolation=cv2.INTER_AREA)
        object_part = cv2.dilate(object_part, np.ones((3, 3), np.uint8))
        weight = (255 - object_part).astype(np.float32) / 255.0 + 1e-3
        total = _gaussian(weight, sigma / step)
        return tuple(  # type: ignore[return-value]
            _without_object(plane, weight, total, size, sigma / step) for plane in frame.yuv
        )


def _without_object(
    plane: NDArray[np.uint8],
    weight: NDArray[np.float32],
    total: NDArray[np.float32],
    size: tuple[int, int],
    sigma: float,
) -> NDArray[np.uint8]:
    """Gaussian blur of a plane in which only pixels with weight count (normalised convolution), at a lower size."""
    small = cv2.resize(plane, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    blurred = _gaussian(small * weight, sigma) / total
    back = cv2.resize(blurred, (plane.shape[1], plane.shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.clip(np.rint(back), 0, 255).astype(np.uint8)


def _gaussian(values: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    blurred: NDArray[np.float32] = cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101)
    return blurred
