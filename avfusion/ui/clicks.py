"""Clicks and strokes on the displayed picture -> prompts in pixels of the full frame. Plain values, no widgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from avfusion.clip import Box, Clip, Point, Prompt, Scribble, Words

Tool = Literal["keep", "drop", "box", "scribble"]
Place = tuple[float, float]

_SHOWN_AT_MOST_PX = 1280
# A browser shrinks pictures to fit and never enlarges them, so a small clip is enlarged before it is sent.
_SHOWN_AT_LEAST_PX = 960
# How wide a stroke is drawn on the displayed picture.
_STROKE_SHOWN_PX = 10


@dataclass(frozen=True)
class Corner:
    """The first corner of a box that still lacks its second."""

    x: float
    y: float
    frame: int


@dataclass(frozen=True)
class Selection:
    """What a visitor has said so far, in order, the box they have begun, and the object that their clicks go to.

    past, future: the logs before and after this one, for undo and redo; the nearest one is the last of `past` and the
    first of `future`. They are no part of what is selected.
    """

    prompts: tuple[Prompt, ...] = ()
    corner: Corner | None = None
    chosen: int = 1
    past: tuple[tuple[Prompt, ...], ...] = field(default=(), compare=False, repr=False)
    future: tuple[tuple[Prompt, ...], ...] = field(default=(), compare=False, repr=False)

    def on_frame(self, frame: int) -> tuple[Prompt, ...]:
        return tuple(prompt for prompt in self.prompts if prompt.frame == frame)

    @property
    def marked(self) -> tuple[int, ...]:
        """The objects that prompts name."""
        return tuple(sorted({prompt.object for prompt in self.prompts}))

    @property
    def objects(self) -> tuple[int, ...]:
        """Those and the chosen one, which may have no prompt yet."""
        return tuple(sorted({*self.marked, self.chosen}))

    def begins_on(self, number: int) -> int:
        """The frame of an object's first prompt in the log."""
        return next(prompt.frame for prompt in self.prompts if prompt.object == number)


def shown_size(clip: Clip) -> tuple[int, int]:
    """(width, height) of the picture that the page shows for a frame: square pixels, 960 to 1280 on the long side."""
    width = clip.width_px * float(clip.pixel_aspect)
    long_side = max(width, clip.height_px)
    scale = min(max(1.0, _SHOWN_AT_LEAST_PX / long_side), _SHOWN_AT_MOST_PX / long_side)
    return max(1, round(width * scale)), max(1, round(clip.height_px * scale))


def to_frame(clip: Clip, x_shown: float, y_shown: float) -> Place:
    """(x, y) of the full-frame pixel whose area lies under a point of the displayed picture, 0 at its left edge."""
    shown_width, shown_height = shown_size(clip)
    x = int(x_shown * clip.width_px / shown_width)
    y = int(y_shown * clip.height_px / shown_height)
    return float(min(max(x, 0), clip.width_px - 1)), float(min(max(y, 0), clip.height_px - 1))


def to_shown(clip: Clip, x: float, y: float) -> tuple[int, int]:
    """Where the middle of a full-frame pixel lies in the displayed picture."""
    shown_width, shown_height = shown_size(clip)
    return round((x + 0.5) * shown_width / clip.width_px), round((y + 0.5) * shown_height / clip.height_px)


def stroke_width_px(clip: Clip) -> float:
    """How wide a stroke is in the full frame."""
    return max(1.0, _STROKE_SHOWN_PX * clip.width_px / shown_size(clip)[0])


def clicked(selection: Selection, x: float, y: float, *, frame: int, tool: Tool, keep: bool = True) -> Selection:
    """The selection after a click on pixel (x, y) of a frame. A box needs two clicks on the same frame.

    keep: whether a scribble, of which this is a short one, keeps or drops.
    """
    if tool != "box":
        keeps = keep if tool == "scribble" else tool == "keep"
        return _with(selection, Point(x, y, keep=keeps, frame=frame, object=selection.chosen))
    first = selection.corner
    if first is None or first.frame != frame:
        return replace(selection, corner=Corner(x, y, frame))
    return _boxed(selection, (first.x, first.y), (x, y), frame)


def dragged(
    selection: Selection, places: Sequence[Place], *, frame: int, tool: Tool, keep: bool, width_px: float
) -> Selection:
    """The selection after the pointer was dragged through pixels of a frame: a box, a stroke, or else a click."""
    if tool == "box":
        return _boxed(selection, places[0], places[-1], frame)
    if tool != "scribble" or len(set(places)) == 1:
        return clicked(selection, *places[0], frame=frame, tool=tool, keep=keep)
    path = tuple(place for place, before in zip(places, [None, *places], strict=False) if place != before)
    return _with(selection, Scribble(path, keep, width_px, frame, selection.chosen))


def described(selection: Selection, text: str, *, frame: int) -> Selection:
    """The selection after words were typed while a frame was looked at."""
    return _with(selection, Words(" ".join(text.split()), frame, selection.chosen))


def _boxed(selection: Selection, first: Place, second: Place, frame: int) -> Selection:
    (x0, x1), (y0, y1) = (sorted(pair) for pair in zip(first, second, strict=True))
    return _with(selection, Box(x0, y0, x1 + 1, y1 + 1, frame=frame, object=selection.chosen))


def _with(selection: Selection, prompt: Prompt) -> Selection:
    return _changed(selection, (*selection.prompts, prompt))


def _changed(selection: Selection, prompts: tuple[Prompt, ...]) -> Selection:
    """A new log; the one before can be had back, those that were undone cannot."""
    return replace(selection, prompts=prompts, corner=None, past=(*selection.past, selection.prompts), future=())


def emptied(selection: Selection) -> Selection:
    """No prompts. It can be undone."""
    return Selection() if not selection.prompts else replace(_changed(selection, ()), chosen=1)


def without_object(selection: Selection, number: int) -> Selection:
    """Without all prompts of an object; the clicks go to the first one that is left. It can be undone."""
    left = tuple(prompt for prompt in selection.prompts if prompt.object != number)
    if left != selection.prompts:
        selection = _changed(selection, left)
    return replace(selection, chosen=min((other for other in selection.objects if other != number), default=1))


def choosing(selection: Selection, number: int) -> Selection:
    """Clicks go to this object from now on. A box that was begun is forgotten."""
    return replace(selection, chosen=number, corner=None)


def with_another(selection: Selection) -> Selection:
    """Clicks go to a new object, unless the chosen one is still without any."""
    if selection.chosen not in selection.marked:
        return selection
    return choosing(selection, max(selection.objects) + 1)


def undone(selection: Selection) -> Selection:
    """Without the first corner of an unfinished box, or else as before the last change of the log."""
    if selection.corner is not None:
        return replace(selection, corner=None)
    if not selection.past:
        return selection
    *past, before = selection.past
    return _moved(replace(selection, past=tuple(past), future=(selection.prompts, *selection.future)), before)


def redone(selection: Selection) -> Selection:
    """What was undone last is done again."""
    if not selection.future:
        return selection
    after, *future = selection.future
    return _moved(replace(selection, past=(*selection.past, selection.prompts), future=tuple(future)), after)


def _moved(selection: Selection, prompts: tuple[Prompt, ...]) -> Selection:
    """The chosen object stays, unless others are marked and it is not."""
    moved = replace(selection, prompts=prompts, corner=None)
    if moved.marked and moved.chosen not in moved.marked:
        return replace(moved, chosen=moved.marked[-1])
    return moved


def changed_frame(before: Selection, after: Selection) -> int | None:
    """The frame of the last prompt in which two logs differ; None where they are the same."""
    shorter, longer = sorted((before.prompts, after.prompts), key=len)
    different = [prompt for prompt in longer if prompt not in shorter]
    return different[-1].frame if different else None


def fresh(prompts: Sequence[Prompt], known: Sequence[Prompt]) -> tuple[Prompt, ...]:
    """What a log says after the part that another one begins with as well."""
    same = 0
    while same < min(len(prompts), len(known)) and prompts[same] == known[same]:
        same += 1
    return tuple(prompts[same:])
