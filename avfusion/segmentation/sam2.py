"""The engines `sam2.1-tiny`, `-small`, `-base-plus`, `-large` for single pictures: SAM 2.1 through transformers.

N. Ravi et al., "SAM 2: Segment Anything in Images and Videos", ICLR 2025.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Rgb
from avfusion.segmentation.asked import Asked
from avfusion.segmentation.automatic import AutomaticSettings
from avfusion.segmentation.pretrained import load_model, load_processor
from avfusion.segmentation.promptable import Decoded, Promptable, known_logits
from avfusion.segmentation.torch_device import halved

AS_SAM2 = AutomaticSettings(least_score=0.8)
"""For everything in a picture: the defaults of the authors' generator for SAM 2."""


@dataclass(frozen=True, eq=False)
class Sam2Embedding:
    """maps: feature maps [1, C, h, w], from fine to coarse. size: (height, width) of the picture."""

    maps: list[Any]
    size: tuple[int, int]


class Sam2:
    """A model with the inputs of transformers' Sam2Model, and its processor."""

    def __init__(self, model: Any, processor: Any) -> None:
        self._model = model
        self._processor = processor

    def encode(self, rgb: Rgb) -> Sam2Embedding:
        import torch

        pixels = self._pixels(rgb)
        with torch.inference_mode(), halved(self._model.device):
            maps = [each.float() for each in self._model.get_image_embeddings(pixels)]
        return Sam2Embedding(maps, (rgb.shape[0], rgb.shape[1]))

    def decode(self, embedding: Sam2Embedding, asked: Asked, *, several: bool) -> Decoded:
        import torch

        with torch.inference_mode():
            found = self._decoded(embedding, several=several, **self._prompts(embedding, asked))
            masks = self.enlarge(embedding, found.pred_masks[0, 0]) > 0
        return Decoded(masks.cpu().numpy(), found.iou_scores[0, 0].cpu().numpy())

    def decode_clicks(self, embedding: Sam2Embedding, places: NDArray[np.float64]) -> tuple[Any, Any]:
        points = self._scaled(embedding, input_points=[[[place] for place in places.tolist()]])
        found = self._decoded(embedding, several=True, **points)
        return found.pred_masks[0], found.iou_scores[0]

    def enlarge(self, embedding: Sam2Embedding, logits: Any) -> Any:
        return self._processor.post_process_masks(logits[None, None], [embedding.size], binarize=False)[0][0]

    def shown(self, embedding: Sam2Embedding) -> tuple[float, float]:
        height, width = embedding.maps[0].shape[-2:]
        return float(height), float(width)

    def _pixels(self, rgb: Rgb) -> Any:
        return self._processor(images=rgb, return_tensors="pt")["pixel_values"].to(self._model.device)

    def _decoded(self, embedding: Sam2Embedding, *, several: bool, **given: Any) -> Any:
        return self._model(image_embeddings=list(embedding.maps), multimask_output=several, **given)

    def _prompts(self, embedding: Sam2Embedding, asked: Asked) -> dict[str, Any]:
        """The model's inputs for one object."""
        import torch

        given: dict[str, Any] = {}
        if asked.clicks:
            given["input_points"] = [[[[click.x, click.y] for click in asked.clicks]]]
            given["input_labels"] = [[[int(click.keep) for click in asked.clicks]]]
        if asked.box is not None:
            given["input_boxes"] = [[[asked.box.x0, asked.box.y0, asked.box.x1, asked.box.y1]]]
        if given:
            given = self._scaled(embedding, **given)
        if asked.base is not None:
            size = self._model.prompt_encoder.mask_input_size
            given["input_masks"] = torch.from_numpy(known_logits(asked.base, size))[None, None].to(self._model.device)
        return given

    def _scaled(self, embedding: Sam2Embedding, **given: Any) -> dict[str, Any]:
        """Lists in the picture's pixels -> tensors in the encoder's, by the processor's own rule."""
        inputs = self._processor(original_sizes=[list(embedding.size)], return_tensors="pt", **given)
        return {name: inputs[name].to(self._model.device) for name in given}


def load_sam2(folder: Path, *, name: str, device: str) -> Promptable:
    """The engine of that name, from a folder of the hub. Raises CannotRead and EngineNotReady."""
    model = Sam2(load_model(folder, "Sam2Model", device), load_processor(folder, "Sam2Processor"))
    return Promptable(name, model, AS_SAM2)
