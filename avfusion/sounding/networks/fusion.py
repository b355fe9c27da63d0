"""What is seen and what is heard in one row of tokens that all look at each other (AV2TS's one-stream attention,
OSA)."""

from __future__ import annotations

from dataclasses import dataclass

from avfusion.sounding.networks.blocks import block, draw_block
from avfusion.sounding.networks.layers import (
    Dice,
    Drawn,
    Tensor,
    Weights,
    conv2d,
    draw_conv2d,
    draw_norm,
    draw_table,
    layer_norm,
    sine_places,
)  # fmt: skip

FIRST_SCALE = 1e-4
"""How much of what the blocks say is added at first."""


@dataclass(frozen=True)
class FusionConfig:
    """tokens: that are heard. down: the fine map becomes so much coarser a side before it is looked at."""

    width: int = 256
    tokens: int = 96
    blocks: int = 3
    heads: int = 8
    down: int = 4


def fuse(
    weights: Weights, name: str, config: FusionConfig, mask_features: Tensor, heard: Tensor
) -> tuple[Tensor, Tensor]:
    """mask_features [N, width, H, W], heard [N, tokens, width] -> seen [N, width, H / down, W / down], heard.

    Nothing of the fine map is thrown away: its pixels become channels. What comes out is the normed input and a small
    part of what the blocks make of it.
    """
    import torch
    from torch.nn import functional

    coarse = conv2d(weights, f"{name}.down", functional.pixel_unshuffle(mask_features, config.down))
    height, width_px = coarse.shape[2:]
    places = sine_places(height, width_px, config.width, coarse) + weights[f"{name}.level"][:, None, None]
    seen = layer_norm(weights, f"{name}.seen.norm", (coarse + places).flatten(2).transpose(1, 2))
    heard = layer_norm(weights, f"{name}.heard.norm", heard + weights[f"{name}.heard.places"])
    x: Tensor = torch.cat([seen, heard], dim=1)
    for number in range(config.blocks):
        x = block(weights, f"{name}.blocks.{number}", x, heads=config.heads)
    said = layer_norm(weights, f"{name}.norm", x)
    more_seen, more_heard = said.split([height * width_px, config.tokens], dim=1)
    seen = seen + weights[f"{name}.seen.scale"] * more_seen
    heard = heard + weights[f"{name}.heard.scale"] * more_heard
    return seen.transpose(1, 2).unflatten(2, (height, width_px)), heard


def draw_fusion(dice: Dice, name: str, config: FusionConfig) -> Drawn:
    import torch

    width = config.width
    drawn = draw_conv2d(dice, f"{name}.down", width * config.down**2, width, 1)
    drawn |= draw_table(dice, f"{name}.level", width, deviation=0.02)
    drawn |= draw_table(dice, f"{name}.heard.places", config.tokens, width, deviation=0.02)
    for number in range(config.blocks):
        drawn |= draw_block(dice, f"{name}.blocks.{number}", width)
    for part in ("seen", "heard"):
        drawn |= draw_norm(f"{name}.{part}.norm", width) | {f"{name}.{part}.scale": torch.full((width,), FIRST_SCALE)}
    return drawn | draw_norm(f"{name}.norm", width)
