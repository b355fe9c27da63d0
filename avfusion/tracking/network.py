"""A small U-Net that says where an object is in a picture, given a rough guess; plain functions on a dict of weights.

After O. Ronneberger, P. Fischer and T. Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation", MICCAI
2015, with a guess of the mask as an input as in A. Khoreva et al., "Learning Video Object Segmentation from Static
Images", CVPR 2017.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

Weights = dict[str, "Tensor"]

INPUTS = 4
"""Y, U, V, guess."""

FOLDED = 4
"""Pixels, 2 x 2, that are folded into channels: all work is done at half the size and below, details are kept."""

GROUPS = 4


@dataclass(frozen=True)
class NetworkSettings:
    """levels: channels at 1/2, 1/4, ... of the picture's size. All multiples of GROUPS."""

    levels: tuple[int, ...] = (32, 48, 64, 96)

    @property
    def stride(self) -> int:
        """Sides of pictures must be multiples of this."""
        return int(2 ** len(self.levels))


def fresh(settings: NetworkSettings, seed: int) -> Weights:
    """Random weights float32 (He et al. 2015), the same for the same seed."""
    import torch

    random = torch.Generator().manual_seed(seed)
    weights: Weights = {}
    for name, out, into in _layers(settings):
        spread = (2 / (9 * into)) ** 0.5
        weights[f"{name}.weight"] = spread * torch.randn(out, into, 3, 3, generator=random)
        if name.endswith(".b"):
            weights[f"{name}.scale"] = torch.ones(out)
        weights[f"{name}.shift"] = torch.zeros(out)
    weights["last.weight"] = torch.zeros(FOLDED, settings.levels[0], 1, 1)
    weights["last.bias"] = torch.zeros(FOLDED)
    return placed(weights, "cpu")


def run(weights: Weights, settings: NetworkSettings, pictures: Tensor, guess: Tensor) -> Tensor:
    """Log odds float32 [n, 1, h, w] for pictures [n, 3, h, w] in 0..1 (Y, U, V) and guesses [n, 1, h, w] in 0..1."""
    import torch
    from torch.nn import functional

    scale = pictures.new_tensor([4.0, 8.0, 8.0]).view(1, 3, 1, 1)
    inputs = torch.cat([(pictures - 0.5) * scale, 2 * guess - 1], 1)
    inner = functional.pixel_unshuffle(inputs, 2).contiguous(memory_format=torch.channels_last)
    kept = []
    for level in range(len(settings.levels)):
        if level:
            kept.append(inner)
            inner = functional.max_pool2d(inner, 2)
        inner = _step(weights, f"down{level}.b", _step(weights, f"down{level}.a", inner))
    for level in reversed(range(len(settings.levels) - 1)):
        joined = torch.cat([functional.interpolate(inner, scale_factor=2.0), kept.pop()], 1)
        inner = _step(weights, f"up{level}.b", _step(weights, f"up{level}.a", joined))
    last = functional.conv2d(inner, weights["last.weight"], weights["last.bias"])
    return functional.pixel_shuffle(last.float(), 2)


def placed(weights: Weights, device: str) -> Weights:
    """The same on a device, kernels laid out as convolutions like them."""
    import torch

    def one(value: Tensor) -> Tensor:
        layout = torch.channels_last if value.dim() == 4 else torch.contiguous_format
        return value.to(device).contiguous(memory_format=layout)

    return {name: one(value) for name, value in weights.items()}


def half_precision(device: str) -> bool:
    """Whether the device is quicker at bfloat16 than at float32."""
    import torch

    if device.startswith("cuda"):
        return True
    return device == "cpu" and bool(torch.cpu.get_capabilities().get("avx512_bf16", False))


def _layers(settings: NetworkSettings) -> list[tuple[str, int, int]]:
    """(name, channels out, channels in) of every 3x3 convolution."""
    layers = []
    before = INPUTS * FOLDED
    for level, channels in enumerate(settings.levels):
        layers += [(f"down{level}.a", channels, before), (f"down{level}.b", channels, channels)]
        before = channels
    for level in reversed(range(len(settings.levels) - 1)):
        channels = settings.levels[level]
        layers += [(f"up{level}.a", channels, before + channels), (f"up{level}.b", channels, channels)]
        before = channels
    return layers


def _step(weights: Weights, name: str, values: Tensor) -> Tensor:
    """A convolution; every second one is normalised (Y. Wu and K. He, "Group Normalization", 2018)."""
    from torch.nn import functional

    kernel, scale, shift = weights[f"{name}.weight"], weights.get(f"{name}.scale"), weights[f"{name}.shift"]
    if scale is None:
        return functional.relu(functional.conv2d(values, kernel, shift, padding=1))
    return functional.relu(functional.group_norm(functional.conv2d(values, kernel, padding=1), GROUPS, scale, shift))
