"""Queries for things of a whole clip: they look at all its pictures where their own masks are, and at its sound.

R. Guo et al., "Open-vocabulary audio-visual semantic segmentation" (ACM MM 2024), section 3; over a clip as B. Cheng et
al., "Mask2Former for video instance segmentation" (2021), section 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from avfusion.sounding.networks.layers import (
    Dice,
    Drawn,
    Tensor,
    Weights,
    draw_attention,
    draw_linear,
    draw_norm,
    draw_table,
    linear,
    sine_places,
    sine_waves,
)  # fmt: skip
from avfusion.sounding.networks.masked_decoder import (
    MaskedDecoderConfig,
    Predictions,
    draw_layer,
    draw_say,
    look,
    look_at_each_other,
    predictions_of,
    say,
    think,
    where_to_look,
)


@dataclass(frozen=True)
class VideoDecoderConfig(MaskedDecoderConfig):
    """heard: width of the sound's vectors. pictures: of a clip in training; so many vectors have a learnt place."""

    classes: int = 1
    queries: int = 100
    layers: int = 9
    levels: int = 3
    heard: int = 128
    pictures: int = 5


def decode_video(
    weights: Weights,
    name: str,
    config: VideoDecoderConfig,
    memories: Sequence[Tensor],
    mask_features: Tensor,
    heard: Tensor,
) -> Predictions:
    """memories: [B, T, width, h, w], one a level, in the order in which the layers take them; mask_features: [B, T,
    width, H, W]; heard: [B, T, heard] -> classes [B, Q, classes + 1] and masks [B, Q, T, H, W].

    Before the first layer the queries look at the sound, then its vectors at each other, once for all layers. T may be
    any number.
    """
    keys, values = _looked_at(weights, name, memories)
    fine = mask_features.transpose(1, 2).contiguous()
    sound = linear(weights, f"{name}.heard.fc2", linear(weights, f"{name}.heard.fc1", heard).relu())
    when = _sound_places(weights[f"{name}.heard.places"], heard.shape[1])
    place, heads = weights[f"{name}.places"], config.heads
    x = weights[f"{name}.queries"].expand(len(heard), -1, -1)
    x = look(weights, f"{name}.first", f"{name}.first.norm", x, place, sound + when, sound, heads=heads)
    sound = look_at_each_other(weights, f"{name}.heard.self", f"{name}.heard.norm", sound, when, heads=heads)
    said = [say(weights, name, x, fine)]
    for number in range(config.layers):
        part, level = f"{name}.layers.{number}", number % config.levels
        may_look = where_to_look(said[-1][1], *memories[level].shape[3:])
        x = look(weights, f"{part}.cross", f"{part}.norm1", x, place, keys[level], values[level],
                 heads=heads, may_look=may_look)  # fmt: skip
        x = look_at_each_other(weights, f"{part}.self", f"{part}.norm2", x, place, heads=heads)
        x = look(weights, f"{part}.heard", f"{part}.heard.norm", x, place, sound + when, sound, heads=heads)
        x = think(weights, part, f"{part}.norm3", x)
        said.append(say(weights, name, x, fine))
    return predictions_of(said)


def _looked_at(weights: Weights, name: str, memories: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """Keys and values [B, T * h * w, width] of each level; keys know where and when they are."""
    values = [
        (memory + weights[f"{name}.level"][number][:, None, None]).permute(0, 1, 3, 4, 2).flatten(1, 3)
        for number, memory in enumerate(memories)
    ]
    keys = [value + _places(memory) for value, memory in zip(values, memories, strict=True)]
    return keys, values


def _places(memory: Tensor) -> Tensor:
    """[T * h * w, width]: where each pixel is, by half of the channels down and half right, and by all of them when."""
    pictures, width, height, width_px = memory.shape[1:]
    where = sine_places(height, width_px, width, memory)
    when = sine_waves(pictures, width, memory)
    return (where + when[:, :, None, None]).permute(0, 2, 3, 1).flatten(0, 2)


def _sound_places(learnt: Tensor, pictures: int) -> Tensor:
    """[pictures, width]: learnt for the length of clips in training, and for another stretched over it: the clip's
    first picture is early in it and its last one late, however many there are."""
    from torch.nn import functional

    if pictures == len(learnt):
        return learnt
    return functional.interpolate(learnt.T[None], size=pictures, mode="linear", align_corners=False)[0].T


def draw_video_decoder(dice: Dice, name: str, config: VideoDecoderConfig) -> Drawn:
    width = config.width
    drawn = draw_table(dice, f"{name}.queries", config.queries, width)
    drawn |= draw_table(dice, f"{name}.places", config.queries, width)
    drawn |= draw_table(dice, f"{name}.level", config.levels, width)
    drawn |= draw_linear(dice, f"{name}.heard.fc1", config.heard, width)
    drawn |= draw_linear(dice, f"{name}.heard.fc2", width, width)
    drawn |= draw_table(dice, f"{name}.heard.places", config.pictures, width)
    drawn |= draw_attention(dice, f"{name}.heard.self", width) | draw_norm(f"{name}.heard.norm", width)
    drawn |= draw_attention(dice, f"{name}.first", width) | draw_norm(f"{name}.first.norm", width)
    for number in range(config.layers):
        part = f"{name}.layers.{number}"
        drawn |= draw_layer(dice, part, config)
        drawn |= draw_attention(dice, f"{part}.heard", width) | draw_norm(f"{part}.heard.norm", width)
    return drawn | draw_say(dice, name, config)
