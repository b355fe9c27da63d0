"""A clip with other samples in one of its sound tracks: pictures and all other tracks are carried packet for packet."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from avfusion.clip import SoundTrack
from avfusion.errors import TimesMismatch, UnknownFormat
from avfusion.media.audio import LAYOUTS, Samples, silent_blocks
from avfusion.media.container import demuxed, opened
from avfusion.media.target import part_of_file, writing


@dataclass(frozen=True)
class ClipFormat:
    """ending, FFmpeg's muxer, the encoder of the new sound and the sample format that goes in."""

    ending: str
    muxer: str
    encoder: str
    samples: str
    has_edits: bool = False


CLIP_FORMATS = (
    ClipFormat(".mp4", "mp4", "aac", "fltp", has_edits=True),
    ClipFormat(".mov", "mov", "pcm_s24le", "s32", has_edits=True),
    ClipFormat(".mkv", "matroska", "flac", "s32"),
    ClipFormat(".webm", "webm", "libopus", "flt"),
)
_BITS_A_CHANNEL = 128_000
_OPUS_RATE_HZ = 48_000
_CARRIED = ("video", "audio", "subtitle")
# What a container or a muxer says of its own file or stream, and not of what is heard and seen in it.
_OF_THE_FILE = (
    "major_brand",
    "minor_version",
    "compatible_brands",
    "encoder",
    "duration",
    "bps",
    "number_of_",
    "_stat",
)


def clip_format_of(out: Path) -> ClipFormat:
    """The row for a path's ending. Raises `UnknownFormat`."""
    for row in CLIP_FORMATS:
        if row.ending == out.suffix.lower():
            return row
    raise UnknownFormat(f"{out}: no clip format has this ending. Use {', '.join(row.ending for row in CLIP_FORMATS)}.")


def write_revoiced(
    out: Path,
    source: Path,
    track: SoundTrack,
    blocks: Iterable[Samples],
    *,
    first: int,
    count: int,
    tags: Mapping[str, str],
) -> tuple[str, ...]:
    """Writes `source` with blocks float32 [channels, n] in the place of one sound track; notes for the user.

    first: the number of the first sample on the clock of `source`, at the track's rate; a sound that begins late gets
    silence up to there. count: how many samples there have to be. Raises `TimesMismatch` for more or fewer,
    `UnknownFormat` for an ending whose files cannot hold the pictures as they are, `CannotRead`, `CannotWrite`; then
    nothing is left behind.
    """
    form = clip_format_of(out)
    with part_of_file(out) as part, opened(source) as container, writing(out):
        # Without its mode, Matroska's muxer makes tracks the default that were none.
        options = _edited(container, track) if form.has_edits else {"default_mode": "passthrough"}
        with av.open(f"file:{part}", "w", format=form.muxer, options=options) as output:
            output.metadata.update(_tagged(container.metadata, tags))
            carried, stream, notes = _carried(container, output, form, track, out)
            voice = _Voice(stream, track, blocks, first)
            for packet in _in_decoding_order(container, list(carried)):
                for sound in voice.until(packet.dts * packet.time_base):
                    output.mux(sound)
                packet.stream = carried[packet.stream_index]
                output.mux(packet)
            for sound in voice.until(None):
                output.mux(sound)
        if voice.taken != count:
            raise TimesMismatch(f"{out}: {voice.taken} samples for the {count} that were promised.")
    return notes


def _tagged(said: Mapping[str, str], tags: Mapping[str, str]) -> dict[str, str]:
    """Tags of the source with new ones, each before what the source said under its name."""
    tagged = {name: words for name, words in _lasting(said).items() if name.lower() not in tags}
    for name, words in tags.items():
        before = next((old for key, old in said.items() if key.lower() == name), "")
        tagged[name] = f"{words}; {before}" if before and words not in before else before or words
    return tagged


def _lasting(said: Mapping[str, str]) -> dict[str, str]:
    return {name: words for name, words in said.items() if not name.lower().startswith(_OF_THE_FILE)}


def _edited(container: Any, track: SoundTrack) -> dict[str, str]:
    """FFmpeg's options for an MP4. Its edit list says where each stream begins and ends, and says it in milliseconds
    unless the file has a clock that strikes with all of them."""
    ticks = [stream.time_base.denominator for stream in container.streams.video if stream.time_base]
    fine = math.lcm(track.rate_hz, *ticks)
    return {"movflags": "+faststart", "movie_timescale": str(fine if fine < 2**31 else track.rate_hz)}


def _carried(
    container: Any, output: Any, form: ClipFormat, track: SoundTrack, out: Path
) -> tuple[dict[int, Any], Any, tuple[str, ...]]:
    """Streams of `output` by the number that they have in the source, that of the new sound in the place of `track`,
    and what had to be left out."""
    carried: dict[int, Any] = {}
    notes: list[str] = []
    voice: Any = None
    for stream in container.streams:
        if stream.index == track.stream:
            voice = _voice_stream(stream, output, form, track)
            continue
        context = getattr(stream, "codec_context", None)
        name = None if context is None else context.codec.canonical_name
        if stream.type in _CARRIED and name in output.supported_codecs:
            carried[stream.index] = _said_of(stream, output.add_stream_from_template(stream))
        elif stream.type == "video":
            raise UnknownFormat(f"{out}: {form.ending} files do not hold {name} video as it is. Use .mkv.")
        elif stream.type in _CARRIED:
            notes.append(
                f"{form.ending} files do not hold {name} {stream.type} as it is; track {stream.index} is left out."
            )
    return carried, voice, tuple(notes)


def _voice_stream(source: Any, output: Any, form: ClipFormat, track: SoundTrack) -> Any:
    """A stream of `output` for the new sound, with the language, the title and the part that `source` had."""
    known = av.Codec(form.encoder, "w").audio_rates
    takes_rate = form.encoder != "libopus" and (not known or track.rate_hz in known)
    stream = output.add_stream(form.encoder, rate=track.rate_hz if takes_rate else _OPUS_RATE_HZ)
    stream.codec_context.layout = LAYOUTS[track.channels]
    stream.codec_context.format = form.samples
    stream.codec_context.bit_rate = _BITS_A_CHANNEL * track.channels
    return _said_of(source, stream)


def _said_of(source: Any, stream: Any) -> Any:
    """`stream` with the language and the title of `source`, and its part: the default, a comment, ..."""
    stream.metadata.update(_lasting(source.metadata))
    stream.disposition = source.disposition
    return stream


def _in_decoding_order(container: Any, indices: list[int]) -> Iterator[Any]:
    """Packets of the streams, each with the time at which it is to be decoded.

    Matroska keeps none, and FFmpeg finds them only after the first few packets: those get the times before.
    """
    waiting: dict[int, list[Any]] = {index: [] for index in indices}
    for packet in demuxed(container, [container.streams[index] for index in indices]):
        if packet.size == 0:
            continue
        held = waiting[packet.stream_index]
        if packet.dts is None:
            held.append(packet)
            continue
        for back, earlier in enumerate(reversed(held), start=1):
            earlier.dts = packet.dts - back * max(1, packet.duration or 0)
        yield from held
        held.clear()
        yield packet
    for held in waiting.values():
        for packet in held:
            if packet.pts is not None:
                packet.dts = packet.pts
                yield packet


class _Voice:
    """The new sound, encoded as far as the pictures have come."""

    def __init__(self, stream: Any, track: SoundTrack, blocks: Iterable[Samples], first: int) -> None:
        self._rate_hz, self._stream = track.rate_hz, stream
        self._layout = LAYOUTS[track.channels]
        self._blocks = self._in_step(blocks, track.channels, first)
        self._at = min(first, 0)
        self.taken = 0

    def _in_step(self, blocks: Iterable[Samples], channels: int, first: int) -> Iterator[Samples]:
        yield from silent_blocks(channels, max(0, first))
        for block in blocks:
            self.taken += block.shape[1]
            if block.shape[1]:
                yield block

    def until(self, time_s: Fraction | None) -> Iterator[Any]:
        """Packets of what belongs before `time_s`; with None, of all the rest."""
        while time_s is None or Fraction(self._at, self._rate_hz) <= time_s:
            block = next(self._blocks, None)
            if block is None:
                break
            samples = np.ascontiguousarray(np.clip(block, -1, 1), np.float32)
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=self._layout)
            frame.sample_rate, frame.time_base, frame.pts = self._rate_hz, Fraction(1, self._rate_hz), self._at
            self._at += block.shape[1]
            yield from self._stream.encode(frame)
        if time_s is None:
            yield from self._stream.encode(None)
