"""Pictures -> packets of one video stream: planes filled, colours converted, times and durations kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import av
import av.error
import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Clip, Yuv
from avfusion.errors import EngineNotReady, TimesMismatch
from avfusion.media.carry import SoundCarrier
from avfusion.media.colour import matrix_in_use, swscale_matrix
from avfusion.media.container import FfmpegError, said
from avfusion.media.formats import Format
from avfusion.media.pngs import as_rgb
from avfusion.media.upright import fill_plane, plane_array

_AVX512F = 13
"""OpenCV's number for it."""


@dataclass(frozen=True)
class Encoding:
    """How the pictures are compressed.

    quality: x264's constant rate factor, 0 lossless .. 51 worst; 18 looks like its source. VP9 has the same scale + 12.
    preset: x264's speed, `ultrafast` .. `veryslow`. hardware: NVIDIA's encoder instead of x264, where there is one.
    """

    quality: int = 18
    preset: str = "veryfast"
    hardware: bool = False


def video_stream(output: Any, form: Format, clip: Clip, alpha: bool, encoding: Encoding) -> Any:
    """The stream of `output` that the pictures go to. Raises `EngineNotReady` where hardware was asked for in vain."""
    name = "h264_nvenc" if encoding.hardware and form.encoder == "libx264" else form.encoder
    stream = output.add_stream(name, rate=clip.fps.limit_denominator(1_000_000))
    context = stream.codec_context
    stream.width, stream.height = stored_size(form, clip)
    stream.pix_fmt = form.alpha_pixels if alpha else form.opaque_pixels
    stream.time_base = context.time_base = clip.time_base
    if clip.pixel_aspect != 1 and not form.square_pixels:
        context.sample_aspect_ratio = clip.pixel_aspect
    if form.opaque_pixels != "pal8":
        context.color_range = _range_of(form, clip)
        context.colorspace = clip.colour.matrix
        context.color_primaries = clip.colour.primaries
        context.color_trc = clip.colour.transfer
    context.options = _options(name, encoding, alpha)
    context.thread_count = 0
    if name == "h264_nvenc":
        try:
            context.open(strict=False)
        except (OSError, FfmpegError) as error:
            raise EngineNotReady(f"NVIDIA's encoder cannot be used here ({said(error)}). Leave it off.") from error
    return stream


def stored_size(form: Format, clip: Clip) -> tuple[int, int]:
    """(width, height) of the pictures in a file of that format."""
    width, height = clip.width_px, clip.height_px
    if form.square_pixels and clip.pixel_aspect > 1:
        width = round(width * clip.pixel_aspect)
    elif form.square_pixels:
        height = round(height / clip.pixel_aspect)
    return (width + width % 2, height + height % 2) if form.even_size else (width, height)


def _range_of(form: Format, clip: Clip) -> int:
    return 2 if clip.colour.full_range and form.full_range else 1


def _options(encoder: str, encoding: Encoding, alpha: bool) -> dict[str, str]:
    if encoder == "libx264":
        return {"preset": encoding.preset, "crf": str(encoding.quality), **_repeatable()}
    if encoder == "h264_nvenc":
        return {"preset": "p4", "rc": "vbr", "cq": str(encoding.quality), "b": "0"}
    if encoder == "libvpx-vp9":
        options = {"crf": str(encoding.quality + 12), "b": "0", "row-mt": "1", "cpu-used": "5", "deadline": "realtime"}
        # VP9 cannot place alternate reference frames in its alpha layer.
        return options | ({"auto-alt-ref": "0"} if alpha else {})
    if encoder == "prores_ks":
        return {"profile": "4444", "vendor": "apl0", "alpha_bits": "16"} if alpha else {"profile": "4444"}
    return {}


def _repeatable() -> dict[str, str]:
    """With its code for AVX-512, the x264 in PyAV 18.1's wheels gives the same pictures as other bits now and then, on
    one thread too; with that for AVX2 it never did. Whatever has the one has the other."""
    return {"x264-params": "asm=avx2"} if cv2.checkHardwareSupport(_AVX512F) else {}


class PictureEncoder:
    """Turns pictures into packets, keeps their times and durations, and lets the sound keep step."""

    def __init__(
        self, output: Any, stream: Any, form: Format, clip: Clip, alpha: bool, carrier: SoundCarrier | None
    ) -> None:
        self._output, self._stream, self._clip, self._carrier = output, stream, clip, carrier
        self._palette = _PaletteGraph(clip, alpha) if form.opaque_pixels == "pal8" else None
        self._matrix = swscale_matrix(matrix_in_use(clip.colour, clip.height_px))
        self._range, self._even = _range_of(form, clip), int(form.even_size)
        ends = np.append(clip.ticks[1:], clip.end_tick)
        self._durations = dict(zip(clip.ticks.tolist(), (ends - clip.ticks).tolist(), strict=True))

    def take(self, item: tuple[int, Yuv | NDArray[np.uint8]]) -> None:
        """Encodes frame number `item[0]`. Raises `TimesMismatch` for a picture of another size than the clip's."""
        index, picture = item
        frame = self._frame(picture)
        frame.pts = int(self._clip.ticks[index])
        frame.time_base = self._clip.time_base
        for ready in self._palette.through(frame) if self._palette else (frame,):
            self._mux(self._stream.encode(ready))

    def finish(self) -> None:
        for ready in self._palette.through(None) if self._palette else ():
            self._mux(self._stream.encode(ready))
        self._mux(self._stream.encode(None))
        if self._carrier is not None:
            self._carrier.finish()

    def _mux(self, packets: list[Any]) -> None:
        for packet in packets:
            if packet.pts is not None and packet.time_base == self._clip.time_base:
                packet.duration = self._durations.get(packet.pts, packet.duration)
            if self._carrier is not None and packet.dts is not None:
                self._carrier.carry_until(packet.dts * packet.time_base)
            self._output.mux(packet)

    def _frame(self, picture: Yuv | NDArray[np.uint8]) -> Any:
        shape = picture.shape[:2] if isinstance(picture, np.ndarray) else picture[0].shape
        if shape != (self._clip.height_px, self._clip.width_px):
            raise TimesMismatch(
                f"{self._clip.path}: a picture of {shape[1]} x {shape[0]} pixels was handed to the writer, not "
                f"{self._clip.width_px} x {self._clip.height_px}, as the clip has."
            )
        if self._palette:
            picture = as_rgb(picture, self._clip)
        is_rgb = isinstance(picture, np.ndarray)
        frame = self._of_rgb(picture) if isinstance(picture, np.ndarray) else self._of_planes(picture)
        if self._palette:
            return frame.reformat(width=self._stream.width, height=self._stream.height, interpolation="BICUBIC")
        frame = frame.reformat(
            width=self._stream.width,
            height=self._stream.height,
            format=self._stream.pix_fmt,
            src_colorspace=self._matrix,
            dst_colorspace=self._matrix,
            src_color_range=2 if is_rgb or self._clip.colour.full_range else 1,
            dst_color_range=self._range,
            interpolation="BICUBIC",
        )
        # ProRes writes into each picture what its colours are.
        frame.colorspace = self._clip.colour.matrix
        frame.color_range = self._range
        frame.color_primaries = self._clip.colour.primaries
        frame.color_trc = self._clip.colour.transfer
        return frame

    def _of_planes(self, planes: Yuv) -> Any:
        height, width = planes[0].shape
        frame = av.VideoFrame(width + width % 2 * self._even, height + height % 2 * self._even, "yuv420p")
        for plane, values in zip(frame.planes, planes, strict=True):
            fill_plane(plane_array(plane), values)
        return frame

    def _of_rgb(self, picture: NDArray[np.uint8]) -> Any:
        height, width = picture.shape[:2]
        if self._even and (height % 2 or width % 2):
            picture = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        picture = np.ascontiguousarray(picture)
        return av.VideoFrame.from_ndarray(picture, format="rgba" if picture.shape[2] == 4 else "rgb24")


class _PaletteGraph:
    """The best 256 colours of each picture, dithered (FFmpeg's palettegen and paletteuse)."""

    def __init__(self, clip: Clip, alpha: bool) -> None:
        self._clip, self._alpha = clip, alpha
        self._graph: Any = None

    def through(self, frame: Any) -> Iterator[Any]:
        if self._graph is None and frame is not None:
            self._graph = self._build(frame)
        if self._graph is None:
            return
        self._graph.push(frame)
        while True:
            try:
                yield self._graph.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return

    def _build(self, frame: Any) -> Any:
        graph = av.filter.Graph()
        source = graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=self._clip.time_base
        )
        split = graph.add("split")
        generate = graph.add("palettegen", f"stats_mode=single:reserve_transparent={int(self._alpha)}")
        use = graph.add("paletteuse", "new=1:dither=sierra2_4a")
        sink = graph.add("buffersink")
        source.link_to(split)
        split.link_to(use, 0, 0)
        split.link_to(generate, 1, 0)
        generate.link_to(use, 0, 1)
        use.link_to(sink)
        graph.configure()
        return graph
