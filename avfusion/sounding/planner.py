"""Which things to look for, on which frame, and in which box: what a planner is asked.

AL-Ref-SAM 2 (S. Huang et al., "Unleashing the Temporal-Spatial Reasoning Capacity of GPT for Training-Free Audio and
Language Referenced Video Object Segmentation", AAAI 2025) asks a vision-language model, in two steps: first names and
moments, then boxes. `planner_model` does so; `planner_rules` decides by scores.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Box, Mask, Rgb
from avfusion.sounding.tagging import Tag


@dataclass(frozen=True, eq=False)
class Candidate:
    """A frame on which something could be pointed at. loudness, sharpness: 0..1 of the most among the candidates.

    heat: float32 [h, w] in 0..1, where the sound seems to come from around that time; None where nobody knows.
    """

    frame: int
    rgb: Rgb
    loudness: float = 1.0
    sharpness: float = 1.0
    heat: NDArray[np.float32] | None = None


@dataclass(frozen=True, eq=False)
class Detection:
    """A thing that a detector found for some words. mask: bool [H, W], where the detector makes them."""

    box: Box
    score: float
    mask: Mask | None = None


@dataclass(frozen=True)
class Pivot:
    """A thing to be looked for, and the candidate, by its place among them, that shows it best."""

    name: str
    candidate: int


@dataclass(frozen=True, eq=False)
class Scene:
    """What a planner knows, and whom it may ask.

    candidates: in order of time. tags: all that is heard. names: what of it could be seen, among the names that are
    allowed. labels: the names that are allowed; empty for any. detect: (place of a candidate, words) -> what is found
    there, the surest first. nearest: another name -> the most like one among `labels`, and how like it is. note: takes
    what the user should know. waiting: called many times a second while somebody thinks; it may raise to stop.
    """

    candidates: tuple[Candidate, ...]
    detect: Callable[[int, str], tuple[Detection, ...]]
    tags: tuple[Tag, ...] = ()
    names: tuple[Tag, ...] = ()
    labels: tuple[str, ...] = ()
    at_most: int = 3
    nearest: Callable[[str], tuple[str, float]] = field(default=lambda name: (name, 1.0))
    note: Callable[[str], None] = field(default=lambda words: None)
    waiting: Callable[[], None] = field(default=lambda: None)


class Planner(Protocol):
    """Decides for one run."""

    def sources(self, scene: Scene) -> tuple[Pivot, ...]:
        """What makes the sound, at most `scene.at_most` of it, each on one frame; empty if nothing in sight does."""
        ...

    def moment(self, scene: Scene, words: str) -> int | None:
        """The place of the candidate that shows best what the words say; None where none shows it."""
        ...

    def box(self, scene: Scene, candidate: int, words: str, found: tuple[Detection, ...], *, heard: bool) -> int | None:
        """Which of the things that were found there is meant, by its place; None for none of them. heard: it is the
        one that sounds; else it is the one that the words describe."""
        ...
