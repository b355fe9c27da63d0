"""Samples -> a sound file: WAV, FLAC or MP3, whole or not there."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from avfusion.errors import CannotWrite, TimesMismatch, UnknownFormat
from avfusion.media.audio import LAYOUTS, Samples
from avfusion.media.container import demuxed, opened
from avfusion.media.mp3_length import say_length
from avfusion.media.target import part_of_file, writing


@dataclass(frozen=True)
class SoundFormat:
    """ending, what it is, FFmpeg's muxer and encoder, the sample format that goes in, and the most channels.

    has_exact_packets: they end with the sound; where they do not, the file says in its head how much of them is sound.
    """

    ending: str
    words: str
    muxer: str
    encoder: str
    samples: str
    channels: int
    bit_rate: int | None = None
    has_exact_packets: bool = True


SOUND_FORMATS = (
    SoundFormat(".wav", "uncompressed, 24 bits", "wav", "pcm_s24le", "s32", 8),
    SoundFormat(".flac", "compressed without loss, 24 bits", "flac", "flac", "s32", 8),
    SoundFormat(".mp3", "small, plays everywhere", "mp3", "libmp3lame", "fltp", 2, 224_000, has_exact_packets=False),
)


def sound_format_of(out: Path) -> SoundFormat:
    """The row for a path's ending. Raises `UnknownFormat`."""
    for row in SOUND_FORMATS:
        if row.ending == out.suffix.lower():
            return row
    raise UnknownFormat(
        f"{out}: no sound format has this ending. Use {', '.join(row.ending for row in SOUND_FORMATS)}."
    )


def write_sound(
    out: Path, blocks: Iterable[Samples], *, rate_hz: int, channels: int, count: int, tags: Mapping[str, str]
) -> None:
    """Writes blocks float32 [channels, n] one after the other; the format follows from the ending of `out`.

    What lies beyond [-1, 1] is cut. count: how many samples there have to be. tags: such as title or comment. Raises
    `TimesMismatch` when there are more or fewer, `UnknownFormat`, `CannotWrite`; then nothing is left behind.
    """
    form = sound_format_of(out)
    if channels > form.channels:
        raise UnknownFormat(f"{out}: {form.ending} files hold {form.channels} channels at most, not {channels}.")
    with part_of_file(out) as part:
        with writing(out), av.open(f"file:{part}", "w", format=form.muxer) as output:
            output.metadata.update(tags)
            stream = _stream(output, form, rate_hz, channels)
            encoded = _Encoded(stream, form, rate_hz, channels)
            for block in blocks:
                output.mux(encoded.packets(block))
            output.mux(stream.encode(None))
        written, file_hz = encoded.count, stream.codec_context.sample_rate
        if written != count:
            raise TimesMismatch(f"{out}: {written} samples for the {count} that were promised.")
        if not part.exists():
            raise CannotWrite(f"{out}: {count} samples at {rate_hz} Hz are too few for this format. Choose .wav.")
        if not form.has_exact_packets:
            say_length(part, math.ceil(Fraction(count * file_hz, rate_hz)))
        elif (found := _count_in(part)) != count:
            raise TimesMismatch(f"{out}: {found} samples in the file for the {count} that were written.")


def _stream(output: Any, form: SoundFormat, rate_hz: int, channels: int) -> Any:
    known = av.Codec(form.encoder, "w").audio_rates
    stream = output.add_stream(form.encoder, rate=rate_hz if not known or rate_hz in known else 48_000)
    stream.codec_context.layout = LAYOUTS[channels]
    stream.codec_context.format = form.samples
    if form.bit_rate is not None:
        stream.codec_context.bit_rate = form.bit_rate
    if form.encoder == "flac":
        stream.codec_context.options = {"compression_level": "5"}
    return stream


class _Encoded:
    """Blocks as packets. count: the samples taken so far."""

    def __init__(self, stream: Any, form: SoundFormat, rate_hz: int, channels: int) -> None:
        self._stream, self._form, self._rate_hz, self._layout = stream, form, rate_hz, LAYOUTS[channels]
        self.count = 0

    def packets(self, block: Samples) -> list[Any]:
        if not block.shape[1]:
            return []
        samples = np.ascontiguousarray(np.clip(block, -1, 1), np.float32)
        if self._form.samples == "s32":
            # 24 bits, in the upper bytes of 32.
            whole = np.rint(samples.astype(np.float64) * (2**23 - 1)).astype(np.int32) << 8
            samples = np.ascontiguousarray(whole.T).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(samples, format=self._form.samples, layout=self._layout)
        frame.sample_rate, frame.time_base, frame.pts = self._rate_hz, Fraction(1, self._rate_hz), self.count
        self.count += block.shape[1]
        packets: list[Any] = self._stream.encode(frame)
        return packets


def _count_in(path: Path) -> int:
    with opened(path) as container:
        stream = container.streams.audio[0]
        assert stream.time_base is not None
        rate_hz = stream.codec_context.sample_rate
        ends = (
            (packet.pts + packet.duration) * stream.time_base * rate_hz
            for packet in demuxed(container, [stream])
            if packet.pts is not None and packet.size
        )
        return round(max(ends, default=Fraction(0)))
