"""The engines `sam-vit-b`, `sam-vit-l`, `sam-vit-h`: SAM through the segment-anything package.

A. Kirillov et al., "Segment Anything", ICCV 2023.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

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

        prompts = self._sam.prompt_encoder
        with torch.inference_mode():
            sparse, dense = prompts(**self._prompts(embedding, asked))
            low, scores = self._sam.mask_decoder(
                image_embeddings=embedding.features,
                image_pe=prompts.get_dense_pe(),
                sparse_prompt_embeddings=sparse,
                dense_prompt_embeddings=dense,
                multimask_output=several,
            )
            logits = self._sam.postprocess_masks(low, embedding.input_size, embedding.size)
            masks = logits[0] > self._sam.mask_threshold
        return Decoded(masks.cpu().numpy(), scores[0].float().cpu().numpy())

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
        share = side / self._sam.image_encoder.img_size
        height, width = (max(1, round(length * share)) for length in embedding.input_size)
        logits = np.full((side, side), -KNOWN_LOGIT, np.float32)
        assert asked.base is not None
        logits[:height, :width] = known_logits(asked.base, (height, width))
        return logits


def load_sam(path: Path, *, name: str, device: str) -> Promptable:
    """The engine of that name, from a checkpoint file of the authors. Raises CannotRead."""
    return Promptable(name, _Sam(read_sam(path).to(device)))
