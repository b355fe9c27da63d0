"""VGGish: a convolutional network that turns one log-mel example into a vector. Its weights have their published names.

S. Hershey et al., "CNN architectures for large-scale audio classification" (ICASSP 2017); as published for AudioSet, in
the names of its port to PyTorch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from avfusion.sounding.networks.layers import Dice, Drawn, Tensor, Weights, conv2d, linear
from avfusion.sounding.networks.log_mel import BANDS, STEPS
from avfusion.sounding.networks.stored import need_shapes

IGNORED = ("pproc.",)
"""Parts of published files that no vector here depends on: the whitening of vectors for AudioSet."""

# Convolutions between one halving of the map and the next, and the places of convolutions and linear layers among all
# layers of the published network, which also counts those without weights.
_STAGES = (1, 1, 2, 2)
_CONVOLUTIONS = (0, 3, 6, 8, 11, 13)
_LINEAR = (0, 2, 4)


@dataclass(frozen=True)
class VggishConfig:
    """channels: of the six convolutions. hidden: of the two layers after them. width: of the vector."""

    channels: tuple[int, ...] = (64, 128, 256, 256, 512, 512)
    hidden: int = 4096
    width: int = 128


VGGISH = VggishConfig()
VGGISH_TINY = VggishConfig(channels=(8, 16, 24, 24, 32, 32), hidden=64, width=32)
"""For two cores; nobody published weights for it."""


def vggish_vectors(weights: Weights, log_mel: Tensor) -> Tensor:
    """log_mel [N, 96, 64] -> [N, width], none of them negative. Without the whitening that AudioSet's vectors went
    through."""
    from torch.nn import functional

    x, places = log_mel[:, None], iter(_CONVOLUTIONS)
    for count in _STAGES:
        for _ in range(count):
            x = conv2d(weights, f"features.{next(places)}", x, padding=1).relu()
        x = functional.max_pool2d(x, 2)
    x = x.permute(0, 2, 3, 1).flatten(1)
    for place in _LINEAR:
        x = linear(weights, f"embeddings.{place}", x).relu()
    return x


def vggish_shapes(config: VggishConfig) -> dict[str, tuple[int, ...]]:
    """Name -> shape of all weights."""
    halved = 2 ** len(_STAGES)
    flat = STEPS // halved * (BANDS // halved) * config.channels[-1]
    shapes: dict[str, tuple[int, ...]] = {}
    for place, size, out in zip(_CONVOLUTIONS, (1, *config.channels), config.channels, strict=False):
        shapes |= {f"features.{place}.weight": (out, size, 3, 3), f"features.{place}.bias": (out,)}
    sizes = (flat, config.hidden, config.hidden, config.width)
    for place, size, out in zip(_LINEAR, sizes, sizes[1:], strict=False):
        shapes |= {f"embeddings.{place}.weight": (out, size), f"embeddings.{place}.bias": (out,)}
    return shapes


def draw_vggish(dice: Dice, config: VggishConfig) -> Drawn:
    """Weights that know nothing: normally distributed with sqrt(2 / what comes in), which keeps the strength of what
    goes through (K. He et al., ICCV 2015); biases are 0."""
    import torch

    drawn: Drawn = {}
    for name, shape in vggish_shapes(config).items():
        if name.endswith("bias"):
            drawn[name] = torch.zeros(shape)
        else:
            drawn[name] = torch.randn(shape, generator=dice) * math.sqrt(2 / math.prod(shape[1:]))
    return drawn


def from_published(state: Mapping[str, Tensor], config: VggishConfig, source: Path) -> Drawn:
    """The weights out of a published file's tensors. source: named in the error. Raises `CannotRead` where one is
    missing, has another shape, or is unknown."""
    shapes = vggish_shapes(config)
    known = {name: tensor for name, tensor in state.items() if not name.startswith(IGNORED)}
    need_shapes(shapes, known, source, "VGGish of this size")
    return {name: known[name] for name in shapes}
