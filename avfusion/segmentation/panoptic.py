"""The engines `detr-r50-panoptic` and `mask2former-swin-tiny-coco`: things and stuff, each instance for itself.

N. Carion et al., "End-to-End Object Detection with Transformers", ECCV 2020; B. Cheng et al., "Masked-attention Mask
Transformer for Universal Image Segmentation", CVPR 2022; both through transformers.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from avfusion.clip import Rgb
from avfusion.segmentation.labelled import Labelled, LabellingNetwork
from avfusion.segmentation.pretrained import load_model, load_processor
from avfusion.segmentation.segments import Segments


class _Panoptic(LabellingNetwork):
    def find(self, rgb: Rgb) -> Segments:
        outputs = self.outputs(rgb)
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
