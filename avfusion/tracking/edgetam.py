"""The engine `edgetam`: SAM 2 made small enough for a phone, through transformers.

C. Zhou et al., "EdgeTAM: On-Device Track Anything Model", CVPR 2025: a smaller image encoder, and memories that a
perceiver has summed up.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from avfusion.segmentation.pretrained import load_model, load_processor
from avfusion.tracking.sam2_video import MemoryTracker, prepared
from avfusion.tracking.video_network import VideoNetwork


def load_edgetam(folder: Path, *, name: str, device: str) -> MemoryTracker:
    """The engine of that name, from a folder of the hub. Raises CannotRead and EngineNotReady."""
    model = load_model(folder, "EdgeTamVideoModel", device)
    # The one module whose code in transformers 5.23 takes no more than one object; it is a small part of a step.
    model.spatial_perceiver = _one_by_one(model.spatial_perceiver)
    return MemoryTracker(name, VideoNetwork(model, prepared(model, load_processor(folder, "Sam2Processor"))))


def _one_by_one(module: Any) -> Any:
    """The module on a batch, as if it were called on one item after the other; two tensors in, two out."""
    import torch

    class OneByOne(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module = module

        def forward(self, *batch: Any) -> tuple[Any, ...]:
            items = zip(*(tensor.split(1) for tensor in batch), strict=True)
            return tuple(torch.cat(each) for each in zip(*(self.module(*item) for item in items), strict=True))

    return OneByOne()
