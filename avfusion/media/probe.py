"""File -> `Clip`: what is in it, exactly, before a single frame is needed."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

from avfusion.clip import Clip, ColourTags, SoundTrack
from avfusion.errors import NoFrames, NoVideoStream
from avfusion.media.colour import has_matrix
from avfusion.media.container import FfmpegError, check_file, first_video, is_sound, opened
from avfusion.media.limits import Limits, check_frames, check_length, check_size
from avfusion.media.pictures import PICTURE_COLOUR, is_picture, probe_picture
from avfusion.media.read import decoded, decoder_for, read_frames, shown_ticks
from avfusion.media.tonemap import HDR_TRANSFERS

DAMAGED = "The file is damaged or cut short: it is used as far as it can be read."

# Containers and codecs in which every packet carries the presentation time of one shown frame. For all others (AVI,
# MPEG streams, VP8 with its hidden frames, ...) the frames are counted by decoding them once.
_TIMED_CONTAINERS = ("mov", "matroska")
_TIMED_CODECS = ("h264", "hevc", "av1", "libdav1d", "vp9", "libvpx-vp9", "prores", "ffv1", "mjpeg", "dnxhd", "rawvideo")

# A file whose packets end this much before its header says was cut short.
_SHORT_BY_S = Fraction(1, 2)


def probe(path: Path | str, *, limits: Limits | None = None) -> Clip:
    """The clip in the file at `path`: a video, an animation or a still picture.

    Presentation times come from the packets where the format can be trusted with them, and from decoding every frame
    once where it cannot or where the file looks damaged; `notes` says so. Raises `CannotRead`, `NoVideoStream`,
    `NoFrames` and `TooLarge`.
    """
    path, limits = Path(path), limits or Limits()
    check_file(path)
    if is_picture(path):
        return _checked(probe_picture(path, limits=limits), limits)
    with opened(path) as container:
        stream = first_video(container)
        if stream is None:
            raise NoVideoStream(f"{path}: there is sound or data in this file, and no picture. Give a video.")
        if stream.codec_context is None:
            raise NoFrames(f"{path}: the video is of no known kind; nothing can be decoded.")
        # A header can claim any size; the decoder would allocate it.
        check_size(path, stream.codec_context.width, stream.codec_context.height, limits)
        check_length(path, Fraction(container.duration or 0, 1_000_000), limits)
        clip, index = _without_times(path, container, stream), stream.index
    packets = _packet_times(clip, index, limits)
    ticks, end_tick, whole = packets.ticks, packets.end_tick, packets.whole
    seekable = whole and _trusted(clip)
    if not seekable:
        ticks, end_tick = _decoded_times(clip, limits)
    if not len(ticks):
        raise NoFrames(f"{path}: not one frame of the video can be decoded.")
    if clip.container != "mov":
        sounds = tuple(_with_duration(track, packets.sound_end_s) for track in clip.sounds)
        clip = dataclasses.replace(clip, sounds=sounds)
    clip = dataclasses.replace(clip, ticks=ticks, end_tick=end_tick, seekable=seekable)
    notes = () if whole or not _trusted(clip) else (DAMAGED,)
    return _checked(_with_first_frame(dataclasses.replace(clip, fps=_rate(clip), notes=notes)), limits)


def _checked(clip: Clip, limits: Limits) -> Clip:
    """The clip, if it is within the limits now that all of it is known."""
    check_size(clip.path, clip.width_px, clip.height_px, limits)
    check_frames(clip.path, clip.frame_count, limits, clip.width_px * clip.height_px)
    check_length(clip.path, clip.duration_s, limits)
    return clip


def _without_times(path: Path, container: InputContainer, stream: Any) -> Clip:
    context = stream.codec_context
    if stream.time_base is None or not context.width or not context.height:
        raise NoFrames(f"{path}: the video stream has no size or no clock; nothing can be decoded.")
    return Clip(
        path=path,
        width_px=context.width,
        height_px=context.height,
        fps=Fraction(stream.average_rate or stream.guessed_rate or 25),
        time_base=stream.time_base,
        ticks=np.zeros(0, np.int64),
        end_tick=0,
        codec=decoder_for(stream),
        container=container.format.name.split(",")[0],
        pixel_format=context.pix_fmt or "",
        pixel_aspect=Fraction(stream.sample_aspect_ratio or 1) or Fraction(1),
        sounds=tuple(sound_track(sound) for sound in container.streams.audio if is_sound(sound)),
        read_frames=read_frames,
    )


def sound_track(stream: Any) -> SoundTrack:
    """What a sound stream's header says of it."""
    return SoundTrack(
        stream=stream.index,
        codec=stream.codec_context.codec.canonical_name,
        rate_hz=stream.codec_context.sample_rate,
        channels=stream.codec_context.channels,
        start_s=(stream.start_time or 0) * stream.time_base,
        duration_s=max(0, stream.duration or 0) * stream.time_base,
        language=stream.language or "",
    )


def _with_duration(track: SoundTrack, ends_s: dict[int, Fraction]) -> SoundTrack:
    """Most containers give a single track no length, or guess it. Its last packet knows."""
    end_s = ends_s.get(track.stream, track.start_s)
    return dataclasses.replace(track, duration_s=max(Fraction(0), end_s - track.start_s))


def _trusted(clip: Clip) -> bool:
    return clip.container in _TIMED_CONTAINERS and clip.codec in _TIMED_CODECS


@dataclasses.dataclass(frozen=True)
class _Packets:
    """What one walk over the packets tells: the pictures' times, whether the file reads whole, where sounds end."""

    ticks: NDArray[np.int64]
    end_tick: int
    whole: bool
    sound_end_s: dict[int, Fraction]


def _packet_times(clip: Clip, stream_index: int, limits: Limits) -> _Packets:
    path, frame_pixels = clip.path, clip.width_px * clip.height_px
    ticks: list[int] = []
    ends_s: dict[int, Fraction] = {}
    begin_s: Fraction | None = None
    last, size = (0, 0), path.stat().st_size
    with opened(path) as container:
        stream: Any = container.streams[stream_index]
        # A sample table is read before the samples: in a file that was cut short it points past the end.
        whole = all(entry.pos + entry.size <= size for entry in stream.index_entries)
        try:
            for packet in container.demux():
                if packet.size == 0 or packet.is_discard:
                    continue
                whole = whole and not packet.is_corrupt
                if packet.pts is not None:
                    end_s = (packet.pts + (packet.duration or 0)) * packet.time_base
                    ends_s[packet.stream_index] = max(end_s, ends_s.get(packet.stream_index, end_s))
                    begin_s = end_s if begin_s is None else min(begin_s, end_s)
                    check_length(path, end_s - begin_s, limits)
                if packet.stream_index != stream_index:
                    continue
                if packet.pts is None:
                    whole = False
                    continue
                ticks.append(packet.pts)
                last = (
                    max(last, (packet.pts, packet.duration or 0))
                    if len(ticks) > 1
                    else (ticks[0], packet.duration or 0)
                )
                check_frames(path, len(ticks), limits, frame_pixels)
        except FfmpegError:
            whole = False
        promised_s = Fraction(container.duration or 0, 1_000_000)
    unique = np.unique(np.asarray(ticks, np.int64))
    short_s = promised_s - max(ends_s.values(), default=Fraction(0))
    whole = whole and len(unique) == len(ticks) and short_s < _SHORT_BY_S
    return _Packets(unique, _end_tick(unique, last[1]), whole, ends_s)


def _end_tick(ticks: NDArray[np.int64], last_duration: int) -> int:
    """Where the last frame ends; where nothing says it, after as long as frames last here."""
    if not len(ticks):
        return 0
    usual = int(np.median(np.diff(ticks))) if len(ticks) > 1 else 0
    return int(ticks[-1]) + (last_duration or usual or 1)


def _decoded_times(clip: Clip, limits: Limits) -> tuple[NDArray[np.int64], int]:
    """Presentation times by decoding every frame, and the end of the last."""
    shown: list[tuple[int | None, int | None]] = []
    step = max(1, round(1 / (clip.fps * clip.time_base)))
    duration = 0
    with opened(clip.path) as container:
        stream: Any = first_video(container)
        start = stream.start_time or 0
        for frame in decoded(container, stream, clip.codec):
            shown.append((frame.pts, frame.dts))
            duration = frame.duration or 0
            check_frames(clip.path, len(shown), limits, clip.width_px * clip.height_px)
    ticks = shown_ticks(shown, start=start, step=step)
    return ticks, _end_tick(ticks, duration or (step if len(ticks) == 1 else 0))


def _rate(clip: Clip) -> Fraction:
    """Frames a second: exact for a constant rate, the container's own word or the mean for a variable one."""
    steps = np.unique(np.diff(clip.ticks))
    if len(steps) == 1:
        return 1 / (int(steps[0]) * clip.time_base)
    mean = clip.frame_count / clip.duration_s
    return clip.fps if abs(mean - clip.fps) < clip.fps / 200 else mean


def _with_first_frame(clip: Clip) -> Clip:
    """Size, rotation, colour tags and depth as the first decoded frame has them: headers are not to be trusted."""
    with opened(clip.path) as container:
        frame = next(decoded(container, first_video(container), clip.codec), None)
        if frame is None:
            raise NoFrames(f"{clip.path}: not one frame of the video can be decoded.")
    rotation = frame.rotation % 360 if frame.rotation % 90 == 0 else 0
    turned = rotation in (90, 270)
    depth = max((component.bits for component in frame.format.components), default=8)
    return dataclasses.replace(
        clip,
        width_px=frame.height if turned else frame.width,
        height_px=frame.width if turned else frame.height,
        pixel_aspect=1 / clip.pixel_aspect if turned else clip.pixel_aspect,
        rotation_deg=rotation,
        colour=_working_colour(frame),
        pixel_format=frame.format.name,
        bit_depth=depth,
        has_alpha=any(component.is_alpha for component in frame.format.components),
        notes=(*clip.notes, *_notes_on(frame, depth)),
    )


def _working_colour(frame: Any) -> ColourTags:
    """The tags of the frames that the reader hands out: the source's own, or SDR BT.709 where it has to convert."""
    if frame.color_trc in HDR_TRANSFERS or frame.format.is_rgb or frame.format.has_palette:
        return PICTURE_COLOUR
    full_range = frame.color_range == 2 or frame.format.name.startswith("yuvj")
    matrix = frame.colorspace if has_matrix(frame.colorspace) else 2
    return ColourTags(matrix, full_range, frame.color_primaries, frame.color_trc)


def _notes_on(frame: Any, depth: int) -> tuple[str, ...]:
    notes = []
    if frame.color_trc in HDR_TRANSFERS:
        notes.append(f"HDR ({HDR_TRANSFERS[frame.color_trc]}) is tone-mapped to SDR: BT.709, 8 bits.")
    elif depth > 8:
        notes.append(f"{depth}-bit colour is worked on in 8 bits.")
    if frame.interlaced_frame:
        notes.append("The clip is interlaced; its fields are left woven.")
    return tuple(notes)
