"""What engines share that cut a whole picture into segments with names of a fixed vocabulary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from avfusion.clip import Mask, Prompt, Rgb
from avfusion.segmentation import Motion, Segmented
from avfusion.segmentation.asked import answer, read_asked
from avfusion.segmentation.embeddings import Embeddings
from avfusion.segmentation.segments import Segments, called, pick


class LabellingModel(Protocol):
    """vocabulary: every name there is."""

    @property
    def vocabulary(self) -> tuple[str, ...]: ...

    def find(self, rgb: Rgb) -> Segments: ...


class Labelled:
    """An engine that takes words (every segment so called), clicks (the segment under each) and boxes."""

    def __init__(self, name: str, model: LabellingModel) -> None:
        self.name = name
        self._model = model
        self._segments = Embeddings(model.find)

    def segments(self, rgb: Rgb) -> Segments:
        """All there is in the picture. The last few pictures are remembered."""
        return self._segments.of(rgb)

    def segment(
        self,
        rgb: Rgb,
        prompts: Sequence[Prompt],
        *,
        prior: Mapping[int, Mask] | None = None,
        motion: Motion | None = None,
    ) -> Segmented:
        """As `Segmenter.segment`. confidence: the mean score of the segments; 1 for a mask that was drawn."""
        asked = read_asked(prompts, (rgb.shape[0], rgb.shape[1]), self.name, prior=prior, words=True)
        masks: dict[int, Mask] = {}
        confidence: dict[int, float] = {}
        for number, wanted in asked.items():
            if wanted.is_given and wanted.base is not None:
                masks[number], confidence[number] = wanted.base, 1.0
                continue
            segments = self.segments(rgb)
            meant = called(segments.labels, self._model.vocabulary, wanted.words, self.name) if wanted.words else []
            masks[number], confidence[number] = pick(segments, wanted, meant)
        return answer(masks, confidence, asked)
