"""What is detected on candidates, and the prompts that it becomes."""

from __future__ import annotations

from collections.abc import Callable

from avfusion.clip import Box, Drawn, Prompt
from avfusion.sounding.al_ref_parts import Detector
from avfusion.sounding.planner import Candidate, Detection

SAME = 0.8
"""Boxes that overlap more are of one thing."""


class Detections:
    """What a detector finds on candidates; the same is not looked for twice."""

    def __init__(
        self,
        shown: tuple[Candidate, ...],
        detector: Detector,
        box_score: float,
        word_score: float,
        waiting: Callable[[], None],
    ) -> None:
        """waiting: called before each of them; it may raise to stop."""
        self._shown, self._detector, self._waiting = shown, detector, waiting
        self._least = (box_score, word_score)
        self._known: dict[tuple[int, str], tuple[Detection, ...]] = {}

    def __call__(self, candidate: int, words: str) -> tuple[Detection, ...]:
        if (candidate, words) not in self._known:
            self._waiting()
            rgb, (box_score, word_score) = self._shown[candidate].rgb, self._least
            found = self._detector.find(rgb, words, box_score=box_score, word_score=word_score)
            self._known[candidate, words] = found
        return self._known[candidate, words]


def as_prompt(there: Detection, frame: int, number: int) -> Prompt:
    """The detector's own mask where it makes them, else its box."""
    if there.mask is not None:
        return Drawn(there.mask, frame=frame, object=number)
    box = there.box
    return Box(box.x0, box.y0, box.x1, box.y1, frame=frame, object=number)


def overlap(one: Box, other: Box) -> float:
    """Intersection over union of two boxes."""
    wide = max(0.0, min(one.x1, other.x1) - max(one.x0, other.x0))
    high = max(0.0, min(one.y1, other.y1) - max(one.y0, other.y0))
    both = (one.x1 - one.x0) * (one.y1 - one.y0) + (other.x1 - other.x0) * (other.y1 - other.y0)
    return wide * high / max(both - wide * high, 1e-9)
