"""The sound of a file as samples, in an unbroken row: what is missing is silence, what the file cuts off is cut off."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, TypeAlias

import av
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

from avfusion.clip import Clip, Sound, SoundTrack
from avfusion.errors import CannotRead
from avfusion.media.container import FfmpegError, demuxed, opened

Samples: TypeAlias = NDArray[np.float32]
"""float32 [channels, n] in [-1, 1]."""

LAYOUTS = {1: "mono", 2: "stereo", 3: "2.1", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}

# Packets that were lost leave a hole in the times; below this it is only the container's rounding.
_HOLE_S = Fraction(1, 100)
# Holes that were filled, all together: a broken clock shall not fill the memory with silence.
FILLED_S_AT_MOST = 600
# What the edit list of an MP4 counts in, unless its writer took care.
_TICK_OF_EDITS_S = Fraction(1, 1000)
_SILENT_BLOCK = 65536


def read_sound(clip: Clip, track: SoundTrack | None = None) -> Sound:
    """All samples of one track (the first if none is named), as float32 at its own rate, from the track's start on.

    Its length is what the file says to the sample: an encoder's padding is left out, and packets that do not decode
    are silence, so that the rest stays in its place. Raises `CannotRead`.
    """
    if track is None:
        if not clip.sounds:
            raise CannotRead(f"{clip.path}: there is no sound in this file.")
        track = clip.sounds[0]
    span = None if clip.sound_span is None else tuple(round(time * track.rate_hz) for time in clip.sound_span)
    with opened(clip.path) as container:
        found = sound_blocks(container, container.streams[track.stream])
        blocks = [block if span is None else within(first, block, span)[1] for first, block in found]
    if not blocks:
        raise CannotRead(f"{clip.path}: the sound cannot be decoded.")
    return Sound(np.concatenate(blocks, axis=1), track.rate_hz)


def within(first: int, samples: Samples, span: tuple[int, ...]) -> tuple[int, Samples]:
    """What of a block lies between two samples (start, end) of its clock; its first sample counted from the start."""
    start, end = span
    begin = min(max(start - first, 0), samples.shape[1])
    stop = min(max(end - first, begin), samples.shape[1])
    return first + begin - start, samples[:, begin:stop]


def sound_blocks(container: InputContainer, stream: Any) -> Iterator[tuple[int, Samples]]:
    """(number of its first sample on the file's clock, samples) of one stream, each where the one before it ends."""
    row = SampleRow(stream)
    for packet in demuxed(container, [stream]):
        yield from row.of_packet(packet)
    yield from row.rest()


def _last_sample(stream: Any) -> int | None:
    """After how many samples on the file's clock the sound ends, where the file says it to the sample.

    MP4 does, and encoders of AAC rely on it: their last packet is longer than the sound.
    """
    samples_a_tick = stream.time_base * stream.codec_context.sample_rate
    if "mp4" not in stream.container.format.name or samples_a_tick.denominator != 1 or not stream.duration:
        return None
    return int(((stream.start_time or 0) + stream.duration) * samples_a_tick)


def silent_blocks(channels: int, count: int) -> Iterator[Samples]:
    """`count` samples of silence, a block at a time."""
    for start in range(0, count, _SILENT_BLOCK):
        yield np.zeros((channels, min(_SILENT_BLOCK, count - start)), np.float32)


class SampleRow:
    """Decodes packets of one stream to blocks that follow each other without a hole."""

    def __init__(self, stream: Any) -> None:
        self._rate_hz: int = stream.codec_context.sample_rate
        self._channels: int = stream.codec_context.channels
        self._resampler: Any = None
        self._resampled: tuple[str, str, int] | None = None
        # What begins late is silent until then, and Vorbis, whose first packet holds no sound yet, is not late.
        start = stream.start_time
        self._next: int | None = None if start is None else round(start * stream.time_base * self._rate_hz)
        self._fillable = FILLED_S_AT_MOST * self._rate_hz
        self._last: tuple[int, Samples] | None = None
        self._end = _last_sample(stream)
        self._packet_samples = stream.codec_context.frame_size or 0

    def of_packet(self, packet: Any) -> Iterator[tuple[int, Samples]]:
        """The blocks that are certain after this packet. One that does not decode gives none."""
        self._end = self._ended_by(packet)
        try:
            frames = packet.decode()
        except FfmpegError:
            return
        for frame in frames:
            time = None if frame.pts is None or frame.time_base is None else frame.pts * frame.time_base
            for samples in self._resample(frame):
                yield from self._placed(samples, time)
                time = None

    def rest(self) -> Iterator[tuple[int, Samples]]:
        """The last blocks, cut where the file says that its sound ends."""
        for samples in self._flush():
            yield from self._placed(samples, None)
        if self._last is not None:
            first, samples = self._last
            if self._end is not None:
                samples = samples[:, : max(0, self._end - first)]
            self._last = None
            if samples.shape[1]:
                yield first, samples

    def _ended_by(self, packet: Any) -> int | None:
        """Where the sound ends after this packet too. Most MP4s say it in whole milliseconds; a last packet that is
        shorter than the others says it to the sample."""
        if self._end is None or packet.pts is None or not packet.duration:
            return self._end
        samples_a_tick = packet.time_base * self._rate_hz
        end, is_short = (packet.pts + packet.duration) * samples_a_tick, packet.duration * samples_a_tick
        is_near = abs(end - self._end) <= _TICK_OF_EDITS_S * self._rate_hz
        return int(end) if is_near and is_short < self._packet_samples else self._end

    def _resample(self, frame: Any) -> Iterator[Samples]:
        """float32 at the stream's rate and number of channels. A stream may change both on its way."""
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        if kind != self._resampled:
            yield from self._flush()
            layout = frame.layout if frame.layout.nb_channels == self._channels else LAYOUTS.get(self._channels)
            self._resampler = av.AudioResampler(format="fltp", layout=layout, rate=self._rate_hz)
            self._resampled = kind
        for part in self._resampler.resample(frame):
            yield np.asarray(part.to_ndarray(), np.float32)

    def _flush(self) -> Iterator[Samples]:
        if self._resampler is not None:
            for part in self._resampler.resample(None):
                if part is not None:
                    yield np.asarray(part.to_ndarray(), np.float32)

    def _placed(self, samples: Samples, time: Fraction | None) -> Iterator[tuple[int, Samples]]:
        """Puts silence where the clock says that something is missing, and holds the last block back for its end."""
        if self._next is None:
            self._next = round((time or Fraction(0)) * self._rate_hz)
        hole = 0 if time is None else round(time * self._rate_hz) - self._next
        if _HOLE_S * self._rate_hz < hole <= self._fillable:
            self._fillable -= hole
            for silence in silent_blocks(samples.shape[0], hole):
                yield from self._held(silence)
        yield from self._held(samples)

    def _held(self, samples: Samples) -> Iterator[tuple[int, Samples]]:
        if self._last is not None:
            yield self._last
        assert self._next is not None
        self._last = (self._next, samples)
        self._next += samples.shape[1]
