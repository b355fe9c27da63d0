"""What engines share that find whatever they are told in words."""

from __future__ import annotations

import re
from typing import Protocol

import numpy as np

from avfusion.clip import Mask, Rgb
from avfusion.segmentation.asked import Asked
from avfusion.segmentation.one_by_one import OneByOne
from avfusion.segmentation.segments import Segments, pick, pieces


def things(words: str) -> list[str]:
    """ "A dog, cats and a car." -> "a dog", "cats", "a car": each looked for by itself."""
    parts = re.split(r",|;|\band\b", words.lower())
    return [part.strip(" .") for part in parts if part.strip(" .")]


class DescribedModel(Protocol):
    def find(self, rgb: Rgb, words: str) -> Segments:
        """Every instance of what the words say."""
        ...


class Described(OneByOne):
    """An engine that takes words; clicks and boxes then say which of the instances are meant.

    An object needs words, or something known. What is known and not described loses the parts that are clicked away.
    confidence: the mean score of the instances.
    """

    takes_places = False

    def __init__(self, name: str, model: DescribedModel) -> None:
        super().__init__(name)
        self._model = model

    def _one(self, rgb: Rgb, wanted: Asked) -> tuple[Mask, float]:
        segments = self._segments(rgb, wanted)
        return pick(segments, wanted, range(len(segments.labels)))

    def _segments(self, rgb: Rgb, wanted: Asked) -> Segments:
        if wanted.words is not None:
            return self._model.find(rgb, wanted.words)
        assert wanted.base is not None
        parts = pieces(np.ascontiguousarray(wanted.base))
        count = int(parts.max()) + 1
        return Segments(parts, ("",) * count, (1.0,) * count)
