"""A decoded picture that turns itself upright and converts itself when asked."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from avfusion.clip import Clip, Rgb, Yuv
from avfusion.media.colour import matrix_in_use, rgb_to_yuv, swscale_matrix
from avfusion.media.tonemap import HDR_TRANSFERS, tone_mapped

_PLANAR = ("yuv420p", "yuvj420p")


class _Converters(threading.local):
    """swscale's prepared state by target format: costly to set up, and no two threads may share it."""

    def __init__(self) -> None:
        self.by_format: dict[str, VideoReformatter] = {}

    def of(self, format: str) -> VideoReformatter:
        return self.by_format.setdefault(format, VideoReformatter())


_converters = _Converters()


class VideoPicture:
    """A picture of a video in the forms of `avfusion.clip.Picture`."""

    def __init__(self, picture: Any, clip: Clip) -> None:
        self._picture = picture
        self._clip = clip
        self._matrix = matrix_in_use(clip.colour, clip.height_px)

    def rgb(self) -> Rgb:
        if self._is_hdr():
            return self._upright(tone_mapped(self._resized()))
        return self._upright(self._converted("rgb24").to_ndarray())

    def yuv(self) -> Yuv:
        if self._is_hdr() or self._is_rgb():
            return rgb_to_yuv(self.rgb(), matrix=self._matrix, full_range=self._clip.colour.full_range)
        planar = self._picture
        if planar.format.name not in _PLANAR or not self._has_clip_size():
            planar = self._converted("yuv420p")
        y, u, v = (self._upright(plane_array(plane)) for plane in planar.planes[:3])
        return y, u, v

    def alpha(self) -> NDArray[np.uint8] | None:
        if not self._clip.has_alpha:
            return None
        return self._upright(np.ascontiguousarray(self._converted("rgba").to_ndarray()[..., 3]))

    def _is_hdr(self) -> bool:
        return self._picture.color_trc in HDR_TRANSFERS

    def _is_rgb(self) -> bool:
        return bool(self._picture.format.is_rgb or self._picture.format.has_palette)

    def _stored_size(self) -> tuple[int, int]:
        """(width, height) before turning. A stream may change its size on the way; the clip has that of its start."""
        size = (self._clip.width_px, self._clip.height_px)
        return size if self._clip.rotation_deg % 180 == 0 else size[::-1]

    def _has_clip_size(self) -> bool:
        return (self._picture.width, self._picture.height) == self._stored_size()

    def _resized(self) -> Any:
        width, height = self._stored_size()
        return self._picture if self._has_clip_size() else self._picture.reformat(width=width, height=height)

    def _converted(self, format: str) -> Any:
        """By swscale, with the matrix and range that the clip is known to have, tagged or not."""
        width, height = self._stored_size()
        full = 2 if self._clip.colour.full_range else 1
        return _converters.of(format).reformat(
            self._picture,
            width=width,
            height=height,
            format=format,
            src_colorspace=swscale_matrix(self._matrix),
            dst_colorspace=swscale_matrix(self._matrix),
            src_color_range=2 if self._is_rgb() else full,
            dst_color_range=full if format == "yuv420p" else 2,
            interpolation="BICUBIC",
        )

    def _upright(self, array: NDArray[np.uint8]) -> NDArray[np.uint8]:
        turns = self._clip.rotation_deg // 90
        return np.ascontiguousarray(np.rot90(array, turns)) if turns else array


def plane_array(plane: Any) -> NDArray[np.uint8]:
    """uint8 [height, width] view of a plane, without its padding. It keeps the frame's memory alive."""
    return np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]


def fill_plane(target: NDArray[np.uint8], values: NDArray[np.uint8]) -> None:
    """Copies a plane; what the target has more is the edge, repeated."""
    height, width = values.shape
    target[:height, :width] = values
    target[:height, width:] = values[:, -1:]
    target[height:] = target[height - 1]
