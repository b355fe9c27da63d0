"""image + prompts -> masks. One engine a file, all of them `Segmenter`s."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from avfusion.clip import Mask, Prompt, Rgb


@dataclass(frozen=True, eq=False)
class Segmented:
    """masks: object number -> bool [H, W], never overlapping. confidence: object number -> 0..1."""

    masks: Mapping[int, Mask]
    confidence: Mapping[int, float]


class Segmenter(Protocol):
    """Finds the objects that prompts on one picture point at."""

    name: str

    def segment(self, rgb: Rgb, prompts: Sequence[Prompt]) -> Segmented: ...
