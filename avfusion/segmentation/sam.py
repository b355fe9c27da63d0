"""The engines `sam-vit-b`, `sam-vit-l`, `sam-vit-h`: SAM through the segment-anything package.

A. Kirillov et al., "Segment Anything", ICCV 2023.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Rgb
from avfusion.segmentation.asked import Asked
from avfusion.segmentation.promptable import KNOWN_LOGIT, Decoded, Promptable, known_logits
from avfusion.segmentation.sam_file import read_sam
from avfusion.segmentation.torch_device import halved


@dataclass(frozen=True, eq=False)
class _Embedding:
    """features: [1, C, h, w]; input_size, size: (height, width) of the picture as the encoder saw it, and as it is."""

    features: Any
    input_size: tuple[int, int]
    size: tuple[int, int]


class _Sam:
    def __init__(self, sam: Any) -> None:
        from segment_anything.utils.transforms import ResizeLongestSide

        self._sam = sam
        self._resize = ResizeLongestSide(sam.image_encoder.img_size)

    def encode(self, rgb: Rgb) -> _Embedding:
        import torch

        small = torch.as_tensor(self._resize.apply_image(rgb), device=self._sam.device).permute(2, 0, 1)[None]
        with torch.inference_mode(), halved(self._sam.device):
            features = self._sam.image_encoder(self._sam.preprocess(small)).float()
        return _Embedding(features, (small.shape[2], small.shape[3]), (rgb.shape[0], rgb.shape[1]))

    def decode(self, embedding: _Embedding, asked: Asked, *, several: bool) -> Decoded:
        import torch

        with torch.inference_mode():
            low, scores = self._decoded(embedding, several=several, **self._prompts(embedding, asked))
            masks = self.enlarge(embedding, low[0]) > self._sam.mask_threshold
        return Decoded(masks.cpu().numpy(), scores[0].float().cpu().numpy())

    def decode_clicks(self, embedding: _Embedding, places: NDArray[np.float64]) -> tuple[Any, Any]:
        import torch

        # In double precision, as the authors' generator hands them over: so the same masks come out to the last bit.
        exact = torch.float32 if self._sam.device.type == "mps" else torch.float64
        scaled = self._resize.apply_coords(places, embedding.size)
        points = torch.as_tensor(scaled, dtype=exact, device=self._sam.device)[:, None]
        labels = torch.ones(points.shape[:2], dtype=torch.int, device=self._sam.device)
        return self._decoded(embedding, several=True, points=(points, labels), boxes=None, masks=None)

    def enlarge(self, embedding: _Embedding, logits: Any) -> Any:
        return self._sam.postprocess_masks(logits[:, None], embedding.input_size, embedding.size)[:, 0]

    def shown(self, embedding: _Embedding) -> tuple[float, float]:
        share = self._sam.prompt_encoder.mask_input_size[0] / self._sam.image_encoder.img_size
        return embedding.input_size[0] * share, embedding.input_size[1] * share

    def _decoded(self, embedding: _Embedding, *, several: bool, **given: Any) -> tuple[Any, Any]:
        """Logits [n, candidates, h, w] and scores [n, candidates] for n prompts."""
        prompts = self._sam.prompt_encoder
        sparse, dense = prompts(**given)
        low, scores = self._sam.mask_decoder(
            image_embeddings=embedding.features,
            image_pe=prompts.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=several,
        )
        return low, scores

    def _prompts(self, embedding: _Embedding, asked: Asked) -> dict[str, Any]:
        """points: ([1, n, 2], [1, n]), boxes: [1, 4], masks: [1, 1, h, w], in the encoder's pixels; None where none."""
        import torch

        def tensor(values: Any) -> Any:
            return torch.as_tensor(np.asarray(values), dtype=torch.float32, device=self._sam.device)[None]

        points = boxes = masks = None
        if asked.clicks:
            places = np.array([(click.x, click.y) for click in asked.clicks])
            labels = tensor([float(click.keep) for click in asked.clicks])
            points = (tensor(self._resize.apply_coords(places, embedding.size)), labels)
        if asked.box is not None:
            corners = np.array([asked.box.x0, asked.box.y0, asked.box.x1, asked.box.y1])
            boxes = tensor(self._resize.apply_boxes(corners, embedding.size)[0])
        if asked.base is not None:
            masks = tensor(self._known(embedding, asked))[None]
        return {"points": points, "boxes": boxes, "masks": masks}

    def _known(self, embedding: _Embedding, asked: Asked) -> Any:
        """The base as the decoder's own low-resolution logits; below and beside the picture there is nothing."""
        side = self._sam.prompt_encoder.mask_input_size[0]
        height, width = (max(1, round(length)) for length in self.shown(embedding))
        logits = np.full((side, side), -KNOWN_LOGIT, np.float32)
        assert asked.base is not None
        logits[:height, :width] = known_logits(asked.base, (height, width))
        return logits


def load_sam(path: Path, *, name: str, device: str) -> Promptable:
    """The engine of that name, from a checkpoint file of the authors. Raises CannotRead."""
    return Promptable(name, _Sam(read_sam(path).to(device)))
