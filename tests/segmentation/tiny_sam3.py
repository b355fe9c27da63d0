"""SAM 3, a thousand times smaller, with random weights, in the layout of the hub's file."""

from pathlib import Path

import torch
from safetensors.torch import save_file

from tests.tracking.tiny_video import tiny_sam3_video


def tiny_sam3(folder: Path) -> None:
    """The folder holds the model for videos, of which those for pictures are parts, as on the hub."""
    model, _ = tiny_sam3_video(folder)
    with torch.no_grad():  # else it would be sure of nothing
        model.detector_model.detr_decoder.presence_head.layer3.bias.add_(3)
    # Since it was published, transformers has come to save the tracker's weights under other names than it reads.
    weights = {name: weight.contiguous().clone() for name, weight in model.state_dict().items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
