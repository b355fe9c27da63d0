"""Prompts as engines with learnt weights take them: for each object its clicks as places, its box, its words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from avfusion.clip import Box, Drawn, Mask, Point, Prompt, Scribble, Words
from avfusion.errors import MaskSizeMismatch, NothingFound, UsageError
from avfusion.segmentation import Segmented
from avfusion.segmentation.hints import check

STROKE_CLICKS = 8
"""The most places that stand for one stroke."""
STROKE_STEP_PX = 20.0


@dataclass(frozen=True, eq=False)
class Asked:
    """One object's log, played to its end.

    clicks: in order, at most one on a pixel. box: in pixels. base: bool [H, W], what the object was before the clicks.
    words: what it is called.
    """

    clicks: tuple[Point, ...] = ()
    box: Box | None = None
    base: Mask | None = None
    words: str | None = None

    @property
    def is_given(self) -> bool:
        """Whether the base is the answer: nothing was said after it."""
        return self.base is not None and not self.clicks

    def places(self, keep: bool) -> list[tuple[int, int]]:
        """(row, column) of the clicks that say so."""
        return [(int(click.y), int(click.x)) for click in self.clicks if click.keep == keep]


def read_asked(
    prompts: Sequence[Prompt],
    shape: tuple[int, int],
    engine: str,
    *,
    prior: Mapping[int, Mask] | None = None,
    words: bool = False,
    places: bool = True,
) -> dict[int, Asked]:
    """By object number, for a picture of `shape` (height, width).

    prior: as in `Segmenter.segment`. words, places: which kinds of prompts the engine understands. Raises what
    `Segmenter.segment` promises to.
    """
    prior = prior or {}
    described = [prompt for prompt in prompts if words and isinstance(prompt, Words)]
    others = [prompt for prompt in prompts if not (words and isinstance(prompt, Words))]
    for description in described:
        if not description.text.strip():
            raise UsageError(f"the words for object {description.object} are empty; say what it is")
    if others or not prompts:
        check(others, *shape, engine, {*prior, *(prompt.object for prompt in described)})
    for number, mask in prior.items():
        if mask.shape != shape:
            raise MaskSizeMismatch(f"what is known of object {number} is {mask.shape[1]}x{mask.shape[0]}, "
                                   f"the picture is {shape[1]}x{shape[0]}")  # fmt: skip
    asked = {number: Asked(base=prior.get(number)) for number in sorted({prompt.object for prompt in prompts})}
    for prompt in prompts:
        asked[prompt.object] = _and_then(asked[prompt.object], prompt)
    for number, wanted in asked.items():
        if not places and wanted.words is None and wanted.base is None:
            raise UsageError(f"engine {engine} finds things by words only; say in words what object {number} is")
    return asked


def _and_then(asked: Asked, prompt: Prompt) -> Asked:
    match prompt:
        case Words(text=text):
            return Asked(clicks=asked.clicks, words=" ".join(text.split()))
        case Drawn(mask=mask):
            return Asked(base=np.asarray(mask, bool))
        case Box():
            return Asked(clicks=asked.clicks, box=prompt, words=asked.words)
        case Point():
            return replace(asked, clicks=_with_clicks(asked.clicks, [prompt]))
        case Scribble():
            return replace(asked, clicks=_with_clicks(asked.clicks, _along(prompt)))
    return asked


def _with_clicks(clicks: tuple[Point, ...], more: Sequence[Point]) -> tuple[Point, ...]:
    """A later click on a pixel takes the place of an earlier one."""
    by_pixel = {(int(click.x), int(click.y)): click for click in (*clicks, *more)}
    return tuple(by_pixel.values())


def _along(stroke: Scribble) -> list[Point]:
    """Places at equal distances along a stroke, its ends among them."""
    corners = np.array(stroke.points, float)
    way = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(corners, axis=0).T))])
    count = int(np.clip(1 + way[-1] // STROKE_STEP_PX, 1 if way[-1] == 0 else 2, STROKE_CLICKS))
    at = np.linspace(0, way[-1], count) if count > 1 else np.array([0.0])
    return [
        Point(float(x), float(y), stroke.keep, stroke.frame, stroke.object)
        for x, y in zip(np.interp(at, way, corners[:, 0]), np.interp(at, way, corners[:, 1]), strict=True)
    ]


def answer(masks: Mapping[int, Mask], confidence: Mapping[int, float], asked: Mapping[int, Asked]) -> Segmented:
    """Masks that do not overlap.

    Raises NothingFound for an object that is empty, unless it was known before, or described and clicked away.
    """
    for number in sorted(masks):
        is_clicked_away = asked[number].words is not None and asked[number].places(keep=False)
        if not masks[number].any() and asked[number].base is None and not is_clicked_away:
            what = f"'{asked[number].words}'" if asked[number].words else "no object"
            said = "was not found in the picture" if asked[number].words else "was found where the prompts point"
            raise NothingFound(f"object {number}: {what} {said}; say it with other words, or click on its middle")
    return Segmented(apart(masks), dict(confidence))


def apart(masks: Mapping[int, Mask]) -> dict[int, Mask]:
    """Masks bool [H, W] that do not overlap: where two meet, the smaller object is in front."""
    labels = np.zeros(next(iter(masks.values())).shape, np.int32)
    for number in sorted(masks, key=lambda number: (-np.count_nonzero(masks[number]), number)):
        labels[masks[number]] = number
    return {number: labels == number for number in masks}
