"""What AL-Ref-SAM 2 is put together from: ears, eyes, and whoever decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from avfusion.clip import Box, Rgb
from avfusion.segmentation.grounding import GroundingDino
from avfusion.segmentation.sam3 import Sam3
from avfusion.sounding import Locator
from avfusion.sounding.gating import Ears
from avfusion.sounding.planner import Detection, Planner
from avfusion.sounding.tagging import Tagger


class Detector(Protocol):
    """Finds in a picture what words say."""

    def find(self, rgb: Rgb, words: str, *, box_score: float, word_score: float) -> tuple[Detection, ...]:
        """The surest first. box_score, word_score: what a box, and a word in it, must have at least."""
        ...


@dataclass(frozen=True, eq=False)
class Parts:
    """planner: a fresh one for each run, since it counts its questions. rough: another engine, whose map of where the
    sound comes from helps to choose among boxes; None for none."""

    tagger: Tagger
    ears: Ears
    detector: Detector
    planner: Callable[[], Planner]
    rough: Locator | None = None


class DinoDetector:
    """Boxes by Grounding DINO; SAM 2 makes masks of them where the prompts go."""

    def __init__(self, dino: GroundingDino) -> None:
        self._dino = dino

    def find(self, rgb: Rgb, words: str, *, box_score: float, word_score: float) -> tuple[Detection, ...]:
        # The words are one thing, whatever commas are in them: a description is taken as a whole.
        said = words.lower().replace(".", " ").strip()
        boxes = self._dino.boxes(rgb, [said], box_score=box_score, word_score=word_score)
        return tuple(Detection(box, score) for box, score in sorted(boxes, key=lambda each: -each[1]))


class Sam3Detector:
    """Masks by SAM 3, which has its own least score; there is no word in a box to be sure of."""

    def __init__(self, sam3: Sam3) -> None:
        self._sam3 = sam3

    def find(self, rgb: Rgb, words: str, *, box_score: float, word_score: float) -> tuple[Detection, ...]:
        segments = self._sam3.find(rgb, words)
        found = []
        for number, score in enumerate(segments.scores):
            mask = segments.number == number
            if mask.any() and score >= box_score:
                x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
                found.append(Detection(Box(x, y, x + width, y + height), score, mask))
        return tuple(sorted(found, key=lambda each: -each.score))
