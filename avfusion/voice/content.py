"""What is said, without who says it: features of ContentVec (K. Qian et al., ICML 2022) or another HuBERT
(W.-N. Hsu et al., 2021), from a folder as the hub hands it out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avfusion.errors import CannotRead
from avfusion.segmentation.pretrained import load_model
from avfusion.voice.layers import Tensor, linear
from avfusion.voice.model_file import as_weights, read_file
from avfusion.voice.one_channel import Wave

RATE_HZ = 16_000
HOP = 320
"""Samples from one frame to the next: 50 frames a second."""

WINDOW = 400
"""Samples that one frame is computed from; frame k from those at k * HOP on."""

_PROJECTED_LAYER = 9


@dataclass(frozen=True, eq=False)
class ContentEncoder:
    """A HuBERT on its device. projection: weights [256, hidden] of `final_proj`, where the folder has them."""

    folder: Path
    model: Any
    projection: dict[str, Tensor]

    def size(self, *, projected: bool) -> int:
        """Features of one frame. Raises CannotRead where there is no projection for them."""
        if not projected:
            return int(self.model.config.hidden_size)
        if not self.projection or self.model.config.num_hidden_layers < _PROJECTED_LAYER:
            raise CannotRead(
                f"{self.folder}: has no `final_proj` after a {_PROJECTED_LAYER}th layer, which voices of RVC v1 need. "
                "Give a folder of ContentVec that has it."
            )
        return int(self.projection["final_proj.weight"].shape[0])

    def features(self, wave: Wave, *, projected: bool) -> Tensor:
        """float32 [frames, size], frames = (n - WINDOW) // HOP + 1, of n samples at 16 kHz, WINDOW at least.

        projected: those of the 9th layer through `final_proj` (RVC v1); otherwise those of the last layer (v2).
        """
        import torch

        self.size(projected=projected)
        with torch.inference_mode():
            sound = torch.from_numpy(wave)[None].to(self.model.device)
            heard = self.model(sound, output_hidden_states=projected)
            if projected:
                return linear(self.projection, "final_proj", heard.hidden_states[_PROJECTED_LAYER])[0]
            return heard.last_hidden_state[0]


def read_content(folder: Path | str, *, device: str = "cpu") -> ContentEncoder:
    """The encoder in a folder with `config.json` and weights. Raises CannotRead and EngineNotReady."""
    folder = Path(folder)
    model = load_model(folder, "HubertModel", device)
    config = model.config
    stride, reach = 1, 1
    for kernel, step in zip(config.conv_kernel, config.conv_stride, strict=True):
        reach += (kernel - 1) * stride
        stride *= step
    if (stride, reach) != (HOP, WINDOW):
        raise CannotRead(
            f"{folder}: hears {reach} samples every {stride}, where voices need {WINDOW} every {HOP}. "
            "Give a ContentVec or HuBERT base."
        )
    return ContentEncoder(folder, model, {name: weight.to(device) for name, weight in _projection(folder).items()})


def _projection(folder: Path) -> dict[str, Tensor]:
    """`final_proj` is not a part of transformers' HubertModel: its two tensors are read beside it."""
    names = ("final_proj.weight", "final_proj.bias")
    if (folder / "model.safetensors").is_file():
        from safetensors import safe_open

        with safe_open(folder / "model.safetensors", "pt") as file:
            found = {name: file.get_tensor(name) for name in names if name in file.keys()}  # noqa: SIM118
    else:
        path = folder / "pytorch_model.bin"
        held = read_file(path) if path.is_file() else {}
        found = {name: held[name] for name in names if name in held}
    return as_weights(folder, found) if len(found) == len(names) else {}
