"""`Clip` -> frames: decoded ahead of the consumer, upright, each under its exact index and time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

import av
import cv2
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

from avfusion.clip import Clip, Frame, Rgb, Yuv
from avfusion.errors import CannotRead
from avfusion.media.ahead import ahead
from avfusion.media.colour import matrix_in_use, rgb_to_yuv
from avfusion.media.container import DamagedData, first_video, opened
from avfusion.media.tonemap import HDR_TRANSFERS, tone_mapped

# FFmpeg's own VP8 and VP9 decoders drop the alpha layer that WebM carries beside the picture; libvpx keeps it.
_ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}

_AHEAD_FRAMES = 4
_BACKWARDS_BYTES = 192 * 2**20
# How far before the wanted frame to look for a key frame that is shown no later than it (open groups of pictures).
_SEEK_BACK_S = (0, 2, 10)


def decoder_for(stream: Any) -> str:
    """Name of the decoder that keeps everything the stream has."""
    name: str = stream.codec_context.name
    if stream.metadata.get("alpha_mode") == "1":
        return _ALPHA_DECODERS.get(name, name)
    return name


def decoded(container: InputContainer, stream: Any, decoder: str) -> Iterator[Any]:
    """av.VideoFrame after av.VideoFrame from where the container stands, past packets that do not decode."""
    stream.thread_type = "AUTO"
    own = None
    if decoder != stream.codec_context.name:
        own = av.CodecContext.create(decoder, "r")
        own.extradata = stream.codec_context.extradata
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except DamagedData:
            return
        if packet is None:
            return
        try:
            yield from own.decode(packet) if own is not None else packet.decode()
        except DamagedData:
            continue


def shown_ticks(stamps: Sequence[tuple[int | None, int | None]], *, step: int) -> NDArray[np.int64]:
    """One strictly rising time for each frame from its (pts, dts), in the order of decoding.

    AVI and raw streams have no presentation times; what FFmpeg makes up for them jumps back and forth with B-frames.
    Then the decoding times count, as in FFmpeg's own best effort, and failing both the frame's number times `step`.
    """
    for column in (0, 1):
        times = [stamp[column] for stamp in stamps]
        if all(time is not None for time in times):
            ticks = np.asarray(times, np.int64)
            if np.all(np.diff(ticks) > 0):
                return ticks
    return np.arange(len(stamps), dtype=np.int64) * step


class VideoPicture:
    """A decoded picture that turns itself upright and converts itself when asked."""

    def __init__(self, picture: Any, clip: Clip) -> None:
        self._picture = picture
        self._clip = clip
        self._matrix = matrix_in_use(clip.colour, clip.height_px)

    def rgb(self) -> Rgb:
        if self._is_hdr():
            return self._upright(tone_mapped(self._picture))
        return self._upright(self._converted("rgb24").to_ndarray())

    def yuv(self) -> Yuv:
        if self._is_hdr() or self._is_rgb():
            return rgb_to_yuv(self.rgb(), matrix=self._matrix, full_range=self._clip.colour.full_range)
        planar = self._picture
        if planar.format.name not in ("yuv420p", "yuvj420p"):
            planar = self._converted("yuv420p")
        y, u, v = (self._upright(plane_array(plane)) for plane in planar.planes[:3])
        return y, u, v

    def alpha(self) -> NDArray[np.uint8] | None:
        if not self._clip.has_alpha:
            return None
        return self._upright(np.ascontiguousarray(self._picture.to_ndarray(format="rgba")[..., 3]))

    def _is_hdr(self) -> bool:
        return self._picture.color_trc in HDR_TRANSFERS

    def _is_rgb(self) -> bool:
        return self._picture.format.is_rgb or self._picture.format.has_palette

    def _converted(self, format: str) -> Any:
        """By swscale, with the matrix and range that the clip is known to have, tagged or not."""
        full = 2 if self._clip.colour.full_range else 1
        return self._picture.reformat(
            format=format,
            src_colorspace=self._matrix,
            dst_colorspace=self._matrix,
            src_color_range=2 if self._is_rgb() else full,
            dst_color_range=2 if format == "rgb24" else full,
            interpolation="BICUBIC",
        )

    def _upright(self, array: NDArray[np.uint8]) -> NDArray[np.uint8]:
        turns = self._clip.rotation_deg // 90
        return np.ascontiguousarray(np.rot90(array, turns)) if turns else array


def plane_array(plane: Any) -> NDArray[np.uint8]:
    """uint8 [height, width] view of a plane, without its padding. It keeps the frame's memory alive."""
    return np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]


def read_frames(clip: Clip, start: int, stop: int, backwards: bool) -> Iterator[Frame]:
    """Frames start..stop-1 of a video, decoded ahead on another thread. The reader behind `Clip.frames`."""
    if not backwards:
        return ahead(lambda: _in_order(clip, start, stop), depth=_AHEAD_FRAMES)
    return ahead(lambda: _in_reverse(clip, start, stop), depth=_AHEAD_FRAMES)


def _in_reverse(clip: Clip, start: int, stop: int) -> Iterator[Frame]:
    """Runs of frames are decoded forwards and handed out from the back; a run is as long as memory allows."""
    run = max(8, _BACKWARDS_BYTES // (clip.width_px * clip.height_px * 3 // 2))
    for end in range(stop, start, -run):
        frames = list(_in_order(clip, max(start, end - run), end))
        while frames:
            yield frames.pop()


def _in_order(clip: Clip, start: int, stop: int) -> Iterator[Frame]:
    """Every index of the range, once. A frame that does not decode any more holds the picture before it."""
    due = start
    picture = None
    for index, picture in _pictures_from(clip, start):
        if index < due:
            continue
        while due < min(index, stop - 1):
            yield Frame(due, clip.time(due), VideoPicture(picture, clip), held=True)
            due += 1
        yield Frame(due, clip.time(due), VideoPicture(picture, clip))
        due += 1
        if due >= stop:
            return
    if picture is None:
        raise CannotRead(f"{clip.path}: no frame can be decoded any more. Has the file changed since it was opened?")
    for index in range(due, stop):
        yield Frame(index, clip.time(index), VideoPicture(picture, clip), held=True)


def _pictures_from(clip: Clip, start: int) -> Iterator[tuple[int, Any]]:
    """(index, decoded picture) in order, beginning at or before `start`."""
    if not clip.seekable:
        with opened(clip.path) as container:
            yield from enumerate(decoded(container, first_video(container), clip.codec))
        return
    for back_s in (*_SEEK_BACK_S, None):
        with opened(clip.path) as container:
            stream = first_video(container)
            if start > 0 and back_s is not None:
                _seek(container, stream, int(clip.ticks[start]) - int(Fraction(back_s) / clip.time_base))
            pictures = decoded(container, stream, clip.codec)
            first = next(pictures, None)
            if back_s is not None and (first is None or first.pts is None or first.pts > clip.ticks[start]):
                continue
            if first is not None:
                yield _index_of(clip, first), first
                for picture in pictures:
                    yield _index_of(clip, picture), picture
            return


def _seek(container: InputContainer, stream: Any, tick: int) -> None:
    try:
        container.seek(tick, stream=stream, backward=True)
    except DamagedData:
        return  # no index in the file: reading goes on from its start, which is right, only slower


def _index_of(clip: Clip, picture: Any) -> int:
    return int(np.searchsorted(clip.ticks, picture.pts if picture.pts is not None else picture.dts))


def preview(frame: Frame, *, long_side_px: int) -> Rgb:
    """The frame scaled down to at most `long_side_px`, for a page."""
    height, width = frame.rgb.shape[:2]
    scale = min(1.0, long_side_px / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(frame.rgb, size, interpolation=cv2.INTER_AREA) if scale < 1 else frame.rgb
