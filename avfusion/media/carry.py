"""Sound into a file that is being written: packet for packet where the format takes it, encoded anew where not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av
import av.error
from av.container import InputContainer, OutputContainer

from avfusion.media.audio import FILLED_S_AT_MOST, LAYOUTS, SampleRow, Samples, silent_blocks, within
from avfusion.media.container import demuxed, is_sound
from avfusion.media.formats import Format
from avfusion.media.store import StoredSound

_USUAL_RATE_HZ = 48_000
_NEW_BITS_A_CHANNEL = 128_000
_SPEAKERS_ENCODED = (1, 2, 6, 8)

# Containers such as Matroska round times to a millisecond; the packets' own lengths say them to the sample.
_ROUNDING_S = Fraction(1, 500)
Timed = tuple[Fraction, Any]


@dataclass(frozen=True)
class NewSound:
    """What goes into the place of one sound track.

    stream: that track's number in the source. sound: as many channels and at the same rate; its `first` counts on the
    clock of the output. tags: for the file that has it.
    """

    stream: int
    sound: StoredSound
    tags: Mapping[str, str] = field(default_factory=dict)


class SoundCarrier:
    """Moves every sound track of `container` into `output`, in step with the pictures.

    Make it before the first packet is written (it adds the streams), call `carry_until` as the pictures advance and
    `finish` at the end. `notes` says which tracks had to be encoded anew. `start_s` is when the pictures begin: sound
    that is encoded anew begins with them, with silence if need be. span_s: only what lies between these seconds of the
    file, the first of which is 0 in the output. new: encoded in the place of its track, which is left out.
    """

    def __init__(
        self,
        container: InputContainer,
        output: OutputContainer,
        form: Format,
        start_s: Fraction,
        span_s: tuple[Fraction, Fraction] | None = None,
        new: NewSound | None = None,
    ) -> None:
        self._output = output
        self._tracks: dict[int, _Copied | _Encoded] = {}
        self._rows: list[_Row] = []
        self.notes: list[str] = []
        for stream in container.streams.audio:
            context = stream.codec_context
            if not is_sound(stream):
                self.notes.append(f"Sound track {stream.index} is of no known kind; it was left out.")
                continue
            codec = context.codec.canonical_name
            track: _Copied | _Encoded
            if new is not None and stream.index == new.stream:
                track = _Encoded(stream, output, form, start_s, None)
                track.out.codec_context.bit_rate = _NEW_BITS_A_CHANNEL * context.channels
                self._rows.append(_Row(track.anew(new.sound)))
            elif codec in form.sound_copied and (span_s is None or not form.has_edits or _can_be_cut(codec)):
                track = _Copied(stream, output, span_s, is_exact=form.has_edits)
                if span_s is not None and not form.has_edits:
                    self.notes.append(
                        f"The {codec} sound was copied in whole packets, in step with the pictures: at the borders of "
                        f"the part there may be some milliseconds more or less, which {form.ending} files cannot cut."
                    )
            else:
                track = _Encoded(stream, output, form, start_s, span_s)
                self.notes.append(f"The {codec} sound was encoded anew ({track.words}) for {form.ending}.")
            if stream.language:
                track.out.metadata["language"] = stream.language
            if new is None or stream.index != new.stream:
                self._tracks[stream.index] = track
        self._rows.append(_Row(self._all(container)))

    def _all(self, container: InputContainer) -> Iterator[Timed]:
        """(time, packet ready to be written) in the order of the file."""
        if not self._tracks:
            return
        streams = [container.streams[index] for index in self._tracks]
        for packet in demuxed(container, streams):
            yield from self._tracks[packet.stream.index].packets(packet)
        for track in self._tracks.values():
            yield from track.rest()

    def carry_until(self, time: Fraction) -> None:
        """Writes the sound that belongs before `time` seconds."""
        for row in self._rows:
            for packet in row.until(time):
                self._output.mux(packet)

    def finish(self) -> None:
        """Writes the rest: sound may last longer than the pictures."""
        for row in self._rows:
            for packet in row.until(None):
                self._output.mux(packet)


def _can_be_cut(codec: str) -> bool:
    """Whether a decoder that begins one packet before a place is right there: one of MP3 looks back further."""
    return codec in ("aac", "ac3", "eac3", "alac", "flac") or codec.startswith("pcm_")


class _Row:
    """Packets one after the other, taken as far as a time."""

    def __init__(self, packets: Iterator[Timed]) -> None:
        self._packets = packets
        self._pending: Timed | None = None

    def until(self, time: Fraction | None) -> Iterator[Any]:
        """Those that belong before `time` seconds; with None, all that are left."""
        while True:
            if self._pending is None:
                self._pending = next(self._packets, None)
            if self._pending is None or (time is not None and self._pending[0] > time):
                return
            packet, self._pending = self._pending[1], None
            yield packet


class _Copied:
    """Packets as they are. Their times are made exact where the container rounded them, and always rise.

    is_exact: the container can say that of the packets at the borders of the span only a part is heard. Then the one
    before the first comes along unheard, since decoders blend neighbours.
    """

    def __init__(
        self, stream: Any, output: OutputContainer, span_s: tuple[Fraction, Fraction] | None, *, is_exact: bool
    ) -> None:
        self.out: Any = output.add_stream_from_template(stream)
        self._span_s, self._is_exact = span_s, is_exact
        self._waiting: list[Any] = []
        context = stream.codec_context
        self._rate_hz: int = context.sample_rate
        self._step_s = Fraction(context.frame_size or 0, context.sample_rate)
        self._is_rounded = stream.time_base * context.sample_rate > 1
        self._next_s: Fraction | None = None
        self._last_dts: int | None = None

    def packets(self, packet: Any) -> Iterator[Timed]:
        if packet.size == 0 or packet.dts is None:
            return
        for one in [packet] if self._span_s is None else self._of_span(packet, *self._span_s):
            yield self._ready(one)

    def _of_span(self, packet: Any, start_s: Fraction, end_s: Fraction) -> list[Any]:
        """What of the packets so far belongs to the span, on its clock."""
        begins_s = packet.dts * packet.time_base
        ends_s = begins_s + packet.duration * packet.time_base
        if begins_s >= end_s or (begins_s < start_s and not self._is_exact):
            return []
        if ends_s <= start_s:
            self._waiting = [packet]
            return []
        shift = round(start_s / packet.time_base)
        found, self._waiting = [*self._waiting, packet], []
        for one in found:
            one.dts -= shift
            one.pts = None if one.pts is None else one.pts - shift
        return found

    def _ready(self, packet: Any) -> Timed:
        if self._is_rounded and self._step_s and packet.pts == packet.dts:
            self._count_samples(packet)
        if self._span_s is not None and self._is_exact:
            most = round((self._span_s[1] - self._span_s[0]) / packet.time_base) - packet.dts
            packet.duration = min(packet.duration, most)
        if self._last_dts is not None and packet.dts <= self._last_dts:
            packet.dts = self._last_dts + 1
            packet.pts = max(packet.pts if packet.pts is not None else packet.dts, packet.dts)
        self._last_dts = packet.dts
        packet.stream = self.out
        return packet.dts * packet.time_base, packet

    def _count_samples(self, packet: Any) -> None:
        time = packet.pts * packet.time_base
        if packet.duration * packet.time_base <= self._step_s + _ROUNDING_S:
            if self._next_s is not None and abs(self._next_s - time) <= _ROUNDING_S:
                time = self._next_s
            self._next_s = time + self._step_s
            packet.duration = round(self._step_s * self._rate_hz)
        else:
            self._next_s = None
            packet.duration = round(packet.duration * packet.time_base * self._rate_hz)
        packet.time_base = Fraction(1, self._rate_hz)
        packet.pts = packet.dts = round(time * self._rate_hz)

    def rest(self) -> Iterator[Timed]:
        return iter(())


class _Encoded:
    """Decoded, its holes filled, and encoded for the format. `words` say what it became."""

    def __init__(
        self,
        stream: Any,
        output: OutputContainer,
        form: Format,
        start_s: Fraction,
        span_s: tuple[Fraction, Fraction] | None,
    ) -> None:
        context = stream.codec_context
        self._row = SampleRow(stream)
        self._rate_hz: int = context.sample_rate
        self._start = round(start_s * self._rate_hz)
        self._span = None if span_s is None else tuple(round(time * self._rate_hz) for time in span_s)
        self._next: int | None = None
        rates_hz = av.Codec(form.sound_encoder, "w").audio_rates
        is_known = form.sound_encoder != "libopus" and (not rates_hz or self._rate_hz in rates_hz)
        self.out: Any = output.add_stream(form.sound_encoder, rate=self._rate_hz if is_known else _USUAL_RATE_HZ)
        self._layout = LAYOUTS.get(context.channels, f"{context.channels} channels")
        encoder: Any = self.out.codec_context
        encoder.layout = self._layout if context.channels in _SPEAKERS_ENCODED else "stereo"
        if form.sound_encoder == "libopus" and context.channels in (6, 8):
            encoder.options = {"mapping_family": "1"}
        name = encoder.codec.canonical_name
        self.words = name if context.channels in _SPEAKERS_ENCODED else f"{name}, mixed to stereo"

    def packets(self, packet: Any) -> Iterator[Timed]:
        for first, samples in self._row.of_packet(packet):
            yield from self._encoded(first, samples)

    def anew(self, sound: StoredSound) -> Iterator[Timed]:
        """All packets of a sound that takes this track's place."""
        first = sound.first
        for samples in sound.blocks():
            yield from self._encoded(first, samples)
            first += samples.shape[1]
        if self._next is not None:
            yield from self._timed(self.out.encode(None))

    def rest(self) -> Iterator[Timed]:
        for first, samples in self._row.rest():
            yield from self._encoded(first, samples)
        if self._next is not None:
            yield from self._timed(self.out.encode(None))

    def _encoded(self, first: int, samples: Samples) -> Iterator[Timed]:
        if self._span is not None:
            first, samples = within(first, samples, self._span)
            if samples.shape[1] == 0:
                return
        if self._next is None:
            # Encoders of AAC put their own lead before the first sample, which only a sound that begins at once can
            # leave out again. So what begins later than the pictures has silence up to there.
            late = first - self._start
            self._next = self._start if 0 < late <= FILLED_S_AT_MOST * self._rate_hz else first
            for silence in silent_blocks(samples.shape[0], first - self._next):
                yield from self._appended(silence)
        yield from self._appended(samples)

    def _appended(self, samples: Samples) -> Iterator[Timed]:
        assert self._next is not None
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=self._layout)
        frame.sample_rate = self._rate_hz
        frame.time_base = Fraction(1, self._rate_hz)
        frame.pts = self._next
        self._next += samples.shape[1]
        yield from self._timed(self.out.encode(frame))

    def _timed(self, packets: list[Any]) -> Iterator[Timed]:
        for packet in packets:
            stamp = packet.dts if packet.dts is not None else 0
            yield stamp * (packet.time_base or Fraction(1, self.out.codec_context.sample_rate)), packet
