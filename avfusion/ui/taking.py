"""What goes from one tab to another: masks from Compare and Sounding, and what the runs of a tab are made from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
import numpy as np

from avfusion.clip import Clip, Drawn, Mask
from avfusion.ui.clicks import Selection
from avfusion.ui.compare_visit import Answers


@dataclass(frozen=True, eq=False)
class Taken:
    """A mask that goes to another tab: bool [H, W] on a frame of a clip. said: where it comes from, for the visitor.

    more: the same thing's masks on other frames, where those are known too.
    """

    clip: Clip
    frame: int
    mask: Mask
    said: str
    more: tuple[Drawn, ...] = ()

    @property
    def selection(self) -> Selection:
        """What is selected in the other tab."""
        return Selection((Drawn(self.mask, frame=self.frame), *self.more))


@dataclass(frozen=True)
class Target:
    """A tab to which masks can be taken.

    receive(*inputs, taken) gives the values of `outputs`. place: the tab's visit, and its scrubber.
    """

    tab: str
    inputs: Sequence[Any]
    outputs: Sequence[Any]
    receive: Callable[..., Sequence[Any]]
    place: Sequence[Any] = ()


@dataclass(frozen=True)
class Source:
    """What the runs of a tab are made from, for another tab: its visit, and the components with the choices."""

    visit: gr.State
    choices: Sequence[Any]


def taken_from(answers: Answers, engine: str, frame: int, at: Sequence[float] | None) -> Taken | str:
    """The mask of an engine on a frame, or why there is none to take.

    at: where the picture was pressed, in parts 0..1 of its width and height. Where engines showed everything, the part
    that lies there is taken.
    """
    answer = answers.of(engine)
    if answer is None or answer.masks is None:
        return "There is no mask to take."
    place = answers.place(frame)
    if not 0 <= place < answer.masks.frame_count:
        return "There is no mask to take on that frame."
    if not answers.asked.everything:
        mask = answer.masks.union(place)
        said = f"The mask that {engine} made of frame {frame}."
        return Taken(answers.asked.clip, frame, mask, said) if mask.any() else "That mask is empty."
    if at is None:
        return "Click the part of the picture that is to be taken."
    labels = answer.masks.labels(place)
    height, width = labels.shape
    row, column = (min(int(part * length), length - 1) for part, length in ((at[1], height), (at[0], width)))
    number = int(labels[max(row, 0), max(column, 0)])
    if number == 0:
        return f"{engine} found nothing there. Click one of the coloured parts."
    name = answer.labels[number - 1] if number <= len(answer.labels) else ""
    said = f"The part {f'“{name}” ' if name else ''}that {engine} found on frame {frame}."
    return Taken(answers.asked.clip, frame, np.asarray(labels == number), said)
