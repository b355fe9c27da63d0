"""The objects of a fusion: those marked in Background, and those marked in Inpaint on the same clip."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from avfusion.clip import Clip, Drawn, Prompt
from avfusion.ui import example
from avfusion.ui.drawing import Labels
from avfusion.ui.inpaint_visit import InpaintVisit
from avfusion.ui.looking import shown_labels
from avfusion.ui.visit import Visit

Tab = Literal["background", "inpaint"]


@dataclass(frozen=True)
class Marked:
    """One object. own: its number in the tab where it was marked; number: the one it has in the fusion."""

    tab: Tab
    own: int
    number: int

    @property
    def key(self) -> str:
        return f"{self.tab}-{self.own}"


@dataclass(frozen=True, eq=False)
class Objects:
    """prompts: of all objects, with their numbers here. going: keys of those that Inpaint says should go."""

    prompts: tuple[Prompt, ...] = ()
    marked: tuple[Marked, ...] = ()
    going: frozenset[str] = frozenset()

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(one.key for one in self.marked)

    def numbers(self, keys: Collection[str]) -> tuple[int, ...]:
        return tuple(one.number for one in self.marked if one.key in keys)


def gather(visit: Visit, inpaint: InpaintVisit) -> Objects:
    """visit: that of Background, whose clip it is. What is marked the same in both tabs is one object, which goes."""
    with visit.lock:
        clip, own = visit.clip, visit.selection
    if clip is None:
        return Objects()
    marked = [Marked("background", number, number) for number in own.marked]
    same = {_said(own.prompts, one.own): one.key for one in marked}
    prompts, going, last = list(own.prompts), set(), max(own.marked, default=0)
    theirs = _marked_in(inpaint, clip)
    for number in sorted({prompt.object for prompt in theirs}):
        known = same.get(_said(theirs, number))
        if known is None:
            last += 1
            marked.append(Marked("inpaint", number, last))
            prompts += [replace(prompt, object=last) for prompt in theirs if prompt.object == number]
        going.add(known or marked[-1].key)
    return Objects(tuple(prompts), tuple(marked), frozenset(going))


def _marked_in(inpaint: InpaintVisit, clip: Clip) -> tuple[Prompt, ...]:
    """What the visitor marked there; what the bundled example comes with is not what they marked."""
    with inpaint.lock:
        other, prompts = inpaint.clip, inpaint.selection.prompts
    if other is None or not is_same_clip(other, clip):
        return ()
    is_example = other.path == example.CLIP and prompts == example.selection(antenna=True).prompts
    return () if is_example else prompts


def _said(prompts: Sequence[Prompt], number: int) -> tuple[object, ...]:
    """What is said of an object, for comparison."""
    own = [prompt for prompt in prompts if prompt.object == number]
    return tuple((p.frame, id(p.mask)) if isinstance(p, Drawn) else replace(p, object=0) for p in own)


def is_same_clip(one: Clip, other: Clip) -> bool:
    """Whether two clips of a visitor are one file: their folders hold links to uploads, or copies."""
    try:
        if os.path.samefile(one.path, other.path):
            return True
        is_copy = one.path.stat().st_size == other.path.stat().st_size
    except OSError:  # one of them has just been given up
        return False
    return is_copy and one.path.name == other.path.name and np.array_equal(one.ticks, other.ticks)


def frame_of(objects: Objects, span: tuple[int, int] | None) -> int:
    """The frame that shows them best: that of the first prompt."""
    return objects.prompts[0].frame if objects.prompts else (span or (0, 0))[0]


def labels_on(
    visit: Visit, inpaint: InpaintVisit, objects: Objects, clip: Clip, frame: int, segmenter: str
) -> Labels | None:
    """uint8 [H, W], numbers as in `objects`, as far as the tabs know them on that frame. Raises what looking raises."""
    labels = shown_labels(visit, clip, frame, segmenter)
    extra = [one for one in objects.marked if one.tab == "inpaint"]
    if not extra or inpaint.clip is None:
        return labels
    theirs = shown_labels(inpaint, inpaint.clip, frame, segmenter)
    if theirs is None:
        return labels
    joined = np.zeros((clip.height_px, clip.width_px), np.uint8) if labels is None else labels.copy()
    for one in extra:
        joined[theirs == one.own] = one.number
    return joined
