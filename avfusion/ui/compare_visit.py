"""One visitor in the Compare tab: their picture or clip, clicks, true outline, and the answers they got."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from avfusion.clip import Clip, Mask
from avfusion.pipelines.compare import Answer, Comparison
from avfusion.ui.clicks import Place
from avfusion.ui.visit import Visit


@dataclass(frozen=True)
class Outline:
    """A closed line round the true object, through pixels of the full frame."""

    frame: int
    places: tuple[Place, ...]


@dataclass(frozen=True, eq=False)
class Asked:
    """What a run was asked for. Its answers are shown by this, whatever the visitor clicks meanwhile.

    frame: the one compared, or of a whole clip the one of the first prompt. everything: there were no prompts.
    """

    clip: Clip
    engines: tuple[str, ...]
    frame: int
    whole_clip: bool
    everything: bool


@dataclass(frozen=True, eq=False)
class Answers:
    """The answers so far; `comparison` and its report files once all are there."""

    asked: Asked
    answers: tuple[Answer, ...] = ()
    comparison: Comparison | None = None
    files: tuple[Path, ...] = ()

    @property
    def first(self) -> int:
        """The frame to show first: of a whole clip the one on which the engines agree least."""
        if self.asked.whole_clip and self.comparison is not None and len(self.comparison.engines) > 1:
            return self.comparison.least_agreed
        return self.asked.frame

    def place(self, frame: int) -> int:
        """The number of one of the clip's frames in the answers' masks."""
        if not self.asked.whole_clip:
            return 0
        return frame - self.comparison.frames[0] if self.comparison is not None else frame

    def of(self, engine: str) -> Answer | None:
        return next((answer for answer in self.answers if answer.engine == engine), None)


class CompareVisit(Visit):
    """A visit that also keeps a true outline and the last answers."""

    def __init__(self) -> None:
        super().__init__()
        self.outlines: tuple[Outline, ...] = ()
        self.answers: Answers | None = None
        self.has_arrived = False

    def __deepcopy__(self, memo: object) -> CompareVisit:
        """Gradio begins each session with a copy of what the page was built with: an empty visit of its own."""
        return CompareVisit()

    def forget(self) -> None:
        super().forget()
        with self.lock:
            self.outlines, self.answers = (), None

    def truth_on(self, frame: int) -> Mask | None:
        """bool [H, W] of what was outlined on a frame."""
        own = [outline.places for outline in self.outlines if outline.frame == frame]
        if self.clip is None or not own:
            return None
        filled = np.zeros((self.clip.height_px, self.clip.width_px), np.uint8)
        for places in own:
            cv2.fillPoly(filled, [np.rint(np.array(places)).astype(np.int32)], 1)
        return filled.view(np.bool_)
