"""The engines `detr-r50-panoptic` and `mask2former-swin-tiny-coco`: things and stuff, each instance for itself.

N. Carion et al., "End-to-End Object Detection with Transformers", ECCV 2020; B. Cheng et al., "Masked-attention Mask
Transformer for Universal Image Segmentation", CVPR 2022; both through transformers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from avfusion.clip import Rgb
from avfusion.segmentation.labelled import Labelled
from avfusion.segmentation.pretrained import load_model, load_processor
from avfusion.segmentation.segments import Segments
from avfusion.segmentation.torch_device import halved


class _Panoptic:
    def __init__(self, model: Any, processor: Any) -> None:
        self._model = model
        self._processor = processor
        self.vocabulary = tuple(model.config.id2label.values())

    def find(self, rgb: Rgb) -> Segments:
        import torch

        inputs = self._processor(images=rgb, return_tensors="pt").to(self._model.device)
        with torch.inference_mode(), halved(self._model.device):
            outputs = self._model(**inputs)
        # Nothing is fused: two people are two segments, and words still find both.
        found = self._processor.post_process_panoptic_segmentation(
            outputs, target_sizes=[rgb.shape[:2]], label_ids_to_fuse=set()
        )[0]
        raw = found["segmentation"].cpu().numpy()
        number = np.full(rgb.shape[:2], -1, np.int32)
        for position, segment in enumerate(found["segments_info"]):
            number[raw == segment["id"]] = position
        labels = tuple(self._model.config.id2label[segment["label_id"]] for segment in found["segments_info"])
        return Segments(number, labels, tuple(float(segment["score"]) for segment in found["segments_info"]))


def load_detr(folder: Path, *, name: str, device: str) -> Labelled:
    """The engine of that name, from a folder of the hub. Raises CannotRead and EngineNotReady."""
    model = load_model(folder, "DetrForSegmentation", device)
    return Labelled(name, _Panoptic(model, load_processor(folder, "DetrImageProcessor")))


def load_mask2former(folder: Path, *, name: str, device: str) -> Labelled:
    """The engine of that name, from a folder of the hub. Raises CannotRead and EngineNotReady."""
    model = load_model(folder, "Mask2FormerForUniversalSegmentation", device)
    return Labelled(name, _Panoptic(model, load_processor(folder, "Mask2FormerImageProcessor")))
