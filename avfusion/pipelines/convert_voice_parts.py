"""Which parts of a sound are converted, and how they are put back among what stays as it was."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avfusion.errors import UsageError
from avfusion.media.audio import Samples
from avfusion.media.store import BLOCK_SAMPLES, StoredSound, store

_FADE_S = 0.02


@dataclass(frozen=True)
class Parts:
    """Ranges (start, stop) of a sound's samples, one after the other, none empty, none touching the next."""

    ranges: tuple[tuple[int, int], ...]

    @property
    def count(self) -> int:
        """Samples in all of them."""
        return sum(stop - start for start, stop in self.ranges)

    def are_all_of(self, sound: StoredSound) -> bool:
        return self.ranges == ((0, sound.count),)

    def cut(self, sound: StoredSound, path: Path) -> StoredSound:
        """The parts of a sound, one after the other, at `path`; where they are all of it, the sound as it lies."""
        if self.are_all_of(sound):
            return sound
        return store(path, self._blocks(sound), channels=sound.channels, rate_hz=sound.rate_hz)

    def _blocks(self, sound: StoredSound) -> Iterator[Samples]:
        for start, stop in self.ranges:
            for first in range(start, stop, BLOCK_SAMPLES):
                yield sound.read(first, min(first + BLOCK_SAMPLES, stop))


def chosen_parts(
    sound: StoredSound, spans: Sequence[tuple[float, float]] = (), only_speaker: int | None = None
) -> Parts:
    """What is to be converted: all, or what lies in the spans and is said by that speaker. Raises `UsageError`."""
    parts = in_spans(sound, spans) if spans else whole(sound)
    if only_speaker is None:
        return parts
    theirs = both(parts, turns_of(sound, only_speaker))
    if not theirs.ranges:
        raise UsageError(f"Speaker {only_speaker} says nothing in that time. Choose another time or speaker.")
    return theirs


def beginning(parts: Parts, preview: StoredSound) -> Parts:
    """What of them lies in a preview, which is the beginning of their sound. Raises `UsageError` where nothing does."""
    there = both(parts, whole(preview))
    if not there.ranges:
        raise UsageError(
            f"Nothing that is to be converted lies in the preview's {float(preview.duration_s):.4g} s: it begins at "
            f"{parts.ranges[0][0] / preview.rate_hz:.1f} s. Ask for a longer preview, or for all of it."
        )
    return there


def during(
    sound: StoredSound, parts: Parts, span_s: tuple[Fraction, Fraction], path: Path
) -> tuple[StoredSound, Parts]:
    """What lies between two seconds of the file as a sound of its own at `path`, which counts from the first of them,
    and what of the parts lies in it. Raises `UsageError` where nothing does."""
    begin, end = (round(time * sound.rate_hz) for time in span_s)
    start, stop = (min(max(time - sound.first, 0), sound.count) for time in (begin, end))
    there = both(parts, Parts(((start, stop),)))
    if not there.ranges:
        raise UsageError(
            f"Nothing that is to be converted is heard from {float(span_s[0]):.4g} to {float(span_s[1]):.4g} s. "
            "Take other frames, or all of them."
        )
    piece = store(path, _unchanged(sound, start, stop), channels=sound.channels, rate_hz=sound.rate_hz)
    own = tuple((a - start, b - start) for a, b in there.ranges)
    return replace(piece, first=sound.first + start - begin), Parts(own)


def turns_of(sound: StoredSound, speaker: int) -> Parts:
    """When one of those who speak does. Raises `UsageError` where there is nobody of that number."""
    from avfusion.voice.speakers import who_speaks

    turns = who_speaks(sound)
    mine = [(turn.start_s, turn.end_s) for turn in turns if turn.speaker == speaker]
    if not mine:
        there = max((turn.speaker for turn in turns), default=0)
        heard = f"heard are speakers 1 to {there}" if there > 1 else "heard is only one" if there else "nobody is heard"
        raise UsageError(f"There is no speaker {speaker} in this sound: {heard}. Choose one of them.")
    return in_spans(sound, mine)


def whole(sound: StoredSound) -> Parts:
    return Parts(((0, sound.count),))


def in_spans(sound: StoredSound, spans: Sequence[tuple[float, float]]) -> Parts:
    """Spans in seconds; those that overlap become one. Raises `UsageError` for one that lies outside or is empty."""
    ranges = []
    length_s = float(sound.duration_s)
    for start_s, end_s in spans:
        if start_s >= length_s:
            raise UsageError(f"From {start_s:g} s: the sound ends at {length_s:.4g} s. Give a beginning before that.")
        if not 0 <= start_s < end_s:
            raise UsageError(
                f"From {start_s:g} to {end_s:g} s: a span begins at 0 s or later, and its end comes after that."
            )
        ranges.append((round(start_s * sound.rate_hz), min(round(min(end_s, length_s) * sound.rate_hz), sound.count)))
    return Parts(_joined(ranges))


def both(one: Parts, other: Parts) -> Parts:
    """What lies in both."""
    ranges = [
        (max(a, c), min(b, d)) for a, b in one.ranges for c, d in other.ranges if max(a, c) < min(b, d)
    ]  # fmt: skip
    return Parts(_joined(ranges))


def _joined(ranges: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    joined: list[tuple[int, int]] = []
    for start, stop in sorted(ranges):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(stop, joined[-1][1]))
        elif start < stop:
            joined.append((start, stop))
    return tuple(joined)


def put_back(sound: StoredSound, parts: Parts, new: StoredSound, path: Path) -> StoredSound:
    """`sound` with `new` in the place of its parts, at `path`; new: the parts one after the other, as `Parts.cut` has
    them.

    Outside of the parts it is bit for bit as it was. Each part fades in and out inside itself over 20 ms, except at
    the beginning and the end of the sound.
    """
    if not parts.are_all_of(sound):
        new = store(path, _put_back(sound, parts, new), channels=sound.channels, rate_hz=sound.rate_hz)
    return replace(new, first=sound.first)


def _put_back(sound: StoredSound, parts: Parts, new: StoredSound) -> Iterator[Samples]:
    done = place = 0
    for start, stop in parts.ranges:
        yield from _unchanged(sound, done, start)
        for first in range(start, stop, BLOCK_SAMPLES):
            last = min(first + BLOCK_SAMPLES, stop)
            made = new.read(place, place + last - first)
            place += last - first
            share = _share(sound, (start, stop), np.arange(first, last))
            yield made if share.min() == 1 else made * share + sound.read(first, last) * (1 - share)
        done = stop
    yield from _unchanged(sound, done, sound.count)


def _unchanged(sound: StoredSound, start: int, stop: int) -> Iterator[Samples]:
    for first in range(start, stop, BLOCK_SAMPLES):
        yield sound.read(first, min(first + BLOCK_SAMPLES, stop))


def _share(sound: StoredSound, part: tuple[int, int], places: NDArray[np.int_]) -> Samples:
    """float32 [n]: how much of the new sound there is at each place of a part, 0..1."""
    start, stop = part
    fade = max(1, min(round(_FADE_S * sound.rate_hz), (stop - start) // 2))
    rise = (places - start + 0.5) / fade if start > 0 else np.ones(len(places))
    fall = (stop - places - 0.5) / fade if stop < sound.count else np.ones(len(places))
    return (np.sin(np.pi / 2 * np.minimum(np.minimum(rise, fall), 1)) ** 2).astype(np.float32)
