"""The engine `grounding-dino-tiny`: words to boxes by Grounding DINO, each box to a mask by SAM 2.1.

S. Liu et al., "Grounding DINO: Marrying DINO with Grounded Pre-Training for Open-Set Object Detection", ECCV 2024;
through transformers.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from avfusion.clip import Box, Rgb
from avfusion.segmentation.described import Described, things
from avfusion.segmentation.pretrained import load_model, load_processor
from avfusion.segmentation.promptable import Promptable
from avfusion.segmentation.sam2 import load_sam2
from avfusion.segmentation.segments import Segments, layered
from avfusion.segmentation.torch_device import halved

BOX_SCORE, WORD_SCORE = 0.25, 0.25
"""The least score of a box, and of a word in it: transformers' own."""


class GroundingDino:
    """The network on its device."""

    def __init__(self, model: Any, processor: Any) -> None:
        self._model = model
        self._processor = processor

    def boxes(
        self, rgb: Rgb, said: Sequence[str], *, box_score: float = BOX_SCORE, word_score: float = WORD_SCORE
    ) -> list[tuple[Box, float]]:
        """Every instance of the things that are said, with its score, within the picture. said: in small letters."""
        import torch

        # The network was taught with small letters and a full stop after each thing.
        text = ". ".join(said) + "."
        inputs = self._processor(images=rgb, text=text, return_tensors="pt").to(self._model.device)
        with torch.inference_mode(), halved(self._model.device):
            outputs = self._model(**inputs)
        found = self._processor.post_process_grounded_object_detection(
            outputs, inputs["input_ids"], threshold=box_score, text_threshold=word_score, target_sizes=[rgb.shape[:2]]
        )[0]
        corners = found["boxes"].float().cpu().numpy().clip(0, [rgb.shape[1], rgb.shape[0]] * 2)
        scores = found["scores"].float().cpu().numpy()
        return [
            (Box(x0, y0, x1, y1), score)
            for (x0, y0, x1, y1), score in zip(corners.tolist(), scores.tolist(), strict=True)
            if x1 > x0 and y1 > y0
        ]


class _Grounding:
    def __init__(self, dino: GroundingDino, sam: Promptable) -> None:
        self._dino = dino
        self._sam = sam

    def find(self, rgb: Rgb, words: str) -> Segments:
        """Where two instances meet, the smaller one is in front."""
        boxes = self._dino.boxes(rgb, things(words))
        masks = [self._sam.in_box(rgb, box) for box, _ in boxes]
        size = (rgb.shape[0], rgb.shape[1])
        return layered(size, masks, [words] * len(boxes), [score for _, score in boxes])


def load_boxes(folder: Path, *, device: str) -> GroundingDino:
    """The network alone, from a folder of the hub. Raises CannotRead and EngineNotReady."""
    model = load_model(folder, "GroundingDinoForObjectDetection", device)
    return GroundingDino(model, load_processor(folder, "GroundingDinoProcessor"))


def load_grounding_dino(folder: Path, sam_folder: Path, *, name: str, device: str) -> Described:
    """The engine of that name, from two folders of the hub. Raises CannotRead and EngineNotReady."""
    dino = load_boxes(folder, device=device)
    return Described(name, _Grounding(dino, load_sam2(sam_folder, name=name, device=device)))
