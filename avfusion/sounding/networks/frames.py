"""Each place of a picture looks at itself at other times, at those that the sound says (AV2TS's dual-stream temporal
attention with shared maps, DSTA)."""

from __future__ import annotations

from avfusion.sounding.networks.layers import (
    Dice,
    Drawn,
    Tensor,
    Weights,
    conv2d,
    draw_conv2d,
    draw_linear,
    draw_mlp,
    draw_norm,
    group_norm,
    join_heads,
    layer_norm,
    linear,
    mlp,
    split_heads,
)  # fmt: skip


def project(weights: Weights, name: str, level: Tensor) -> Tensor:
    """[N, C, h, w] -> [N, width, h, w]."""
    return group_norm(weights, f"{name}.norm", conv2d(weights, f"{name}.conv", level))


def attend_in_time(
    weights: Weights, name: str, level: Tensor, when: Tensor | None, *, pictures: int, heads: int
) -> Tensor:
    """level: [B * T, width, h, w], the same after a block over time, place by place.

    when: [B, heads, T, T], scores as the sound gives them, the same for every place, scaled here by the size of a head
    of the pictures; None: the places have queries and keys of their own, drawn with `own_scores`. pictures: T.
    """
    height, width_px = level.shape[2:]
    x = level.unflatten(0, (-1, pictures)).flatten(3).permute(0, 3, 1, 2)
    normed = layer_norm(weights, f"{name}.norm1", x)
    values = split_heads(linear(weights, f"{name}.value", normed), heads)
    if when is None:
        q, k = (split_heads(linear(weights, f"{name}.{part}", normed), heads) for part in ("query", "key"))
        scores = q @ k.transpose(-2, -1)
    else:
        scores = when[:, None]
    seen = join_heads((scores * values.shape[-1] ** -0.5).softmax(-1) @ values)
    x = x + linear(weights, f"{name}.out", seen)
    x = x + mlp(weights, f"{name}.mlp", layer_norm(weights, f"{name}.norm2", x))
    x = layer_norm(weights, f"{name}.norm3", x)
    return x.permute(0, 2, 3, 1).flatten(0, 1).unflatten(2, (height, width_px))


def draw_projection(dice: Dice, name: str, size: int, width: int) -> Drawn:
    return draw_conv2d(dice, f"{name}.conv", size, width, 1) | draw_norm(f"{name}.norm", width)


def draw_frames(dice: Dice, name: str, width: int, *, own_scores: bool) -> Drawn:
    drawn: Drawn = {}
    for part in ("value", "out", *(("query", "key") if own_scores else ())):
        drawn |= draw_linear(dice, f"{name}.{part}", width, width)
    for norm in ("norm1", "norm2", "norm3"):
        drawn |= draw_norm(f"{name}.{norm}", width)
    return drawn | draw_mlp(dice, f"{name}.mlp", width, 4 * width)
