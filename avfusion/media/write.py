"""Frames + sound -> file, encoded behind the producer. `write_video` is the judge of times: it refuses a mismatch."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeAlias

import av
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Clip, Yuv
from avfusion.errors import TimesMismatch, UnknownFormat
from avfusion.media.ahead import Behind
from avfusion.media.carry import NewSound, SoundCarrier
from avfusion.media.container import FfmpegError, demuxed, opened
from avfusion.media.encoder import Encoding, PictureEncoder, video_stream
from avfusion.media.formats import FORMATS, Format, format_of
from avfusion.media.pictures import probe_picture
from avfusion.media.pngs import as_rgb, write_folder, write_zip
from avfusion.media.segments import Segments, Source, can_be_joined, encode_segments, joined_packets
from avfusion.media.target import part_of_file, writing

__all__ = ["Encoding", "NewSound", "Rgba", "Written", "as_rgb", "write_video"]

Rgba: TypeAlias = NDArray[np.uint8]
"""uint8 [H, W, 4], straight (not premultiplied) alpha."""

_BEHIND_FRAMES = 4


@dataclass(frozen=True)
class Written:
    """What came out, and what the user should know about it."""

    path: Path
    frame_count: int
    notes: tuple[str, ...]


def write_video(
    out: Path,
    pictures: Iterable[Yuv | Rgba] | Source,
    *,
    clip: Clip,
    alpha: bool = False,
    sound: bool | NewSound = True,
    encoding: Encoding | None = None,
    kept: Segments | None = None,
) -> Written:
    """Writes one picture for each frame of `clip`, at the clip's presentation times, with the clip's sound.

    sound: False leaves it out; a `NewSound` takes the place of one of its tracks.

    pictures: 4:2:0 planes in the clip's colours, or with `alpha` straight RGBA. The format follows from the ending of
    `out` (`avfusion.media.formats`). kept: a `Source` is encoded in pieces that are kept there and joined in the end;
    what is there already is not made again. Formats that cannot be joined are made from the first frame on.

    Raises `TimesMismatch` when there are more or fewer pictures than frames, when one has another size, or when the
    finished file does not show them at the promised times; `CannotWrite`, `UnknownFormat`. What `pictures` raises comes
    through as it is. Nothing but what is kept is left behind by any of these.
    """
    form = format_of(out)
    if alpha and not form.alpha_pixels:
        able = ", ".join(row.ending for row in FORMATS if row.alpha_pixels and row.ending != ".png")
        raise UnknownFormat(f"{out}: {form.ending} files have no transparency. Use {able}, or a folder for PNGs.")
    encoding = encoding or Encoding()
    with contextlib.ExitStack() as stack:
        if isinstance(pictures, Source):
            if kept is not None and can_be_joined(form):
                encode_segments(kept, pictures, clip=clip, form=form, alpha=alpha, encoding=encoding)
                part = stack.enter_context(part_of_file(out))
                notes = _join(part, out, form, kept, clip, alpha, sound, encoding)
                _check_times(part, out, clip, form)
                return Written(out, clip.frame_count, notes)
            pictures = pictures.pictures(0)
        if hasattr(pictures, "close"):
            # A producer that is left early lets go of its files and threads now, and not when its trace is forgotten.
            stack.callback(pictures.close)
        if not form.muxer:
            (write_zip if form.ending == ".zip" else write_folder)(out, pictures, clip)
            notes = ("PNGs have no sound; it was left out.",) if sound and clip.sounds else ()
        else:
            part = stack.enter_context(part_of_file(out))
            notes = _encode(part, out, form, pictures, clip, alpha, sound, encoding)
            _check_times(part, out, clip, form)
    return Written(out, clip.frame_count, notes)


def _encode(
    part: Path, out: Path, form: Format, pictures: Iterable[Yuv | Rgba], clip: Clip, alpha: bool,
    sound: bool | NewSound, encoding: Encoding,
) -> tuple[str, ...]:  # fmt: skip
    with _streams(part, out, form, clip, alpha, sound, encoding) as (output, stream, carrier):
        encoder = PictureEncoder(output, stream, form, clip, alpha, carrier)

        def take(item: tuple[int, Yuv | Rgba]) -> None:
            with writing(out):
                encoder.take(item)

        with Behind(take, depth=_BEHIND_FRAMES) as behind:
            count = 0
            for picture in pictures:
                if count == clip.frame_count:
                    raise TimesMismatch(f"{out}: more pictures than the {clip.frame_count} frames that were promised.")
                behind.put((count, picture))
                count += 1
            behind.finish()
        if count != clip.frame_count:
            raise TimesMismatch(f"{out}: {count} pictures for the {clip.frame_count} frames that were promised.")
        with writing(out):
            encoder.finish()
        notes = _notes(form, clip, bool(sound), stream)
    return (*(carrier.notes if carrier is not None else ()), *notes)


def _join(
    part: Path, out: Path, form: Format, kept: Segments, clip: Clip, alpha: bool, sound: bool | NewSound,
    encoding: Encoding,
) -> tuple[str, ...]:  # fmt: skip
    with _streams(part, out, form, clip, alpha, sound, encoding) as (output, stream, carrier):
        with writing(out):
            # The encoder is opened for what it says of itself at the head of the file; it encodes nothing.
            stream.codec_context.open(strict=False)
            output.start_encoding()
            for packet in joined_packets(kept, clip, stream.codec_context.reorder_depth):
                if carrier is not None:
                    carrier.carry_until(packet.dts * packet.time_base)
                packet.stream = stream
                output.mux(packet)
            if carrier is not None:
                carrier.finish()
        notes = _notes(form, clip, bool(sound), stream)
    return (*(carrier.notes if carrier is not None else ()), *notes)


@contextlib.contextmanager
def _streams(
    part: Path, out: Path, form: Format, clip: Clip, alpha: bool, sound: bool | NewSound, encoding: Encoding
) -> Iterator[tuple[Any, Any, SoundCarrier | None]]:
    """The container that is being written, its stream for pictures, and who brings the sound."""
    new = sound if isinstance(sound, NewSound) else None
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(opened(clip.path)) if sound and clip.sounds and form.sound_encoder else None
        output = stack.enter_context(_output(part, out, form, clip))
        with writing(out):
            stream = video_stream(output, form, clip, alpha, encoding)
            carrier = None
            if source is not None:
                carrier = SoundCarrier(source, output, form, clip.time(0), clip.sound_span, new)
            output.metadata.update(new.tags if new is not None else {})
        yield output, stream, carrier


@contextlib.contextmanager
def _output(part: Path, out: Path, form: Format, clip: Clip) -> Iterator[Any]:
    """The container that is being written. When its block fails, that counts, and not what closing it says then."""
    with writing(out):
        options = {"movflags": "+faststart", "movie_timescale": str(_movie_timescale(clip))} if form.has_edits else {}
        output = av.open(f"file:{part}", "w", format=form.muxer, options=options)
    try:
        yield output
    except BaseException:
        with contextlib.suppress(OSError, FfmpegError):
            output.close()
        raise
    with writing(out):
        output.close()


def _movie_timescale(clip: Clip) -> int:
    """The clock of an MP4's edit list, in which it says when a stream begins: one that strikes with all of them."""
    fine = math.lcm(clip.time_base.denominator, *(track.rate_hz for track in clip.sounds if track.rate_hz > 0))
    return fine if fine < 2**31 else clip.time_base.denominator


def _notes(form: Format, clip: Clip, sound: bool, stream: Any) -> Iterator[str]:
    if sound and clip.sounds and not form.sound_encoder:
        yield f"{form.ending} files have no sound; it was left out."
    if form.resolution_s:
        yield f"{form.ending} files keep times to {form.resolution_s:g} s."
    if form.square_pixels and clip.pixel_aspect != 1:
        yield (
            f"The clip's pixels are {clip.pixel_aspect.numerator}:{clip.pixel_aspect.denominator} wide to high, and "
            f"{form.ending} files have square pixels: the pictures were scaled to {stream.width} x {stream.height}."
        )
    elif (stream.width, stream.height) != (clip.width_px, clip.height_px):
        yield f"{form.ending} needs an even size: one row or column is repeated at the edge."


def _check_times(part: Path, out: Path, clip: Clip, form: Format) -> None:
    """Reads the packets back: the file itself has to say what was promised."""
    if form.encoder == "gif":
        # its times are delays in whole hundredths of a second, so that only their number can be held to
        count = probe_picture(part).frame_count
        if count != clip.frame_count:
            raise TimesMismatch(f"{out}: {count} pictures in the file for the {clip.frame_count} that were written.")
        return
    with opened(part) as container:
        packets = demuxed(container, [container.streams.video[0]])
        times = sorted(packet.pts * packet.time_base for packet in packets if packet.pts is not None)
    tolerance = Fraction(form.resolution_s) * Fraction(6, 10)
    wanted = (clip.time(index) for index in range(clip.frame_count))
    if len(times) != clip.frame_count or any(
        abs(time - want) > tolerance for time, want in zip(times, wanted, strict=True)
    ):
        raise TimesMismatch(f"{out}: the file that was written does not show its frames at the times of {clip.path}.")
