"""When does what sounds change? Attention over time within each patch of the spectrum (AV2TS's temporal acoustic
attention, TAA)."""

from __future__ import annotations

from dataclasses import dataclass

from avfusion.sounding.networks.blocks import after_norm, draw_block
from avfusion.sounding.networks.layers import Dice, Drawn, Tensor, Weights, draw_linear, draw_norm, layer_norm, linear


@dataclass(frozen=True)
class AcousticConfig:
    """size: of the tokens that come; width: of those that go. There is one tap more than blocks; with no block, the
    tokens go through one linear layer and time plays no part."""

    size: int = 256
    width: int = 256
    blocks: int = 3
    heads: int = 8

    @property
    def taps(self) -> int:
        return self.blocks + 1


@dataclass(frozen=True, eq=False)
class Heard:
    """tokens: [B * T, patches * taps, width]. when: [B, heads, T, T], how much each moment asks for each other one, as
    scores that are neither scaled nor turned to shares; None without a block."""

    tokens: Tensor
    when: Tensor | None


def hear(weights: Weights, name: str, config: AcousticConfig, tokens: Tensor, pictures: int) -> Heard:
    """tokens: [B * T, patches, size], pictures: T, any number of them.

    Taps are the tokens as they come, the first norm of every block but the first, and a norm of the last block's
    output. The scores are those of the last block, the mean over the patches.
    """
    import torch

    patches = tokens.shape[1]
    x = tokens.unflatten(0, (-1, pictures)).transpose(1, 2).flatten(0, 1)
    taps, scores = [x], None
    for number in range(config.blocks):
        part = f"{name}.blocks.{number}"
        normed = layer_norm(weights, f"{part}.norm1", x)
        if number:
            taps.append(normed)
        x, scores = after_norm(weights, part, x, normed, heads=config.heads)
    if config.blocks:
        taps.append(layer_norm(weights, f"{name}.norm", x))
    told = [linear(weights, f"{name}.taps.{number}", tap) for number, tap in enumerate(taps)]
    back = [part.unflatten(0, (-1, patches)).transpose(1, 2).flatten(0, 1) for part in told]
    when = None if scores is None else scores.unflatten(0, (-1, patches)).mean(1)
    return Heard(torch.cat(back, dim=1), when)


def draw_acoustic(dice: Dice, name: str, config: AcousticConfig) -> Drawn:
    drawn: Drawn = {}
    for number in range(config.blocks):
        drawn |= draw_block(dice, f"{name}.blocks.{number}", config.size)
    for number in range(config.taps):
        drawn |= draw_linear(dice, f"{name}.taps.{number}", config.size, config.width)
    return drawn | (draw_norm(f"{name}.norm", config.size) if config.blocks else {})
