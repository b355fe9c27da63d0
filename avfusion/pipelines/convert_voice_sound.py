"""The sound of a conversion: parts through an engine, as loud as before, back in their places. Memory stays flat."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np

from avfusion.clip import Sound
from avfusion.errors import NothingFound
from avfusion.media.audio import Samples
from avfusion.media.journal import Journal
from avfusion.media.store import StoredSound, store
from avfusion.pipelines.convert_voice_parts import Parts, put_back
from avfusion.pipelines.progress import Teller
from avfusion.voice import Target, VoiceEngine
from avfusion.voice.blocks import Blocks, converted
from avfusion.voice.channels import only, put_among
from avfusion.voice.loudness import PEAK_DBTP, Loudness, gain_between, limited, measure
from avfusion.voice.opening import ModelFiles, Opener, Options

_BLOCKS = Blocks()
_CONTEXT_S = 1.0
# Of a long sound, so many pieces of so many seconds say where the pitch of its voice lies.
_STUDIED, _STUDIED_S = 12, 6.0
_NEAR_LU, _NEAR_DB, _TRIES = 0.1, 0.05, 5
# By what a voice may be louder than the one it replaces, so that all is as loud as it was: 3 dB.
_MOST_LIFT = 10 ** (3 / 20)


@dataclass(frozen=True)
class Job:
    """What an engine is asked."""

    target: Target
    files: ModelFiles | None
    options: Options
    semitones: float
    seed: int


@dataclass(frozen=True)
class _Watched(StoredSound):
    """A sound that asks at every block that is read of it whether to go on: an hour of it is read many times."""

    check: Callable[[], None] = field(kw_only=True)

    def read(self, start: int = 0, stop: int | None = None) -> Samples:
        self.check()
        return super().read(start, stop)


@dataclass(frozen=True)
class Spoken:
    """The parts that were converted, one after the other: as they were, and in the new voice."""

    before: StoredSound
    after: StoredSound
    is_unchanged: bool


@dataclass(frozen=True)
class Finished:
    """result: the whole sound. before, after: of its converted parts, with what is heard around the voice."""

    result: StoredSound
    before: Loudness
    after: Loudness


def spoken(
    voice: StoredSound,
    parts: Parts,
    opener: Opener,
    job: Job,
    folder: Path,
    teller: Teller,
    kept: Journal | None = None,
) -> Spoken:
    """The parts of `voice` through the engine, a piece at a time. Raises what engines raise, and `Stopped`.

    kept: finished pieces; what is there is not made again.
    """
    engine = opener.open(job.files, job.options)
    before = parts.cut(voice, folder / "before")
    is_pieced = not parts.are_all_of(voice) or voice.duration_s > _BLOCKS.longest_s
    say = _say(engine, before, job, is_pieced=is_pieced, check=teller.check)
    total_s = before.count / voice.rate_hz
    done_s = 0.0
    places = count()

    def convert(samples: Samples) -> Samples:
        nonlocal done_s
        teller.check()
        made = _once(str(next(places)), lambda: say(Sound(samples, voice.rate_hz)).samples, kept)
        if not np.isfinite(made).all():
            raise NothingFound("The engine made no sound of this: its model is broken. Give another one.")
        done_s = min(total_s, done_s + samples.shape[1] / voice.rate_hz)
        teller.done = max(1, round(done_s)) - 1
        teller.step()
        return made

    pieces = _parts_through(voice, parts, convert, folder)
    after = store(folder / "after", pieces, **_shape(voice))
    same = all(np.array_equal(one, other) for one, other in zip(before.blocks(), after.blocks(), strict=True))
    return Spoken(_watched(before, teller.check), _watched(after, teller.check), same)


def _once(piece: str, make: Callable[[], Samples], kept: Journal | None) -> Samples:
    """What `make` gives, or gave in an earlier run."""
    if kept is None:
        return make()
    name = f"{piece}.npz"
    known = kept.load(name) if kept.find(piece) is not None else None
    if known is not None:
        return known["samples"]
    made = make()
    kept.save(name, {"samples": made})
    kept.note(piece, files=[name])
    return made


def _watched(sound: StoredSound, check: Callable[[], None]) -> StoredSound:
    return _Watched(sound.path, sound.channels, sound.rate_hz, sound.count, sound.first, check=check)


def _say(
    engine: VoiceEngine, sound: StoredSound, job: Job, *, is_pieced: bool, check: Callable[[], None]
) -> Callable[[Sound], Sound]:
    """The engine, with what it should know of all pieces together so that they are moved alike."""
    from avfusion.voice.world import WorldKnn

    if not isinstance(engine, WorldKnn):
        return partial(engine.convert, target=job.target, semitones=job.semitones, seed=job.seed)
    engine.prepare(job.target, sound.rate_hz, check)
    known = engine.study(_samplings(sound), job.target, check) if is_pieced else None
    return partial(engine.convert, target=job.target, semitones=job.semitones, seed=job.seed, known=known, check=check)


def _samplings(sound: StoredSound) -> Iterator[Sound]:
    size = round(_STUDIED_S * sound.rate_hz)
    count = min(_STUDIED, max(1, sound.count // size))
    for start in np.linspace(0, max(0, sound.count - size), count).round().astype(int):
        yield Sound(sound.read(int(start), min(int(start) + size, sound.count)), sound.rate_hz)


def _parts_through(
    voice: StoredSound, parts: Parts, convert: Callable[[Samples], Samples], folder: Path
) -> Iterator[Samples]:
    """Every part converted, shown with a second of what is on either side of it."""
    context = round(_CONTEXT_S * voice.rate_hz)
    for start, stop in parts.ranges:
        begin, end = max(0, start - context), min(voice.count, stop + context)
        piece = Parts(((begin, end),)).cut(voice, folder / "piece")
        place = begin
        for block in converted(piece, convert, _BLOCKS):
            first, last = max(start, place), min(stop, place + block.shape[1])
            if first < last:
                yield block[:, first - place : last - place]
            place += block.shape[1]


def finished(
    sound: StoredSound,
    parts: Parts,
    made: Spoken,
    channels: tuple[int, ...],
    background: StoredSound | None,
    folder: Path,
    *,
    match: bool,
) -> Finished:
    """The new voice as loud as the one it replaces, with the background under it, where the parts were.

    channels: those of `sound` that were made; all others stay as they were. No true peak above -1 dBTP comes from it.
    Where the engine left everything as it was, so does this.
    """
    heard = parts.cut(sound, folder / "heard-parts")
    before = measure(only(heard, channels, folder / "heard-channels"))
    if made.is_unchanged:
        return Finished(sound, before, before)
    behind = None
    if background is not None:
        behind = only(parts.cut(background, folder / "behind"), channels, folder / "behind-channels")
    gain = gain_between(measure(made.before), measure(made.after)) if match else 1.0
    after, found = _levelled(made.after, behind, gain, before if match else None, folder)
    whole = put_among(heard, channels, after, folder / "whole")
    return Finished(put_back(sound, parts, whole, folder / "result"), before, found)


def _levelled(
    voice: StoredSound, behind: StoredSound | None, gain: float, wanted: Loudness | None, folder: Path
) -> tuple[StoredSound, Loudness]:
    """The voice times about `gain` with what is behind it, as loud together as is wanted, and how loud that is.

    The limiter takes a little loudness away, and its own oversampling is not the meter's: what the meter finds in the
    end counts.
    """
    most, ceiling_db = gain * _MOST_LIFT, PEAK_DBTP
    for _ in range(_TRIES):
        if behind is None:
            limit = limited(voice, gain, peak_db=ceiling_db)
        else:
            limit = limited(_mixed(voice, behind, gain, folder / "mixed"), 1.0, peak_db=ceiling_db)
        after = store(folder / "limited", limit, **_shape(voice))
        found = measure(after)
        lacks = 1.0 if wanted is None else min(gain_between(wanted, found), most / gain)
        over_db = found.true_peak_db - PEAK_DBTP
        if abs(20 * math.log10(lacks)) < _NEAR_LU and over_db < _NEAR_DB:
            break
        gain, ceiling_db = gain * lacks, ceiling_db - max(0.0, over_db)
    return after, found


def _mixed(voice: StoredSound, behind: StoredSound, gain: float, path: Path) -> StoredSound:
    pairs = zip(voice.blocks(), behind.blocks(), strict=True)
    return store(path, (said * np.float32(gain) + rest for said, rest in pairs), **_shape(voice))


def _shape(sound: StoredSound) -> dict[str, int]:
    return {"channels": sound.channels, "rate_hz": sound.rate_hz}
