"""The engines `segformer-b0-ade` to `segformer-b5-ade`: every pixel gets one of the 150 names of ADE20K.

E. Xie et al., "SegFormer: Simple and Efficient Design for Semantic Segmentation with Transformers", NeurIPS 2021;
through transformers. The network knows no instances: a segment is a part of a class that hangs together, so a click
takes the part that it is on, and words take all parts.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from avfusion.clip import Rgb
from avfusion.segmentation.labelled import Labelled, LabellingNetwork
from avfusion.segmentation.pretrained import load_model, load_processor
from avfusion.segmentation.segments import Segments, pieces


class _Semantic(LabellingNetwork):
    def find(self, rgb: Rgb) -> Segments:
        outputs = self.outputs(rgb)
        maps = self._processor.post_process_semantic_segmentation(outputs, target_sizes=[rgb.shape[:2]])
        classes = maps[0].cpu().numpy()
        # At full size all classes' probabilities would be another 1.2 GB; how sure the network is changes slowly.
        sure = outputs.logits[0].float().softmax(0).amax(0).cpu().numpy()
        sure = cv2.resize(sure, rgb.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        number = np.full(rgb.shape[:2], -1, np.int32)
        labels: list[str] = []
        for kind in np.unique(classes):
            parts = pieces(classes == kind)
            inside = parts >= 0
            number[inside] = parts[inside] + len(labels)
            labels += [self._model.config.id2label[int(kind)]] * (int(parts.max()) + 1)
        area = np.bincount(number.ravel(), minlength=len(labels))
        scores = np.bincount(number.ravel(), sure.ravel(), minlength=len(labels)) / np.maximum(area, 1)
        return Segments(number, tuple(labels), tuple(float(score) for score in scores))


def load_segformer(folder: Path, *, name: str, device: str) -> Labelled:
    """The engine of that name, from a folder of the hub. Raises CannotRead and EngineNotReady."""
    model = load_model(folder, "SegformerForSemanticSegmentation", device)
    return Labelled(name, _Semantic(model, load_processor(folder, "SegformerImageProcessor")))
