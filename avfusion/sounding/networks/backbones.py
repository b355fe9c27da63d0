"""From pictures to maps of four sizes: PVT v2 and ResNet of the transformers package, whole or small.

W. Wang et al., "PVT v2" (2022); K. He et al., "Deep residual learning" (CVPR 2016).
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from avfusion.errors import CannotRead
from avfusion.segmentation.pretrained import load_model
from avfusion.sounding.networks.layers import Dice, Drawn, Tensor, Weights, draw_linear, linear

MEAN = (123.675, 116.28, 103.53)
DEVIATION = (58.395, 57.12, 57.375)
"""Of ImageNet's red, green and blue in 0..255: what published backbones were trained on."""

STRIDE = 32
"""Pictures are a multiple of this wide and high."""


@dataclass(frozen=True)
class BackboneConfig:
    """widths: channels of the maps at 1/4, 1/8, 1/16 and 1/32 of the picture; depths: layers of each stage. The rest is
    for PVT v2 alone. heads: of attention; growth: of the hidden layer between; shrinking: of what is looked at, a side;
    drop_path: up to which share layers are left out in training, more towards the end."""

    kind: Literal["pvt-v2", "resnet"] = "pvt-v2"
    widths: tuple[int, ...] = (64, 128, 320, 512)
    depths: tuple[int, ...] = (3, 6, 40, 3)
    heads: tuple[int, ...] = (1, 2, 5, 8)
    growth: tuple[int, ...] = (4, 4, 4, 4)
    shrinking: tuple[int, ...] = (8, 4, 2, 1)
    drop_path: float = 0.1


PVT_V2_B5 = BackboneConfig()
PVT_V2_B0 = BackboneConfig(widths=(32, 64, 160, 256), depths=(2, 2, 2, 2), growth=(8, 8, 4, 4), drop_path=0.0)
PVT_V2_TINY = BackboneConfig(
    widths=(16, 24, 32, 48), depths=(1, 1, 1, 1), heads=(1, 2, 2, 4), growth=(4, 4, 2, 2), drop_path=0.0
)
"""For two cores and for tests; nobody published weights for it."""
RESNET_50 = BackboneConfig(kind="resnet", widths=(256, 512, 1024, 2048), depths=(3, 4, 6, 3), drop_path=0.0)


def draw_backbone(config: BackboneConfig, seed: int) -> Any:
    """A `torch.nn.Module` that knows nothing, in evaluation mode, the same for the same seed; the state of torch's own
    generators stays as it is."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return empty_backbone(config).eval()


def empty_backbone(config: BackboneConfig) -> Any:
    """The module with whatever weights the package gives it."""
    import torch

    # Modules make tensors of their own when they are imported, and keep them: those must not become shapes alone where
    # the network is drawn as such (`torch.device("meta")`).
    with torch.device("cpu"):
        transformers: Any = importlib.import_module("transformers")
        resnet, pvt = transformers.ResNetBackbone, transformers.PvtV2Backbone
    stages = ["stage1", "stage2", "stage3", "stage4"]
    if config.kind == "resnet":
        sizes = transformers.ResNetConfig(
            hidden_sizes=list(config.widths), depths=list(config.depths), out_features=stages
        )
        return resnet(sizes)
    sizes = transformers.PvtV2Config(
        hidden_sizes=list(config.widths),
        depths=list(config.depths),
        num_attention_heads=list(config.heads),
        mlp_ratios=list(config.growth),
        sr_ratios=list(config.shrinking),
        drop_path_rate=config.drop_path,
        out_features=stages,
    )
    return pvt(sizes)


def load_backbone(config: BackboneConfig, folder: Path) -> Any:
    """With the weights of a folder as transformers writes them (`pvt_v2_b5`, `resnet-50`). Raises `CannotRead`."""
    if not (folder / "config.json").is_file():
        raise CannotRead(f"{folder}: no folder of a published backbone: there is no config.json in it.")
    backbone = empty_backbone(config)
    known = load_model(folder, "ResNetModel" if config.kind == "resnet" else "PvtV2Model", "cpu")
    try:
        backbone.load_state_dict(known.state_dict())
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise CannotRead(f"{folder}: a backbone of another size than the network's: {reason}") from error
    return backbone.eval()


def maps_of(backbone: Any, rgb: Tensor) -> tuple[Tensor, ...]:
    """rgb: [N, 3, H, W] in 0..255 -> maps [N, width, h, w], the finest first."""
    import torch

    mean, deviation = (
        torch.tensor(values, device=rgb.device, dtype=torch.float32)[:, None, None] for values in (MEAN, DEVIATION)
    )
    return tuple(backbone((rgb - mean) / deviation).feature_maps)


def set_training(backbone: Any, is_training: bool) -> None:
    """Layers are left out only in training. Batch norms keep their statistics always: batches are of one clip's
    pictures, which are too alike to measure by. In training, PVT v2 draws from torch's own generator."""
    import torch

    backbone.train(is_training)
    for module in backbone.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eval()


def led_by(weights: Weights, name: str, maps: tuple[Tensor, ...], hints: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """maps with what a second backbone makes of the same pictures cut into segments, channel by channel as far as it
    helps: the SEM of COMBO (CVPR 2024), with the gates of J. Hu et al., "Squeeze-and-excitation" (CVPR 2018)."""
    led = []
    for number, (level, hint) in enumerate(zip(maps, hints, strict=True)):
        squeezed = linear(weights, f"{name}.{number}.fc1", hint.mean(dim=(2, 3))).relu()
        gate = linear(weights, f"{name}.{number}.fc2", squeezed).sigmoid()
        led.append(level + gate[:, :, None, None] * hint)
    return tuple(led)


def draw_led_by(dice: Dice, name: str, widths: tuple[int, ...]) -> Drawn:
    drawn: Drawn = {}
    for number, width in enumerate(widths):
        inner = max(width // 16, 1)
        drawn |= draw_linear(dice, f"{name}.{number}.fc1", width, inner)
        drawn |= draw_linear(dice, f"{name}.{number}.fc2", inner, width)
    return drawn
