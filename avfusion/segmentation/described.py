"""What engines share that find whatever they are told in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from avfusion.clip import Mask, Prompt, Rgb
from avfusion.segmentation import Motion, Segmented
from avfusion.segmentation.asked import Asked, answer, read_asked
from avfusion.segmentation.segments import Segments, pick, pieces


class DescribedModel(Protocol):
    def find(self, rgb: Rgb, words: str) -> Segments:
        """Every instance of what the words say."""
        ...


class Described:
    """An engine that takes words; clicks and boxes then say which of the instances are meant."""

    def __init__(self, name: str, model: DescribedModel) -> None:
        self.name = name
        self._model = model

    def segment(
        self,
        rgb: Rgb,
        prompts: Sequence[Prompt],
        *,
        prior: Mapping[int, Mask] | None = None,
        motion: Motion | None = None,
    ) -> Segmented:
        """As `Segmenter.segment`; an object needs words, or something known. What is known and not described loses the
        parts that are clicked away. confidence: the mean score of the instances; 1 for a mask that was drawn."""
        asked = read_asked(prompts, (rgb.shape[0], rgb.shape[1]), self.name, prior=prior, words=True, places=False)
        masks: dict[int, Mask] = {}
        confidence: dict[int, float] = {}
        for number, wanted in asked.items():
            if wanted.is_given and wanted.base is not None:
                masks[number], confidence[number] = wanted.base, 1.0
                continue
            segments = self._segments(rgb, wanted)
            masks[number], confidence[number] = pick(segments, wanted, range(len(segments.labels)))
        return answer(masks, confidence, asked)

    def _segments(self, rgb: Rgb, wanted: Asked) -> Segments:
        if wanted.words is not None:
            return self._model.find(rgb, wanted.words)
        assert wanted.base is not None
        parts = pieces(np.ascontiguousarray(wanted.base))
        count = int(parts.max()) + 1
        return Segments(parts, ("",) * count, (1.0,) * count)
