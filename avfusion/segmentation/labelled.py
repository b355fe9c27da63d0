"""What engines share that cut a whole picture into segments with names of a fixed vocabulary."""

from __future__ import annotations

from typing import Any, Protocol

from avfusion.clip import Mask, Rgb
from avfusion.segmentation.asked import Asked
from avfusion.segmentation.embeddings import Embeddings
from avfusion.segmentation.one_by_one import OneByOne
from avfusion.segmentation.segments import Segments, called, pick
from avfusion.segmentation.torch_device import halved


class LabellingModel(Protocol):
    """vocabulary: every name there is."""

    @property
    def vocabulary(self) -> tuple[str, ...]: ...

    def find(self, rgb: Rgb) -> Segments: ...


class LabellingNetwork:
    """A network of the transformers package that labels whole pictures, and its processor."""

    def __init__(self, model: Any, processor: Any) -> None:
        self._model = model
        self._processor = processor
        self.vocabulary: tuple[str, ...] = tuple(model.config.id2label.values())

    def outputs(self, rgb: Rgb) -> Any:
        """Whatever the network says of the picture, on its device."""
        import torch

        inputs = self._processor(images=rgb, return_tensors="pt").to(self._model.device)
        with torch.inference_mode(), halved(self._model.device):
            return self._model(**inputs)


class Labelled(OneByOne):
    """An engine that takes words (every segment so called), clicks (the segment under each) and boxes.

    confidence: the mean score of the segments.
    """

    def __init__(self, name: str, model: LabellingModel) -> None:
        super().__init__(name)
        self._model = model
        self._segments = Embeddings(model.find)

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """Every name there is."""
        return self._model.vocabulary

    def segments(self, rgb: Rgb) -> Segments:
        """All there is in the picture. The last few pictures are remembered."""
        return self._segments.of(rgb)

    def _one(self, rgb: Rgb, wanted: Asked) -> tuple[Mask, float]:
        segments = self.segments(rgb)
        meant = called(segments.labels, self._model.vocabulary, wanted.words, self.name) if wanted.words else []
        return pick(segments, wanted, meant)
