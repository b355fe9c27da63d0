"""Queries that look at a picture where their own masks are, and say what each of them stands for.

B. Cheng et al., "Masked-attention mask transformer for universal image segmentation" (CVPR 2022), section 3.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from avfusion.sounding.networks.layers import (
    Dice,
    Drawn,
    Tensor,
    Weights,
    attention,
    draw_attention,
    draw_linear,
    draw_norm,
    draw_table,
    layer_norm,
    linear,
    sine_places,
)  # fmt: skip


@dataclass(frozen=True)
class MaskedDecoderConfig:
    """classes: without the one that means nothing. levels: of memory; the layers take them in turn."""

    classes: int = 2
    queries: int = 96
    width: int = 256
    layers: int = 12
    hidden: int = 2048
    heads: int = 8
    levels: int = 4


@dataclass(frozen=True, eq=False)
class Predictions:
    """What the queries say before the first layer and after each: classes [N, Q, classes + 1] and masks [N, Q, h, w],
    both logits."""

    classes: tuple[Tensor, ...]
    masks: tuple[Tensor, ...]


def decode_masks(
    weights: Weights,
    name: str,
    config: MaskedDecoderConfig,
    memories: Sequence[Tensor],
    mask_features: Tensor,
    told: Tensor | None = None,
) -> Predictions:
    """memories: [N, width, h, w], one a level, in the order in which the layers take them; mask_features: [N, width,
    H, W]; told: [N, Q, width], added to the queries before the first layer."""
    values = [
        (memory + weights[f"{name}.level"][number][:, None, None]).flatten(2).transpose(1, 2)
        for number, memory in enumerate(memories)
    ]
    places = [_places(memory) for memory in memories]
    keys = [value + place for value, place in zip(values, places, strict=True)]
    x = weights[f"{name}.queries"].expand(len(mask_features), -1, -1)
    x = x if told is None else x + told
    classes, masks = _heads(weights, name, x, mask_features)
    said = [(classes, masks)]
    for number in range(config.layers):
        level = number % config.levels
        may_look = where_to_look(masks, memories[level].shape[2], memories[level].shape[3])
        x = _layer(weights, name, number, config, x, keys[level], values[level], may_look)
        classes, masks = _heads(weights, name, x, mask_features)
        said.append((classes, masks))
    return Predictions(tuple(classes for classes, _ in said), tuple(masks for _, masks in said))


def where_to_look(masks: Tensor, height: int, width: int) -> Tensor:
    """bool [N, 1, Q, height * width]: where a query's mask is more likely than not, in another size.

    A query whose mask is nowhere may look everywhere. masks: logits [N, Q, h, w]; no gradient flows through.
    """
    from torch.nn import functional

    resized = functional.interpolate(masks.detach(), size=(height, width), mode="bilinear", align_corners=False)
    inside = resized.flatten(2) >= 0
    return (inside | ~inside.any(dim=2, keepdim=True))[:, None]


def _places(memory: Tensor) -> Tensor:
    """[h * w, width]: where each pixel is."""
    width, height, width_px = memory.shape[1:]
    return sine_places(height, width_px, width, memory).flatten(1).T


def _layer(
    weights: Weights,
    name: str,
    number: int,
    config: MaskedDecoderConfig,
    x: Tensor,
    keys: Tensor,
    values: Tensor,
    may_look: Tensor,
) -> Tensor:
    """A look at the picture, a look at each other, a thought alone, each followed by a norm: x [N, Q, width]."""
    part, place = f"{name}.layers.{number}", weights[f"{name}.places"]
    seen = attention(weights, f"{part}.cross", x + place, keys, values, heads=config.heads, may_look=may_look)
    x = layer_norm(weights, f"{part}.norm1", x + seen)
    heard = attention(weights, f"{part}.self", x + place, x + place, x, heads=config.heads)
    x = layer_norm(weights, f"{part}.norm2", x + heard)
    thought = linear(weights, f"{part}.fc2", linear(weights, f"{part}.fc1", x).relu())
    return layer_norm(weights, f"{part}.norm3", x + thought)


def _heads(weights: Weights, name: str, x: Tensor, mask_features: Tensor) -> tuple[Tensor, Tensor]:
    import torch

    x = layer_norm(weights, f"{name}.norm", x)
    inner = linear(weights, f"{name}.mask.0", x).relu()
    vectors = linear(weights, f"{name}.mask.2", linear(weights, f"{name}.mask.1", inner).relu())
    return linear(weights, f"{name}.classes", x), torch.einsum("nqc,nchw->nqhw", vectors, mask_features)


def draw_masked_decoder(dice: Dice, name: str, config: MaskedDecoderConfig) -> Drawn:
    width = config.width
    drawn = draw_table(dice, f"{name}.queries", config.queries, width)
    drawn |= draw_table(dice, f"{name}.places", config.queries, width)
    drawn |= draw_table(dice, f"{name}.level", config.levels, width)
    for number in range(config.layers):
        part = f"{name}.layers.{number}"
        drawn |= draw_attention(dice, f"{part}.cross", width) | draw_attention(dice, f"{part}.self", width)
        drawn |= draw_linear(dice, f"{part}.fc1", width, config.hidden)
        drawn |= draw_linear(dice, f"{part}.fc2", config.hidden, width)
        for norm in ("norm1", "norm2", "norm3"):
            drawn |= draw_norm(f"{part}.{norm}", width)
    for layer in range(3):
        drawn |= draw_linear(dice, f"{name}.mask.{layer}", width, width)
    drawn |= draw_norm(f"{name}.norm", width)
    return drawn | draw_linear(dice, f"{name}.classes", width, config.classes + 1)
