"""What a painter paints second after second, as sources with their places and times: so it is a sounding engine."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from math import ceil

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Clip, Drawn, Mask, Prompt, Sound
from avfusion.datasets.avs_clip import frame_time
from avfusion.errors import UsageError
from avfusion.sounding import Source, Sources, Tell, Wish
from avfusion.sounding.painted import NAMELESS, Painter, squashed, windows
from avfusion.sounding.painted_things import Thing, Things

STEP_S = 1.0

# Below this amplitude (-80 dB) is nothing but rounding.
_SILENT = 1e-4
# In a second.
_MOMENTS = 10
# So many seconds at most are shown to the engines that follow things, from all over the time that they sound.
_PIVOTS = 3
# What is not surer anywhere is a guess; and a pivot is at least half as sure above that as the best.
_DOUBTFUL = 0.6
_HEAT_SIDE = 32


def sources_by(painter: Painter, clip: Clip, sound: Sound, wish: Wish, tell: Tell) -> Sources:
    """What `Locator.locate` gives, by what a painter paints. In seconds without any sound nothing sounds.

    Memory does not grow with the clip but for a few kilobytes a second. Raises `UsageError` for words.
    """
    if wish.text:
        raise UsageError(f"engine {painter.name} understands no words; 'avfusion engines' lists those that do")
    seconds = max(1, ceil(float(clip.duration_s) / STEP_S - 1e-6))
    loud = _is_loud(sound, seconds)
    if not loud.any():
        return Sources((), STEP_S, abstained="The sound is silent throughout.")
    things, names = Things(), NAMELESS
    heat: list[NDArray[np.float32]] = []
    for start, pictures in _pictures(clip, windows(seconds, painter.at_once), painter.size_px, tell):
        painted = painter.paint(pictures, _part(sound, start, start + len(pictures)), wish.labels)
        names = painted.names
        for place, (sure, numbers) in enumerate(zip(painted.sure, painted.numbers, strict=True)):
            heard = sure * loud[start + place]
            heat.append(_coarse(heard, clip))
            things.add(start + place, heard, numbers)
    return _sources(painter, clip, things, np.stack(heat), wish, names)


def _sources(
    painter: Painter, clip: Clip, things: Things, heat: NDArray[np.float32], wish: Wish, names: tuple[str, ...]
) -> Sources:
    painted = things.most_painted(wish.sources)
    if not painted:
        return Sources((), STEP_S, heat, abstained=f"{painter.name} paints nothing as sounding.")
    found = [_source(clip, thing, len(heat), painter.size_px, wish, names) for thing in painted]
    sure = sorted((one for one in found if one.confidence >= _DOUBTFUL), key=lambda one: -one.confidence)
    if not sure:
        best = max(one.confidence for one in found)
        return Sources((), STEP_S, heat, abstained=f"{painter.name} is not sure of anything: {best:.0%} at most.")
    return Sources(tuple(_numbered(source, number) for number, source in enumerate(sure, start=1)), STEP_S, heat)


def _numbered(source: Source, number: int) -> Source:
    return replace(source, number=number, prompts=tuple(replace(one, object=number) for one in source.prompts))


def _source(clip: Clip, thing: Thing, seconds: int, size_px: int, wish: Wish, names: tuple[str, ...]) -> Source:
    pivots = pivots_of(thing)
    confidence = float(np.mean([thing.score(second) for second in pivots]))
    number, share = max(thing.votes().items(), key=lambda vote: vote[1])
    # What goes by another name than may be is left to those who name things by words.
    name = names[number] if not wish.labels or names[number] in wish.labels else ""
    return Source(
        number=1,
        prompts=_prompts(clip, thing, pivots, size_px),
        sounds=np.array([thing.score(second) for second in range(seconds)], np.float32),
        confidence=confidence,
        name=name,
        name_confidence=share * confidence if name else 0.0,
    )


def pivots_of(thing: Thing) -> list[int]:
    """The surest second of each third of those in which a thing is painted; none that is doubtful beside the best."""
    known = sorted(thing.patches)
    best = max(map(thing.score, known))
    thirds = np.array_split(known, min(_PIVOTS, len(known)))
    surest = [max(third.tolist(), key=thing.score) for third in thirds]
    return [second for second in surest if thing.score(second) - 0.5 >= (best - 0.5) / 2]


def _prompts(clip: Clip, thing: Thing, pivots: list[int], size_px: int) -> tuple[Prompt, ...]:
    """One on a frame, though a frame may be shown for seconds."""
    masks: dict[int, Mask] = {}
    for second in pivots:
        sure = thing.sure_at(second, (size_px, size_px)).astype(np.float32)
        whole = cv2.resize(sure, (clip.width_px, clip.height_px), interpolation=cv2.INTER_LINEAR)
        masks.setdefault(_frame_in(clip, second), np.asarray(whole > 127.5))
    return tuple(Drawn(mask, frame=frame) for frame, mask in masks.items() if mask.any())


def _frame_in(clip: Clip, second: int) -> int:
    return clip.index_at(clip.time(0) + frame_time(second))


def _pictures(
    clip: Clip, parts: list[tuple[int, int]], size_px: int, tell: Tell
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """(first second, uint8 [T, size_px, size_px, 3]) of each part, read one after the other."""
    row: list[NDArray[np.uint8]] = []
    waiting = iter(parts)
    start, stop = next(waiting)
    with contextlib.closing(clip.frames()) as frames:
        for frame in frames:
            tell("looking and listening", frame.index + 1, clip.frame_count)
            while frame.index == _frame_in(clip, start + len(row)):
                row.append(squashed(frame.rgb, size_px))
                if start + len(row) < stop:
                    continue
                yield start, np.stack(row)
                row = []
                following = next(waiting, None)
                if following is None:
                    return
                start, stop = following


def _part(sound: Sound, start: int, stop: int) -> Sound:
    """Those seconds, followed by silence where there is no more sound."""
    part = sound.samples[:, start * sound.rate_hz : stop * sound.rate_hz]
    missing = (stop - start) * sound.rate_hz - part.shape[1]
    return Sound(np.pad(part, ((0, 0), (0, missing))), sound.rate_hz)


def _is_loud(sound: Sound, seconds: int) -> NDArray[np.bool_]:
    """bool [seconds]: whether there is anything to hear, in more than one moment: what coding leaves after an end does
    not count."""
    block = max(1, sound.rate_hz // _MOMENTS)
    is_loud = np.zeros(seconds, np.bool_)
    for second in range(seconds):
        part = sound.samples[:, second * sound.rate_hz : (second + 1) * sound.rate_hz]
        starts = np.arange(0, part.shape[1], block)
        peaks = np.maximum.reduceat(np.abs(part).max(axis=0), starts) if part.size else np.zeros(0)
        is_loud[second] = np.count_nonzero(peaks >= _SILENT) > 1
    return is_loud


def _coarse(sure: NDArray[np.float32], clip: Clip) -> NDArray[np.float32]:
    """float32 [h, w], with sides like the clip's, the longer one short."""
    longer = max(clip.width_px, clip.height_px)
    size = [max(1, round(_HEAT_SIDE * side / longer)) for side in (clip.width_px, clip.height_px)]
    return np.asarray(cv2.resize(sure, size, interpolation=cv2.INTER_AREA), np.float32)
