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

    def in_full(self) -> Predictions:
        """In float32: sums over all pixels, as the losses have them, are beyond the largest number of float16."""
        return Predictions(*(tuple(layer.float() for layer in layers) for layers in (self.classes, self.masks)))


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
    classes, masks = say(weights, name, x, mask_features)
    said = [(classes, masks)]
    for number in range(config.layers):
        level = number % config.levels
        may_look = where_to_look(masks, memories[level].shape[2], memories[level].shape[3])
        part, place = f"{name}.layers.{number}", weights[f"{name}.places"]
        x = look(weights, f"{part}.cross", f"{part}.norm1", x, place, keys[level], values[level],
                 heads=config.heads, may_look=may_look)  # fmt: skip
        x = look_at_each_other(weights, f"{part}.self", f"{part}.norm2", x, place, heads=config.heads)
        x = think(weights, part, f"{part}.norm3", x)
        classes, masks = say(weights, name, x, mask_features)
        said.append((classes, masks))
    return predictions_of(said)


def predictions_of(said: Sequence[tuple[Tensor, Tensor]]) -> Predictions:
    """Of pairs of classes and masks, one before the first layer and one after each."""
    return Predictions(tuple(classes for classes, _ in said), tuple(masks for _, masks in said))


def where_to_look(masks: Tensor, height: int, width: int) -> Tensor:
    """bool [N, 1, Q, height * width]: where a query's mask is more likely than not, in another size.

    A query whose mask is nowhere may look everywhere. masks: logits [N, Q, h, w], or [N, Q, T, h, w] for those of all T
    pictures of a clip: then [N, 1, Q, T * height * width]. No gradient flows through.
    """
    from torch.nn import functional

    pictures = masks.detach().flatten(1, -3)
    resized: Tensor = functional.interpolate(pictures, size=(height, width), mode="bilinear", align_corners=False)
    inside = resized.unflatten(1, (masks.shape[1], -1)).flatten(2) >= 0
    return (inside | ~inside.any(dim=2, keepdim=True))[:, None]


def _places(memory: Tensor) -> Tensor:
    """[h * w, width]: where each pixel is."""
    width, height, width_px = memory.shape[1:]
    return sine_places(height, width_px, width, memory).flatten(1).T


def look(
    weights: Weights,
    name: str,
    norm: str,
    x: Tensor,
    place: Tensor,
    keys: Tensor,
    values: Tensor,
    *,
    heads: int,
    may_look: Tensor | None = None,
) -> Tensor:
    """Queries x [N, Q, width] at their places look at values by keys, [N, k, width]; a norm follows."""
    seen = attention(weights, name, x + place, keys, values, heads=heads, may_look=may_look)
    return layer_norm(weights, norm, x + seen)


def look_at_each_other(weights: Weights, name: str, norm: str, x: Tensor, place: Tensor, *, heads: int) -> Tensor:
    return look(weights, name, norm, x, place, x + place, x, heads=heads)


def think(weights: Weights, name: str, norm: str, x: Tensor) -> Tensor:
    """Each query alone; a norm follows."""
    thought = linear(weights, f"{name}.fc2", linear(weights, f"{name}.fc1", x).relu())
    return layer_norm(weights, norm, x + thought)


def say(weights: Weights, name: str, x: Tensor, mask_features: Tensor) -> tuple[Tensor, Tensor]:
    """Classes [N, Q, classes + 1] and masks [N, Q, ...] of queries x [N, Q, width]; mask_features: [N, width, ...]."""
    x = layer_norm(weights, f"{name}.norm", x)
    inner = linear(weights, f"{name}.mask.0", x).relu()
    vectors = linear(weights, f"{name}.mask.2", linear(weights, f"{name}.mask.1", inner).relu())
    masks = (vectors @ mask_features.flatten(2)).unflatten(2, mask_features.shape[2:])
    return linear(weights, f"{name}.classes", x), masks


def draw_masked_decoder(dice: Dice, name: str, config: MaskedDecoderConfig) -> Drawn:
    width = config.width
    drawn = draw_table(dice, f"{name}.queries", config.queries, width)
    drawn |= draw_table(dice, f"{name}.places", config.queries, width)
    drawn |= draw_table(dice, f"{name}.level", config.levels, width)
    for number in range(config.layers):
        drawn |= draw_layer(dice, f"{name}.layers.{number}", config)
    return drawn | draw_say(dice, name, config)


def draw_layer(dice: Dice, name: str, config: MaskedDecoderConfig) -> Drawn:
    drawn = draw_attention(dice, f"{name}.cross", config.width) | draw_attention(dice, f"{name}.self", config.width)
    drawn |= draw_linear(dice, f"{name}.fc1", config.width, config.hidden)
    drawn |= draw_linear(dice, f"{name}.fc2", config.hidden, config.width)
    for norm in ("norm1", "norm2", "norm3"):
        drawn |= draw_norm(f"{name}.{norm}", config.width)
    return drawn


def draw_say(dice: Dice, name: str, config: MaskedDecoderConfig) -> Drawn:
    drawn: Drawn = {}
    for layer in range(3):
        drawn |= draw_linear(dice, f"{name}.mask.{layer}", config.width, config.width)
    drawn |= draw_norm(f"{name}.norm", config.width)
    return drawn | draw_linear(dice, f"{name}.classes", config.width, config.classes + 1)
