"""One frame of a clip: its picture, and the masks of what its prompts point at."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from avfusion.clip import Clip, Drawn, Frame, Mask, Point, Prompt, Rgb, Scribble
from avfusion.engines.catalogue import choose
from avfusion.engines.registry import lend
from avfusion.errors import NoPrompt
from avfusion.media.probe import probe
from avfusion.pipelines.keys import says_where
from avfusion.pipelines.moving import motion_on, neighbours
from avfusion.pipelines.prompts import check
from avfusion.pipelines.recent import RecentAnswers, saying
from avfusion.segmentation import Motion, Segmented, Segmenter

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


def mask_frame(
    clip: Clip,
    prompts: Sequence[Prompt],
    *,
    frame: int,
    prior: Mapping[int, Mask] | None = None,
    segmenter: str = "auto",
    device: str = "auto",
) -> Segmented:
    """Masks of the objects that the prompts on `frame` point at. Raises `NoPrompt` when there is none on it.

    prior: what is known there of objects from other frames, bool [H, W] by number; the prompts correct it. They are
    played one after the other, each answer the prior of the next; the last answers are remembered, so that one prompt
    more costs one answer.
    """
    own = [prompt for prompt in prompts if prompt.frame == frame]
    if not own:
        raise NoPrompt(f"{clip.path}: there is no click on frame {frame}.")
    known = dict(prior or {})
    for prompt in own:
        check(clip, prompt)
        if prompt.object not in known and not says_where(own, prompt.object):
            raise NoPrompt(f"{clip.path}: nothing says where object {prompt.object} is on frame {frame}; click on it.")
    choice = choose("segmentation", segmenter)
    before = (clip, frame, choice.engine.name, device, *(saying(Drawn(known[one], 0, one)) for one in sorted(known)))
    words = [saying(prompt) for prompt in own]
    keys = [(*before, *words[:count]) for count in range(1, len(own) + 1)]
    played, answer = _ANSWERS.longest(keys)
    if played < len(own):
        with lend(choice.engine.name, "segmentation", device) as engine:
            for count in range(played + 1, len(own) + 1):
                answer = _one_more(engine, look(clip, frame), own[:count], known, answer)
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
    engine: Segmenter, view: View, prompts: Sequence[Prompt], prior: Mapping[int, Mask], answer: Segmented
) -> Segmented:
    """The answer to the prompts but for the last one, corrected by the last one.

    The engine is told the earlier clicks too: they hold already, and what it changes must not break them.
    """
    last = prompts[-1]
    known = {**prior, **answer.masks}
    if last.object not in known and not says_where(prompts, last.object):
        return answer
    placed = {*known, last.object}
    told = [prompt for place, prompt in enumerate(prompts[:-1]) if _still_said(prompt, prompts[place + 1 :], placed)]
    found = engine.segment(view.rgb, [*told, last], prior=known, motion=view.motion)
    same = [number for number, mask in found.masks.items() if number in known and np.array_equal(mask, known[number])]
    confidence = {number: answer.confidence[number] for number in same if number in answer.confidence}
    return Segmented({**answer.masks, **found.masks}, {**answer.confidence, **found.confidence, **confidence})


def _still_said(prompt: Prompt, later: Sequence[Prompt], placed: Collection[int]) -> bool:
    """Whether a click or stroke of an object that has a place was not overruled by a mask drawn later."""
    if not isinstance(prompt, Point | Scribble) or prompt.object not in placed:
        return False
    return not any(isinstance(other, Drawn) and other.object == prompt.object for other in later)
