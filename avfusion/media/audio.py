"""The sound of a file: carried packet for packet, re-encoded where the container demands it, or read as samples."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.container import InputContainer, OutputContainer

from avfusion.clip import Clip, Sound, SoundTrack
from avfusion.errors import CannotRead
from avfusion.media.container import DamagedData, opened
from avfusion.media.formats import Format

_OPUS_RATE_HZ = 48_000


class SoundCarrier:
    """Moves every sound track of `container` into `output`, in step with the pictures.

    Make it before the first packet is written (it adds the streams), call `carry_until` as the pictures advance and
    `finish` at the end. `notes` says which tracks had to be encoded anew.
    """

    def __init__(self, container: InputContainer, output: OutputContainer, form: Format) -> None:
        self._output = output
        self._pending: tuple[Fraction, Any] | None = None
        self._out: dict[int, Any] = {}
        self._resamplers: dict[int, Any] = {}
        self.notes: list[str] = []
        for stream in container.streams.audio:
            codec = stream.codec_context.name if stream.codec_context is not None else ""
            if codec and codec in form.sound_copied:
                self._out[stream.index] = output.add_stream_from_template(stream)
            elif codec:
                self._out[stream.index] = self._encoder(stream, form)
                self.notes.append(f"The {codec} sound was encoded anew: {form.ending} files cannot hold it.")
            if codec and stream.language:
                self._out[stream.index].metadata["language"] = stream.language
        self._packets = self._all(container)

    def _encoder(self, stream: Any, form: Format) -> Any:
        rate_hz = _OPUS_RATE_HZ if form.sound_encoder == "libopus" else stream.codec_context.sample_rate
        out = self._output.add_stream(form.sound_encoder, rate=rate_hz)
        layout = stream.codec_context.layout.name
        out.codec_context.layout = {"5.1(side)": "5.1", "": "stereo"}.get(layout, layout)
        if form.sound_encoder == "libopus" and stream.codec_context.channels > 2:
            out.codec_context.options = {"mapping_family": "1"}
        self._resamplers[stream.index] = av.AudioResampler(
            format=out.codec_context.codec.audio_formats[0], layout=out.codec_context.layout, rate=rate_hz
        )
        return out

    def _all(self, container: InputContainer) -> Iterator[tuple[Fraction, Any]]:
        """(time, packet ready to be written) in the order of the file."""
        if not self._out:
            return
        streams = [stream for stream in container.streams.audio if stream.index in self._out]
        packets = container.demux(streams)
        while True:
            try:
                packet = next(packets, None)
            except DamagedData:
                packet = None
            if packet is None:
                break
            yield from self._copied(packet) if packet.stream.index not in self._resamplers else self._encoded(packet)
        for index, resampler in self._resamplers.items():
            yield from self._through(index, resampler.resample(None))
            yield from self._timed(index, self._out[index].encode(None))

    def _copied(self, packet: Any) -> Iterator[tuple[Fraction, Any]]:
        if packet.size == 0 or packet.dts is None:
            return
        time = packet.dts * packet.time_base
        packet.stream = self._out[packet.stream.index]
        yield time, packet

    def _encoded(self, packet: Any) -> Iterator[tuple[Fraction, Any]]:
        index = packet.stream.index
        try:
            frames = packet.decode()
        except DamagedData:
            return
        for frame in frames:
            yield from self._through(index, self._resamplers[index].resample(frame))

    def _through(self, index: int, frames: list[Any]) -> Iterator[tuple[Fraction, Any]]:
        for frame in frames:
            yield from self._timed(index, self._out[index].encode(frame))

    def _timed(self, index: int, packets: list[Any]) -> Iterator[tuple[Fraction, Any]]:
        for packet in packets:
            stamp = packet.dts if packet.dts is not None else 0
            yield stamp * (packet.time_base or Fraction(1, self._out[index].codec_context.sample_rate)), packet

    def carry_until(self, time: Fraction) -> None:
        """Writes the sound that belongs before `time` seconds."""
        while True:
            if self._pending is None:
                self._pending = next(self._packets, None)
            if self._pending is None or self._pending[0] > time:
                return
            self._output.mux(self._pending[1])
            self._pending = None

    def finish(self) -> None:
        """Writes the rest: sound may last longer than the pictures."""
        while self._pending is not None or (nxt := next(self._packets, None)) is not None:
            self._output.mux(self._pending[1] if self._pending is not None else nxt[1])
            self._pending = None


def read_sound(clip: Clip, track: SoundTrack | None = None) -> Sound:
    """All samples of one track (the first if none is named), as float32 at its own rate. Raises `CannotRead`."""
    if track is None:
        if not clip.sounds:
            raise CannotRead(f"{clip.path}: there is no sound in this file.")
        track = clip.sounds[0]
    blocks: list[np.ndarray] = []
    with opened(clip.path) as container:
        stream: Any = container.streams[track.stream]
        resampler = av.AudioResampler(format="fltp", layout=stream.codec_context.layout, rate=track.rate_hz)
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except DamagedData:
                continue
            for frame in frames:
                blocks += [part.to_ndarray() for part in resampler.resample(frame)]
        blocks += [part.to_ndarray() for part in resampler.resample(None)]
    if not blocks:
        raise CannotRead(f"{clip.path}: the sound cannot be decoded.")
    return Sound(np.concatenate(blocks, axis=1).astype(np.float32), track.rate_hz)
