"""What the SAM engines share: an image encoder that runs once a picture, and a decoder that runs for each object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Box, Mask, Prompt, Rgb
from avfusion.segmentation import Motion, Segmented
from avfusion.segmentation.asked import Asked, answer, read_asked
from avfusion.segmentation.embeddings import Embeddings

KNOWN_LOGIT = 8.0
"""How sure a mask that is handed in is, in the decoder's own unit."""


@dataclass(frozen=True, eq=False)
class Decoded:
    """Candidates for one object. masks: bool [n, H, W]; scores: float [n], the overlap that the model expects."""

    masks: NDArray[np.bool_]
    scores: NDArray[np.floating]


class PromptableModel(Protocol):
    """A model of the SAM family on its device. An embedding is whatever `encode` makes."""

    def encode(self, rgb: Rgb) -> Any: ...

    def decode(self, embedding: Any, asked: Asked, *, several: bool) -> Decoded:
        """several: three candidates, for prompts that may mean a part or the whole; else one."""
        ...


class Promptable:
    """An engine that turns clicks, strokes, boxes and known masks into masks with a model of the SAM family.

    One click alone may mean a part or a whole: of the model's three candidates the one with the highest score is taken,
    as its authors do. All else gives one mask. What is known of an object goes in as a mask that the clicks correct.
    """

    def __init__(self, name: str, model: PromptableModel) -> None:
        self.name = name
        self._model = model
        self._embeddings = Embeddings(model.encode)

    def segment(
        self,
        rgb: Rgb,
        prompts: Sequence[Prompt],
        *,
        prior: Mapping[int, Mask] | None = None,
        motion: Motion | None = None,
    ) -> Segmented:
        """As `Segmenter.segment`. confidence: the overlap that the model expects; 1 for a mask that was drawn."""
        asked = read_asked(prompts, (rgb.shape[0], rgb.shape[1]), self.name, prior=prior)
        masks: dict[int, Mask] = {}
        confidence: dict[int, float] = {}
        for number, wanted in asked.items():
            if wanted.is_given and wanted.base is not None:
                masks[number], confidence[number] = wanted.base, 1.0
                continue
            decoded = self.decode(rgb, wanted)
            best = int(decoded.scores.argmax())
            masks[number], confidence[number] = decoded.masks[best], float(np.clip(decoded.scores[best], 0, 1))
        return answer(masks, confidence, asked)

    def decode(self, rgb: Rgb, asked: Asked) -> Decoded:
        """The candidates for one object."""
        several = len(asked.clicks) == 1 and asked.box is None and asked.base is None
        return self._model.decode(self._embeddings.of(rgb), asked, several=several)

    def in_box(self, rgb: Rgb, box: Box) -> Mask:
        """The one mask that the box asks for, bool [H, W]."""
        mask: Mask = self.decode(rgb, Asked(box=box)).masks[0]
        return mask


def known_logits(base: Mask, size: tuple[int, int]) -> NDArray[np.float32]:
    """A mask bool [H, W] as logits float32 [height, width] of `size`."""
    share = cv2.resize(base.astype(np.float32), size[::-1], interpolation=cv2.INTER_AREA)
    return ((2 * share - 1) * KNOWN_LOGIT).astype(np.float32)
