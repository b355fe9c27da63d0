"""What engines with learnt weights share: prompts read, each object answered for itself, masks that do not overlap."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from avfusion.clip import Mask, Prompt, Rgb
from avfusion.segmentation import Motion, Segmented
from avfusion.segmentation.asked import Asked, answer, read_asked


class OneByOne(ABC):
    """takes_words, takes_places: which kinds of prompts can say where an object is."""

    takes_words = True
    takes_places = True

    def __init__(self, name: str) -> None:
        self.name = name

    def segment(
        self,
        rgb: Rgb,
        prompts: Sequence[Prompt],
        *,
        prior: Mapping[int, Mask] | None = None,
        motion: Motion | None = None,
    ) -> Segmented:
        """As `Segmenter.segment`. confidence: as the class says; 1 for a mask that was drawn."""
        asked = read_asked(
            prompts, (rgb.shape[0], rgb.shape[1]), self.name, prior=prior, words=self.takes_words,
            places=self.takes_places,
        )  # fmt: skip
        masks: dict[int, Mask] = {}
        confidence: dict[int, float] = {}
        for number, wanted in asked.items():
            if wanted.is_given and wanted.base is not None:
                masks[number], confidence[number] = wanted.base, 1.0
            else:
                masks[number], confidence[number] = self._one(rgb, wanted)
        return answer(masks, confidence, asked)

    @abstractmethod
    def _one(self, rgb: Rgb, wanted: Asked) -> tuple[Mask, float]:
        """Mask bool [H, W] and confidence 0..1 of one object."""
