"""From a backbone's maps to memories that see all scales, and to the fine map that masks are made of.

Deformable attention after X. Zhu et al., "Deformable DETR" (ICLR 2021), section 4.1, in plain torch; the decoder around
it after B. Cheng et al., "Masked-attention mask transformer" (CVPR 2022), section 4.1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from avfusion.sounding.networks.layers import (
    Dice,
    Drawn,
    Tensor,
    Weights,
    conv2d,
    draw_conv2d,
    draw_linear,
    draw_norm,
    draw_table,
    group_norm,
    layer_norm,
    linear,
    sine_places,
)  # fmt: skip


@dataclass(frozen=True)
class PixelDecoderConfig:
    """width: of all maps. levels: of memory, the coarsest ones of the backbone. points: that each head of a place looks
    at in each level."""

    width: int = 256
    layers: int = 6
    hidden: int = 1024
    heads: int = 8
    levels: int = 3
    points: int = 4


@dataclass(frozen=True, eq=False)
class Pixels:
    """memories: [N, width, h, w], the coarsest first. masks: [N, width, H / 4, W / 4]."""

    memories: tuple[Tensor, ...]
    masks: Tensor


def decode_pixels(weights: Weights, name: str, config: PixelDecoderConfig, maps: Sequence[Tensor]) -> Pixels:
    """maps: [N, width, h, w], the finest first: one more than there are levels of memory."""
    import torch
    from torch.nn import functional

    fine, *rest = maps
    coarse = rest[::-1]
    sizes = [(level.shape[2], level.shape[3]) for level in coarse]
    x: Tensor = torch.cat([level.flatten(2).transpose(1, 2) for level in coarse], dim=1)
    places = _places(weights, name, sizes, x)
    centres = _centres(sizes, x)
    for number in range(config.layers):
        x = _layer(weights, f"{name}.layers.{number}", config, x, places, centres, sizes)
    flat = x.split([height * width for height, width in sizes], dim=1)
    memories = [level.transpose(1, 2).unflatten(2, size) for level, size in zip(flat, sizes, strict=True)]
    up = functional.interpolate(memories[-1], size=fine.shape[2:], mode="bilinear", align_corners=False)
    fine = group_norm(weights, f"{name}.lateral.norm", conv2d(weights, f"{name}.lateral.conv", fine)) + up
    fine = conv2d(weights, f"{name}.smooth.conv", fine, padding=1)
    fine = group_norm(weights, f"{name}.smooth.norm", fine).relu()
    return Pixels(tuple(memories), conv2d(weights, f"{name}.masks", fine))


def look_around(values: Tensor, sizes: Sequence[tuple[int, int]], where: Tensor, shares: Tensor) -> Tensor:
    """Sums of what lies at points of several maps.

    values [N, places of all maps, heads, d], map after map of sizes (h, w); where [N, q, heads, maps, points, 2], x and
    y in 0..1 of the picture; shares [N, q, heads, maps, points] -> [N, q, heads * d]. Outside a map is 0.
    """
    from torch.nn import functional

    count, queries, heads = where.shape[:3]
    total = values.new_zeros(count * heads, values.shape[3], queries)
    start = 0
    for number, (height, width) in enumerate(sizes):
        level = values[:, start : start + height * width]
        start += height * width
        level = level.permute(0, 2, 3, 1).reshape(count * heads, -1, height, width)
        grid = 2 * where[:, :, :, number].transpose(1, 2).flatten(0, 1) - 1
        found = functional.grid_sample(level, grid, align_corners=False)
        share = shares[:, :, :, number].transpose(1, 2).flatten(0, 1)
        total = total + (found * share[:, None]).sum(-1)
    return total.unflatten(0, (count, heads)).permute(0, 3, 1, 2).flatten(2)


def _layer(
    weights: Weights,
    name: str,
    config: PixelDecoderConfig,
    x: Tensor,
    places: Tensor,
    centres: Tensor,
    sizes: Sequence[tuple[int, int]],
) -> Tensor:
    """Each place looks around itself in all levels, then thinks alone: x [N, places of all levels, width]."""
    import torch

    per_head = (config.heads, config.levels, config.points)
    asking = x + places
    values = linear(weights, f"{name}.value", x).unflatten(2, (config.heads, -1))
    shares = linear(weights, f"{name}.shares", asking).unflatten(2, (config.heads, -1))
    shares = shares.softmax(-1).unflatten(3, per_head[1:])
    steps = linear(weights, f"{name}.offsets", asking).unflatten(2, (*per_head, 2))
    pixel = torch.tensor([[1 / width, 1 / height] for height, width in sizes], device=x.device, dtype=x.dtype)
    where = centres[None, :, None, None, None] + steps * pixel[:, None]
    seen = linear(weights, f"{name}.out", look_around(values, sizes, where, shares))
    x = layer_norm(weights, f"{name}.norm1", x + seen)
    thought = linear(weights, f"{name}.fc2", linear(weights, f"{name}.fc1", x).relu())
    return layer_norm(weights, f"{name}.norm2", x + thought)


def _places(weights: Weights, name: str, sizes: Sequence[tuple[int, int]], like: Tensor) -> Tensor:
    """[places of all levels, width]: where each is, and in which level."""
    import torch

    levels = weights[f"{name}.level"]
    told = [sine_places(*size, levels.shape[1], like).flatten(1).T + levels[n] for n, size in enumerate(sizes)]
    return torch.cat(told)


def _centres(sizes: Sequence[tuple[int, int]], like: Tensor) -> Tensor:
    """[places of all levels, 2]: x and y in 0..1."""
    import torch

    def middles(count: int) -> Tensor:
        return (torch.arange(count, device=like.device, dtype=like.dtype) + 0.5) / count

    grids = [torch.cartesian_prod(middles(height), middles(width)).flip(1) for height, width in sizes]
    return torch.cat(grids)


def draw_pixel_decoder(dice: Dice, name: str, config: PixelDecoderConfig) -> Drawn:
    width = config.width
    drawn = draw_table(dice, f"{name}.level", config.levels, width)
    for number in range(config.layers):
        drawn |= _draw_layer(dice, f"{name}.layers.{number}", config)
    drawn |= draw_conv2d(dice, f"{name}.lateral.conv", width, width, 1, bias=False)
    drawn |= draw_conv2d(dice, f"{name}.smooth.conv", width, width, 3, bias=False)
    drawn |= draw_norm(f"{name}.lateral.norm", width) | draw_norm(f"{name}.smooth.norm", width)
    return drawn | draw_conv2d(dice, f"{name}.masks", width, width, 1)


def _draw_layer(dice: Dice, name: str, config: PixelDecoderConfig) -> Drawn:
    """At first every head looks in a direction of its own, its points one pixel after another, all alike in weight."""
    import torch

    width, looks = config.width, config.heads * config.levels * config.points
    angles = torch.arange(config.heads) * (2 * math.pi / config.heads)
    directions = torch.stack([angles.cos(), angles.sin()], dim=1)
    directions = directions / directions.abs().amax(dim=1, keepdim=True)
    steps = directions[:, None, None] * torch.arange(1, config.points + 1)[:, None]
    drawn: Drawn = {
        f"{name}.offsets.weight": torch.zeros(2 * looks, width),
        f"{name}.offsets.bias": steps.expand(-1, config.levels, -1, -1).flatten(),
        f"{name}.shares.weight": torch.zeros(looks, width),
        f"{name}.shares.bias": torch.zeros(looks),
    }
    for part in ("value", "out"):
        drawn |= draw_linear(dice, f"{name}.{part}", width, width)
    drawn |= draw_linear(dice, f"{name}.fc1", width, config.hidden)
    drawn |= draw_linear(dice, f"{name}.fc2", config.hidden, width)
    return drawn | draw_norm(f"{name}.norm1", width) | draw_norm(f"{name}.norm2", width)
