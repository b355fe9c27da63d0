"""The engine `clipseg`: words to a mask, the smallest of its kind.

T. Lueddecke and A. Ecker, "Image Segmentation Using Text and Image Prompts", CVPR 2022; through transformers. Its
map is 352 pixels wide and high, so outlines are coarse.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from avfusion.clip import Rgb
from avfusion.segmentation.described import Described
from avfusion.segmentation.pretrained import load_model, load_processor
from avfusion.segmentation.segments import Segments, pieces
from avfusion.segmentation.torch_device import halved


class _ClipSeg:
    def __init__(self, model: Any, processor: Any) -> None:
        self._model = model
        self._processor = processor

    def find(self, rgb: Rgb, words: str) -> Segments:
        """The parts that hang together of what is more likely than not."""
        import torch
        from torch.nn.functional import interpolate

        inputs = self._processor(text=[words], images=[rgb], padding=True, truncation=True, return_tensors="pt")
        with torch.inference_mode(), halved(self._model.device):
            logits = self._model(**inputs.to(self._model.device)).logits.float()
        map_px = logits.shape[-2:]
        full = interpolate(logits.reshape(1, 1, *map_px), rgb.shape[:2], mode="bilinear", align_corners=False)[0, 0]
        likely = full.sigmoid().cpu().numpy()
        number = pieces(likely > 0.5)
        count = int(number.max()) + 1
        inside = number >= 0
        area = np.bincount(number[inside], minlength=count)
        scores = np.bincount(number[inside], likely[inside], minlength=count) / np.maximum(area, 1)
        return Segments(number, (words,) * count, tuple(float(score) for score in scores))


def load_clipseg(folder: Path, *, name: str, device: str) -> Described:
    """The engine of that name, from a folder of the hub. Raises CannotRead and EngineNotReady."""
    model = load_model(folder, "CLIPSegForImageSegmentation", device)
    return Described(name, _ClipSeg(model, load_processor(folder, "CLIPSegProcessor")))
