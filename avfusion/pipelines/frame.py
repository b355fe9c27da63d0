"""One frame of a clip: its picture, and the masks of what its prompts point at."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from avfusion.clip import Box, Clip, Drawn, Frame, Mask, Point, Prompt, Rgb, Scribble, Words
from avfusion.engines.memory import falling_back
from avfusion.engines.registry import Settled, lend
from avfusion.errors import NoPrompt
from avfusion.media.probe import probe
from avfusion.pipelines.keys import says_where
from avfusion.pipelines.moving import motion_on, neighbours
from avfusion.pipelines.prompts import check
from avfusion.pipelines.recent import RecentAnswers, saying
from avfusion.pipelines.segmenters import Segmenters, described, segmenters_for
from avfusion.segmentation import Motion, Segmented, Segmenter
from avfusion.segmentation.asked import apart
from avfusion.segmentation.hints import touched

_ANSWERS = RecentAnswers(most=64)


@dataclass(frozen=True, eq=False)
class View:
    """What a segmenter gets to see of a frame. rgb: uint8 [H, W, 3]; motion: None where nothing is known of it."""

    rgb: Rgb
    motion: Motion | None


def as_clip(source: Clip | Path | str) -> Clip:
    return source if isinstance(source, Clip) else probe(Path(source))


def one_frame(clip: Clip, index: int) -> Frame:
    """A single frame; nothing stays open."""
    with contextlib.closing(clip.frames(index, index + 1)) as frames:
        return next(frames)


@falling_back
def mask_frame(
    clip: Clip,
    prompts: Sequence[Prompt],
    *,
    frame: int,
    prior: Mapping[int, Mask] | None = None,
    segmenter: str | Segmenters = "auto",
    device: str = "auto",
) -> Segmented:
    """Masks of the objects that the prompts on `frame` point at. Raises `NoPrompt` when there is none on it.

    prior: what is known there of objects from other frames, bool [H, W] by number; the prompts correct it. They are
    played one after the other, each answer the prior of the next; the last answers are remembered, so that one prompt
    more costs one answer. Words go to an engine that understands them, and clicks after them choose among the instances
    that it found; a click where it found nothing goes to the engine for clicks, which corrects what the words gave.
    """
    own = [prompt for prompt in prompts if prompt.frame == frame]
    if not own:
        raise NoPrompt(f"{clip.path}: there is no click on frame {frame}.")
    known = dict(prior or {})
    for prompt in own:
        check(clip, prompt)
        if prompt.object not in known and not says_where(own, prompt.object):
            raise NoPrompt(f"{clip.path}: nothing says where object {prompt.object} is on frame {frame}; click on it.")
    engines = segmenters_for(own, segmenter, device)
    drawn = [saying(Drawn(known[one], 0, one)) for one in sorted(known)]
    before = (clip, frame, engines, *drawn)
    words = [saying(prompt) for prompt in own]
    keys = [(*before, *words[:count]) for count in range(1, len(own) + 1)]
    played, answer = _ANSWERS.longest(keys)
    for count in range(played + 1, len(own) + 1):
        answer = _one_more(engines, look(clip, frame), own[:count], known, answer)
        _ANSWERS.keep(keys[count - 1], answer)
    named = {prompt.object for prompt in own}
    return Segmented(
        {number: mask for number, mask in answer.masks.items() if number in named},
        {number: sure for number, sure in answer.confidence.items() if number in named},
    )


@lru_cache(maxsize=3)
def look(clip: Clip, frame: int) -> View:
    """A frame as segmenters see it. Treat as read-only: it is remembered."""
    wanted = (frame, *neighbours(clip, frame))
    with contextlib.closing(clip.frames(min(wanted), max(wanted) + 1)) as frames:
        read = {one.index: one for one in frames if one.index in wanted}
    return View(read[frame].rgb, motion_on(read[frame], [read[index] for index in wanted[1:]]))


def _one_more(
    engines: Segmenters, view: View, prompts: Sequence[Prompt], prior: Mapping[int, Mask], answer: Segmented
) -> Segmented:
    """The answer to the prompts but for the last one, corrected by the last one.

    The engine is told the earlier clicks too: they hold already, and what it changes must not break them.
    """
    last = prompts[-1]
    known = {**prior, **answer.masks}
    if last.object not in known and not says_where(prompts, last.object):
        return answer
    placed = {*known, last.object}
    by_words = described(prompts)
    told = [
        prompt
        for place, prompt in enumerate(prompts[:-1])
        if _still_said(prompt, prompts[place + 1 :], placed, by_words)
    ]
    found = _answered(engines, view, [*told, last], by_words, known)
    same = [number for number, mask in found.masks.items() if number in known and np.array_equal(mask, known[number])]
    confidence = {number: answer.confidence[number] for number in same if number in answer.confidence}
    return Segmented(apart({**answer.masks, **found.masks}), {**answer.confidence, **found.confidence, **confidence})


def _answered(
    engines: Segmenters, view: View, prompts: Sequence[Prompt], by_words: Collection[int], known: Mapping[int, Mask]
) -> Segmented:
    """What the engine for the last prompt says. by_words: numbers of the objects that are described."""
    last = prompts[-1]
    own = engines.words if last.object in by_words else engines.places
    assert own is not None
    if len(engines.used) > 1:  # each hears of its own objects
        prompts = [prompt for prompt in prompts if (prompt.object in by_words) == (last.object in by_words)]
    found = _segment(own, view, prompts, known)
    if own is engines.places or own.engine is engines.places.engine:
        return found
    clicks = [one for one in prompts if isinstance(one, Point | Scribble) and one.object == last.object]
    if _hold(clicks, found.masks[last.object]):
        return found
    corrected = _segment(engines.places, view, clicks, {**known, **found.masks})
    return Segmented({**found.masks, **corrected.masks}, {**found.confidence, **corrected.confidence})


def _segment(settled: Settled, view: View, prompts: Sequence[Prompt], prior: Mapping[int, Mask]) -> Segmented:
    with lend(settled.engine.name, "segmentation", settled.device) as engine:
        segmenter: Segmenter = engine
        return segmenter.segment(view.rgb, prompts, prior=prior, motion=view.motion)


def _hold(clicks: Sequence[Point | Scribble], mask: Mask) -> bool:
    """Whether most of what is under each click or stroke, and under no later one, is as it says."""
    free = np.ones_like(mask)
    for click in reversed(clicks):
        under = touched(click, *mask.shape) & free
        free &= ~under
        if under.any() and bool(mask[under].mean() > 0.5) != click.keep:
            return False
    return True


def _still_said(prompt: Prompt, later: Sequence[Prompt], known: Collection[int], by_words: Collection[int]) -> bool:
    """Whether what was said of an object that is known was not overruled later.

    Clicks and strokes hold until a mask is drawn; words, and a box around what they name, until others come too.
    """
    if prompt.object not in known or isinstance(prompt, Drawn):
        return False
    own = [other for other in later if other.object == prompt.object]
    match prompt:
        case Words():
            return not any(isinstance(other, Drawn | Words) for other in own)
        case Box():
            return prompt.object in by_words and not any(isinstance(other, Drawn | Words | Box) for other in own)
    return not any(isinstance(other, Drawn) for other in own)
