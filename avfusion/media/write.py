"""Frames + sound -> file, encoded behind the producer. `write_video` is the judge of times: it refuses a mismatch."""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from avfusion.clip import Clip, Yuv
from avfusion.errors import EngineNotReady, TimesMismatch
from avfusion.media.ahead import Behind
from avfusion.media.audio import SoundCarrier
from avfusion.media.colour import matrix_in_use
from avfusion.media.container import opened, said
from avfusion.media.formats import Format, format_of
from avfusion.media.pictures import probe_picture
from avfusion.media.read import plane_array
from avfusion.media.target import new_folder, whole_file

Rgba = NDArray[np.uint8]
"""uint8 [H, W, 4], straight (not premultiplied) alpha."""

_BEHIND_FRAMES = 4


@dataclass(frozen=True)
class Encoding:
    """How the pictures are compressed.

    quality: x264's constant rate factor, 0 lossless .. 51 worst; 18 looks like its source. VP9 uses the same scale + 12.
    preset: x264's speed, `ultrafast` .. `veryslow`. hardware: NVIDIA's encoder instead of x264, where there is one.
    """

    quality: int = 18
    preset: str = "veryfast"
    hardware: bool = False


@dataclass(frozen=True)
class Written:
    """What came out, and what the user should know about it."""

    path: Path
    frame_count: int
    notes: tuple[str, ...]


def write_video(
    out: Path,
    pictures: Iterable[Yuv | Rgba],
    *,
    clip: Clip,
    alpha: bool = False,
    sound: bool = True,
    encoding: Encoding | None = None,
) -> Written:
    """Writes one picture for each frame of `clip`, at the clip's presentation times, with the clip's sound.

    pictures: 4:2:0 planes in the clip's colours, or with `alpha` straight RGBA. The format follows from the ending of
    `out` (`avfusion.media.formats`). Raises `TimesMismatch` when there are more or fewer pictures than frames, or when
    the finished file does not show them at the promised times; `CannotWrite`, `UnknownFormat`. Nothing is left behind.
    """
    form = format_of(out)
    if form.ending in (".png", ".zip"):
        return _write_pngs(out, form, pictures, clip)
    with whole_file(out) as part:
        notes = _encode(part, out, form, pictures, clip, alpha, sound, encoding or Encoding())
        _check_times(part, out, clip, form)
    return Written(out, clip.frame_count, notes)


def _encode(
    part: Path, out: Path, form: Format, pictures: Iterable[Yuv | Rgba], clip: Clip, alpha: bool, sound: bool,
    encoding: Encoding,
) -> tuple[str, ...]:  # fmt: skip
    notes: list[str] = []
    with contextlib.ExitStack() as stack:
        options = {"movflags": "+faststart"} if form.muxer in ("mp4", "mov") else {}
        output = stack.enter_context(av.open(str(part), "w", format=form.muxer, options=options))
        stream = _video_stream(output, form, clip, alpha, encoding)
        carrier = None
        if sound and form.sound_encoder and clip.sounds:
            carrier = SoundCarrier(stack.enter_context(opened(clip.path)), output, form)
            notes += carrier.notes
        elif sound and clip.sounds:
            notes.append(f"{form.ending} files have no sound; it was left out.")
        if form.resolution_s:
            notes.append(f"{form.ending} files keep times to {form.resolution_s:g} s.")
        if (stream.width, stream.height) != (clip.width_px, clip.height_px):
            notes.append(f"{form.ending} needs an even size: one row or column is repeated at the edge.")
        encoder = _Encoder(output, stream, form, clip, alpha, carrier)
        behind = stack.enter_context(Behind(encoder.take, depth=_BEHIND_FRAMES))
        count = 0
        for picture in pictures:
            if count == clip.frame_count:
                raise TimesMismatch(f"{out}: more pictures than the {clip.frame_count} frames that were promised.")
            behind.put((count, picture))
            count += 1
        behind.finish()
        if count != clip.frame_count:
            raise TimesMismatch(f"{out}: {count} pictures for the {clip.frame_count} frames that were promised.")
        encoder.finish()
    return tuple(notes)


def _video_stream(output: Any, form: Format, clip: Clip, alpha: bool, encoding: Encoding) -> Any:
    name = "h264_nvenc" if encoding.hardware and form.encoder == "libx264" else form.encoder
    stream = output.add_stream(name, rate=clip.fps.limit_denominator(1_000_000))
    context = stream.codec_context
    even = form.even_size
    stream.width = clip.width_px + (clip.width_px % 2 if even else 0)
    stream.height = clip.height_px + (clip.height_px % 2 if even else 0)
    stream.pix_fmt = form.alpha_pixels if alpha else form.opaque_pixels
    stream.time_base = context.time_base = clip.time_base
    if clip.pixel_aspect != 1:
        context.sample_aspect_ratio = clip.pixel_aspect
    if not form.opaque_pixels == "pal8":
        context.color_range = 2 if clip.colour.full_range else 1
        context.colorspace = clip.colour.matrix
        context.color_primaries = clip.colour.primaries
        context.color_trc = clip.colour.transfer
    context.options = _options(name, encoding, alpha)
    context.thread_count = 0
    if name == "h264_nvenc":
        try:
            context.open(strict=False)
        except (av.error.FFmpegError, OSError) as error:
            raise EngineNotReady(f"NVIDIA's encoder cannot be used here ({said(error)}). Leave it off.") from error
    return stream


def _options(encoder: str, encoding: Encoding, alpha: bool) -> dict[str, str]:
    if encoder == "libx264":
        return {"preset": encoding.preset, "crf": str(encoding.quality)}
    if encoder == "h264_nvenc":
        return {"preset": "p4", "rc": "vbr", "cq": str(encoding.quality), "b": "0"}
    if encoder == "libvpx-vp9":
        # VP9 cannot place alternate reference frames in its alpha layer.
        options = {"crf": str(encoding.quality + 12), "b": "0", "row-mt": "1", "cpu-used": "5", "deadline": "realtime"}
        return options | ({"auto-alt-ref": "0"} if alpha else {})
    if encoder == "prores_ks":
        return {"profile": "4444", "vendor": "apl0", "alpha_bits": "16"} if alpha else {"profile": "4444"}
    return {}


class _Encoder:
    """Turns pictures into packets, keeps their times and durations, and lets the sound keep step."""

    def __init__(
        self, output: Any, stream: Any, form: Format, clip: Clip, alpha: bool, carrier: SoundCarrier | None
    ) -> None:
        self._output, self._stream, self._clip, self._alpha, self._carrier = output, stream, clip, alpha, carrier
        self._palette = _PaletteGraph(clip, alpha) if form.opaque_pixels == "pal8" else None
        ends = np.append(clip.ticks[1:], clip.end_tick)
        self._durations = dict(zip(clip.ticks.tolist(), (ends - clip.ticks).tolist(), strict=True))

    def take(self, item: tuple[int, Yuv | Rgba]) -> None:
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

    def _frame(self, picture: Yuv | Rgba) -> Any:
        colour = self._clip.colour
        if isinstance(picture, np.ndarray):
            frame = av.VideoFrame.from_ndarray(picture, format="rgba" if picture.shape[2] == 4 else "rgb24")
            if self._palette:
                return frame
            matrix = matrix_in_use(colour, self._clip.height_px)
            return frame.reformat(
                format=self._stream.pix_fmt,
                src_colorspace=matrix,
                dst_colorspace=matrix,
                src_color_range=2,
                dst_color_range=2 if colour.full_range else 1,
            )
        frame = av.VideoFrame(self._stream.width, self._stream.height, "yuv420p")
        for plane, values in zip(frame.planes, picture, strict=True):
            _fill(plane_array(plane), values)
        frame.colorspace = matrix_in_use(colour, self._clip.height_px)
        frame.color_range = 2 if colour.full_range else 1
        if self._palette or self._stream.pix_fmt == "yuv420p":
            return frame
        return frame.reformat(format=self._stream.pix_fmt)


def _fill(target: NDArray[np.uint8], values: NDArray[np.uint8]) -> None:
    """Copies a plane; what the target has more is the edge, repeated."""
    height, width = values.shape
    target[:height, :width] = values
    target[:height, width:] = values[:, -1:]
    target[height:] = target[height - 1]


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


def _check_times(part: Path, out: Path, clip: Clip, form: Format) -> None:
    """Reads the packets back: the file itself has to say what was promised."""
    if form.encoder == "gif":
        # its times are delays in whole hundredths of a second, so that only their number can be held to
        _check_count(out, probe_picture(part).frame_count, clip)
        return
    with opened(part) as container:
        stream = container.streams.video[0]
        times = sorted(packet.pts * packet.time_base for packet in container.demux(stream) if packet.pts is not None)
    tolerance = Fraction(form.resolution_s) * Fraction(6, 10)
    wanted = (clip.time(index) for index in range(clip.frame_count))
    if len(times) != clip.frame_count or any(
        abs(time - want) > tolerance for time, want in zip(times, wanted, strict=True)
    ):
        raise TimesMismatch(f"{out}: the file that was written does not show its frames at the times of {clip.path}.")


def _write_pngs(out: Path, form: Format, pictures: Iterable[Yuv | Rgba], clip: Clip) -> Written:
    """Numbered PNGs in a folder or a zip."""
    notes = ("PNGs have no sound; it was left out.",) if clip.sounds else ()
    if form.ending == ".zip":
        with whole_file(out) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:

            def into_zip(name: str, image: Image.Image) -> None:
                with archive.open(name, "w") as file:
                    image.save(file, "png", compress_level=3)

            count = _save_all(pictures, clip, into_zip)
            _check_count(out, count, clip)
    else:
        with new_folder(out) as folder:
            count = _save_all(
                pictures, clip, lambda name, image: image.save(folder / name, "png", compress_level=3)
            )
            _check_count(out, count, clip)
    return Written(out, count, notes)


def _save_all(
    pictures: Iterable[Yuv | Rgba], clip: Clip, save: Callable[[str, Image.Image], None]
) -> int:
    count = 0
    for picture in pictures:
        save(f"{count:05d}.png", Image.fromarray(as_rgb(picture, clip)))
        count += 1
    return count


def as_rgb(picture: Yuv | Rgba, clip: Clip) -> NDArray[np.uint8]:
    """uint8 [H, W, 3 or 4] of what goes to the writer: planes are converted with the clip's colours."""
    if isinstance(picture, np.ndarray):
        return picture
    height, width = picture[0].shape
    frame = av.VideoFrame(width, height, "yuv420p")
    for plane, values in zip(frame.planes, picture, strict=True):
        _fill(plane_array(plane), values)
    matrix = matrix_in_use(clip.colour, clip.height_px)
    rgb: NDArray[np.uint8] = frame.reformat(
        format="rgb24", src_colorspace=matrix, dst_colorspace=matrix,
        src_color_range=2 if clip.colour.full_range else 1, dst_color_range=2,
    ).to_ndarray()  # fmt: skip
    return rgb


def _check_count(out: Path, count: int, clip: Clip) -> None:
    if count != clip.frame_count:
        raise TimesMismatch(f"{out}: {count} pictures for the {clip.frame_count} frames that were promised.")
