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

from avfusion.clip import Clip, Frame, Rgb
from avfusion.errors import CannotRead
from avfusion.media.ahead import ahead, in_reverse
from avfusion.media.container import FfmpegError, demuxed, first_video, opened
from avfusion.media.limits import Limits
from avfusion.media.upright import VideoPicture

# FFmpeg's own VP8 and VP9 decoders drop the alpha layer that WebM carries beside the picture; libvpx keeps it.
_ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}

_AHEAD_FRAMES = 4
_BACKWARDS_BYTES = 64 * 2**20
# Of small pictures that would be so many that a long clip takes more memory than a short one.
_BACKWARDS_FRAMES = 96
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
    context: Any = stream.codec_context
    if decoder != context.name:
        context = av.CodecContext.create(decoder, "r")
        context.extradata = stream.codec_context.extradata
    if not context.is_open:
        context.thread_type = "AUTO"
        context.thread_count = 0
        # A stream may claim another size at any frame, and the decoder would allocate it. It counts what it pads, too.
        context.options = {"max_pixels": f"{min(2 * Limits().pixels + 2**20, 2**31 - 1):.0f}"}
    for packet in demuxed(container, [stream]):
        try:
            pictures = context.decode(packet if packet.size else None)
        except FfmpegError:
            continue
        yield from pictures


def shown_ticks(stamps: Sequence[tuple[int | None, int | None]], *, start: int, step: int) -> NDArray[np.int64]:
    """One strictly rising time for each frame from its (pts, dts), in the order of decoding.

    AVI and raw streams have no presentation times; what FFmpeg makes up for them jumps back and forth with B-frames.
    Then the decoding times count, from the stream's `start` on: they run ahead by as many frames as the decoder holds
    back. Where neither column rises throughout, a time that does not rise is `step` after the one before it.
    """
    shown, decoded_at = ([stamp[column] for stamp in stamps] for column in (0, 1))
    if None not in shown and (ticks := _rising(shown, start, step)) == shown:
        return np.asarray(ticks, np.int64)
    while decoded_at and decoded_at[-1] is None:  # frames that came when the decoder was emptied at the end
        decoded_at.pop()
    if decoded_at and None not in decoded_at and _rising(decoded_at, start, step) == decoded_at:
        ticks = _rising([*decoded_at, *[None] * (len(stamps) - len(decoded_at))], start, step)
        return np.asarray(ticks, np.int64) - (ticks[0] - start)
    return np.asarray(_rising([pts if pts is not None else dts for pts, dts in stamps], start, step), np.int64)


def _rising(times: Sequence[int | None], start: int, step: int) -> list[int]:
    risen: list[int] = []
    for time in times:
        if not risen:
            risen.append(start if time is None else time)
        else:
            risen.append(time if time is not None and time > risen[-1] else risen[-1] + step)
    return risen


def read_frames(clip: Clip, start: int, stop: int, backwards: bool) -> Iterator[Frame]:
    """Frames start..stop-1 of a video, decoded ahead on another thread. The reader behind `Clip.frames`."""
    if not backwards:
        return ahead(lambda: _in_order(clip, start, stop), depth=_AHEAD_FRAMES)
    return ahead(lambda: _in_reverse(clip, start, stop), depth=_AHEAD_FRAMES)


def _in_order(clip: Clip, start: int, stop: int) -> Iterator[Frame]:
    with opened(clip.path) as container:
        yield from _from_container(container, clip, start, stop)


def _in_reverse(clip: Clip, start: int, stop: int) -> Iterator[Frame]:
    size = min(_BACKWARDS_FRAMES, max(8, _BACKWARDS_BYTES // (clip.width_px * clip.height_px * 3 // 2 + 1)))
    if not clip.seekable:
        yield from in_reverse(lambda a, b: _in_order(clip, a, b), start, stop, size=size)
        return
    # One decoder for all runs: each run's pictures go where those of the run before were, and memory stays flat.
    with opened(clip.path) as container:
        yield from in_reverse(lambda a, b: _from_container(container, clip, a, b), start, stop, size=size)


def _from_container(container: InputContainer, clip: Clip, start: int, stop: int) -> Iterator[Frame]:
    """Every index of the range, once. A frame that does not decode any more holds the picture before it."""
    due = start
    shown = None
    for index, picture in _pictures_from(container, clip, start):
        if index >= due:
            while due < min(index, stop):
                yield Frame(due, clip.time(due), VideoPicture(shown or picture, clip), held=True)
                due += 1
            if due >= stop:
                return
            yield Frame(due, clip.time(due), VideoPicture(picture, clip))
            due += 1
            if due >= stop:
                return
        shown = picture
    if shown is None:
        raise CannotRead(f"{clip.path}: no frame can be decoded any more. Has the file changed since it was opened?")
    for index in range(due, stop):
        yield Frame(index, clip.time(index), VideoPicture(shown, clip), held=True)


def _pictures_from(container: InputContainer, clip: Clip, start: int) -> Iterator[tuple[int, Any]]:
    """(index, decoded picture) in order, beginning at or before `start`."""
    stream: Any = first_video(container)
    if not clip.seekable:
        yield from enumerate(decoded(container, stream, clip.codec))
        return
    for back_s in (*_SEEK_BACK_S, None):
        if back_s is None:
            _seek(container, stream, int(clip.ticks[0]))
        else:
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
    except FfmpegError:
        return  # no index in the file: reading goes on from where it stands, which at first is the start


def _index_of(clip: Clip, picture: Any) -> int:
    return int(np.searchsorted(clip.ticks, picture.pts if picture.pts is not None else picture.dts))


def preview(frame: Frame, *, long_side_px: int) -> Rgb:
    """The frame scaled down to at most `long_side_px`, for a page."""
    height, width = frame.rgb.shape[:2]
    scale = min(1.0, long_side_px / max(height, width))
    if scale == 1.0:
        return frame.rgb
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(frame.rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
