"""Pictures and sound look at each other before anything else is made of them (OV-AVSS's early fusion).

R. Guo et al., "Open-vocabulary audio-visual semantic segmentation" (ACM MM 2024), section 3; attention in both
directions by one product after L. Li et al., "GLIP" (CVPR 2022), section 3.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from avfusion.sounding.networks.layers import (
    Dice,
    Drawn,
    Tensor,
    Weights,
    draw_linear,
    draw_norm,
    join_heads,
    layer_norm,
    linear,
    split_heads,
)  # fmt: skip

FIRST_SCALE = 1 / 6
"""How much of what attention says is added at first."""


@dataclass(frozen=True)
class EarlyFusionConfig:
    """width: of the maps. heard: width of the sound's vector. inner: of all heads of attention together."""

    width: int = 256
    heard: int = 128
    inner: int = 1024
    heads: int = 8


def fuse_early(
    weights: Weights,
    name: str,
    config: EarlyFusionConfig,
    levels: Sequence[Tensor],
    heard: Tensor,
    *,
    dropout: float = 0.0,
) -> tuple[list[Tensor], Tensor]:
    """levels: maps [N, width, h, w]; heard: [N, heard], one vector a picture -> both with a part of the other in them.

    Every place of a picture has only one vector to look at, so all that it can take from it is the same everywhere; how
    much the sound takes from a place is by how alike they are. dropout: of attention, drawn from torch's own generator.
    """
    import torch
    from torch.nn import functional

    sizes = [level.shape[2:] for level in levels]
    x: Tensor = torch.cat([level.flatten(2).transpose(1, 2) for level in levels], dim=1)
    seen = layer_norm(weights, f"{name}.seen.norm", x)
    told = layer_norm(weights, f"{name}.heard.norm", heard)[:, None]
    asked, values = (split_heads(linear(weights, f"{name}.seen.{part}", seen), config.heads) for part in _PARTS)
    asking, said = (split_heads(linear(weights, f"{name}.heard.{part}", told), config.heads) for part in _PARTS)
    scores = asked @ asking.transpose(-2, -1) * (config.inner // config.heads) ** -0.5
    to_seen = functional.dropout(scores.softmax(-1), dropout) @ said
    to_heard = functional.dropout(scores.transpose(-2, -1).softmax(-1), dropout) @ values
    x = x + weights[f"{name}.seen.scale"] * linear(weights, f"{name}.seen.out", join_heads(to_seen))
    more = linear(weights, f"{name}.heard.out", join_heads(to_heard))[:, 0]
    flat = x.split([height * width for height, width in sizes], dim=1)
    fused = [part.transpose(1, 2).unflatten(2, size) for part, size in zip(flat, sizes, strict=True)]
    return fused, heard + weights[f"{name}.heard.scale"] * more


_PARTS = ("query", "value")
"""What each side is compared by, and what the other takes from it."""


def draw_early_fusion(dice: Dice, name: str, config: EarlyFusionConfig) -> Drawn:
    import torch

    drawn: Drawn = {}
    for side, width in (("seen", config.width), ("heard", config.heard)):
        for part in _PARTS:
            drawn |= draw_linear(dice, f"{name}.{side}.{part}", width, config.inner)
        drawn |= draw_linear(dice, f"{name}.{side}.out", config.inner, width) | draw_norm(f"{name}.{side}.norm", width)
        drawn |= {f"{name}.{side}.scale": torch.full((width,), FIRST_SCALE)}
    return drawn
