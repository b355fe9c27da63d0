"""The engine `sam3`: words to every instance of what they say, and clicks, boxes and known masks as SAM 2 takes them.

N. Carion et al., "SAM 3: Segment Anything with Concepts", 2025; through transformers. The repository on the hub holds
the model for videos, of which the detector for words and the part for clicks are parts; they look at a picture through
one trunk, which runs once for both.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avfusion.clip import Mask, Rgb
from avfusion.errors import UsageError
from avfusion.segmentation.asked import Asked
from avfusion.segmentation.described import things
from avfusion.segmentation.pretrained import load_model, load_processor
from avfusion.segmentation.promptable import Promptable
from avfusion.segmentation.sam2 import AS_SAM2, Sam2, Sam2Embedding
from avfusion.segmentation.segments import Segments, layered, pick
from avfusion.segmentation.torch_device import halved

INSTANCE_SCORE = 0.5
"""The least score of an instance: the authors' own."""


@dataclass(frozen=True, eq=False)
class _Embedding(Sam2Embedding):
    """seen: what the detector's image encoder makes of the picture."""

    seen: Any


class Sam3(Promptable):
    """Words give every instance of what they say, and clicks and boxes then say which of them are meant; an object
    without words is worked out from its clicks, its box or what is known of it.

    confidence: the mean score of the instances, or the overlap that the model expects.
    """

    takes_words = True
    _model: _Sam3

    def __init__(self, name: str, model: _Sam3) -> None:
        super().__init__(name, model, AS_SAM2)

    def find(self, rgb: Rgb, words: str) -> Segments:
        """Every instance of what the words say; where two meet, the smaller one is in front."""
        return self._model.find(self._embeddings.of(rgb), words)

    def _one(self, rgb: Rgb, wanted: Asked) -> tuple[Mask, float]:
        if wanted.words is None:
            return super()._one(rgb, wanted)
        segments = self.find(rgb, wanted.words)
        return pick(segments, wanted, range(len(segments.labels)))


class _Sam3(Sam2):
    def __init__(self, detector: Any, detector_processor: Any, clicked: Any, clicked_processor: Any) -> None:
        super().__init__(clicked, clicked_processor)
        self._detector = detector
        self._detector_processor = detector_processor
        self._trunk = _share_trunk(detector, clicked)

    def encode(self, rgb: Rgb) -> _Embedding:
        import torch

        pixels = self._pixels(rgb)
        with torch.inference_mode(), halved(self._model.device):
            seen = self._detector.get_vision_features(pixels)
            maps = [each.float() for each in self._model.get_image_embeddings(pixels)]
        self._trunk.forget()
        return _Embedding(maps, (rgb.shape[0], rgb.shape[1]), seen)

    def find(self, embedding: _Embedding, words: str) -> Segments:
        import torch

        masks: list[Mask] = []
        labels: list[str] = []
        scores: list[float] = []
        for thing in things(words):
            inputs = self._detector_processor(text=thing, return_tensors="pt").to(self._model.device)
            longest = self._detector.config.text_config.max_position_embeddings
            if inputs["input_ids"].shape[1] > longest:
                raise UsageError(f"'{thing[:40]}...' is too long a description; say it in a few words")
            with torch.inference_mode(), halved(self._model.device):
                outputs = self._detector(vision_embeds=embedding.seen, **inputs)
                found = self._detector_processor.post_process_instance_segmentation(
                    outputs, threshold=INSTANCE_SCORE, target_sizes=[embedding.size]
                )[0]
            masks += list(found["masks"].bool().cpu().numpy())
            scores += found["scores"].float().tolist()
            labels += [thing] * len(found["scores"])
        return layered(embedding.size, masks, labels, scores)


def _share_trunk(detector: Any, clicked: Any) -> Any:
    """Gives both models the detector's trunk, behind a door that runs it once for the same pixels."""
    import torch

    class Once(torch.nn.Module):
        def __init__(self, trunk: Any) -> None:
            super().__init__()
            self.trunk = trunk
            self.forget()

        def forget(self) -> None:
            self._pixels, self._seen = None, None

        def forward(self, pixels: Any, **options: Any) -> Any:
            if pixels is not self._pixels:
                self._pixels, self._seen = pixels, self.trunk(pixels, **options)
            return self._seen

    shared = Once(detector.vision_encoder.backbone)
    detector.vision_encoder.backbone = clicked.vision_encoder.backbone = shared
    return shared


def load_sam3(folder: Path, *, name: str, device: str) -> Sam3:
    """The engine of that name, from a folder of the hub. Raises CannotRead and EngineNotReady."""
    detector = load_model(folder, "Sam3Model", device)
    # Its trunk goes away below: it should not be on the card first.
    clicked = load_model(folder, "Sam3TrackerModel", "cpu")
    model = _Sam3(
        detector, load_processor(folder, "Sam3Processor"), clicked, load_processor(folder, "Sam3TrackerProcessor")
    )
    clicked.to(device)
    return Sam3(name, model)
