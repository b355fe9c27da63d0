"""What the SAM engines share: an image encoder that runs once a picture, and a decoder that runs for each object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Box, Mask, Rgb
from avfusion.segmentation.asked import Asked
from avfusion.segmentation.automatic import AutomaticSettings, ClickableModel, Found, everything
from avfusion.segmentation.embeddings import Embeddings
from avfusion.segmentation.one_by_one import OneByOne
from avfusion.segmentation.segments import Segments, layered

KNOWN_LOGIT = 8.0
"""How sure a mask that is handed in is, in the decoder's own unit."""

AS_SAM = AutomaticSettings()


@dataclass(frozen=True, eq=False)
class Decoded:
    """Candidates for one object. masks: bool [n, H, W]; scores: float [n], the overlap that the model expects."""

    masks: NDArray[np.bool_]
    scores: NDArray[np.floating]


class PromptableModel(ClickableModel, Protocol):
    """A model of the SAM family on its device. An embedding is whatever `encode` makes."""

    def decode(self, embedding: Any, asked: Asked, *, several: bool) -> Decoded:
        """several: three candidates, for prompts that may mean a part or the whole; else one."""
        ...


class Promptable(OneByOne):
    """An engine that turns clicks, strokes, boxes and known masks into masks with a model of the SAM family.

    One click alone may mean a part or a whole: of the model's three candidates the one with the highest score is taken,
    as its authors do. All else gives one mask. What is known of an object goes in as a mask that the clicks correct.
    confidence: the overlap that the model expects.
    """

    takes_words = False

    def __init__(self, name: str, model: PromptableModel, automatic: AutomaticSettings = AS_SAM) -> None:
        """automatic: how everything in a picture is found."""
        super().__init__(name)
        self._model = model
        self._automatic = automatic
        self._embeddings = Embeddings(model.encode)
        self._segments = Embeddings(self._parted)

    def _one(self, rgb: Rgb, wanted: Asked) -> tuple[Mask, float]:
        decoded = self.decode(rgb, wanted)
        best = int(decoded.scores.argmax())
        return decoded.masks[best], float(np.clip(decoded.scores[best], 0, 1))

    def decode(self, rgb: Rgb, asked: Asked) -> Decoded:
        """The candidates for one object."""
        several = len(asked.clicks) == 1 and asked.box is None and asked.base is None
        return self._model.decode(self._embeddings.of(rgb), asked, several=several)

    def in_box(self, rgb: Rgb, box: Box) -> Mask:
        """The one mask that the box asks for, bool [H, W]."""
        mask: Mask = self.decode(rgb, Asked(box=box)).masks[0]
        return mask

    def everything(self, rgb: Rgb) -> list[Found]:
        """All there is in the picture, the best first: a grid of clicks, as the model's authors do it."""
        return everything(self._model, rgb, self._automatic, embedding=self._embeddings.of(rgb))

    def segments(self, rgb: Rgb) -> Segments:
        """All there is in the picture, without names. The last few pictures are remembered."""
        return self._segments.of(rgb)

    def _parted(self, rgb: Rgb) -> Segments:
        found = self.everything(rgb)
        scores = [float(np.clip(each.score, 0, 1)) for each in found]
        return layered((rgb.shape[0], rgb.shape[1]), (each.mask for each in found), [""] * len(found), scores)


def known_logits(base: Mask, size: tuple[int, int]) -> NDArray[np.float32]:
    """A mask bool [H, W] as logits float32 [height, width] of `size`."""
    share = cv2.resize(base.astype(np.float32), size[::-1], interpolation=cv2.INTER_AREA)
    return ((2 * share - 1) * KNOWN_LOGIT).astype(np.float32)
