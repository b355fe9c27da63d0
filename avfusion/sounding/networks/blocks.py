"""A pre-norm transformer block over tokens, and the scores by which its tokens looked at each other."""

from __future__ import annotations

from avfusion.sounding.networks.layers import (
    Dice,
    Drawn,
    Tensor,
    Weights,
    draw_linear,
    draw_mlp,
    draw_norm,
    join_heads,
    layer_norm,
    linear,
    mlp,
    split_heads,
)  # fmt: skip


def block(weights: Weights, name: str, x: Tensor, *, heads: int) -> Tensor:
    """x: [N, n, C]."""
    return after_norm(weights, name, x, layer_norm(weights, f"{name}.norm1", x), heads=heads)[0]


def after_norm(weights: Weights, name: str, x: Tensor, normed: Tensor, *, heads: int) -> tuple[Tensor, Tensor]:
    """What a block makes of x and its first norm of x; and its scores [N, heads, n, n], query times key as they are."""
    q, k, v = (split_heads(part, heads) for part in linear(weights, f"{name}.qkv", normed).chunk(3, dim=-1))
    scores = q @ k.transpose(-2, -1)
    seen = join_heads((scores * q.shape[-1] ** -0.5).softmax(-1) @ v)
    x = x + linear(weights, f"{name}.out", seen)
    return x + mlp(weights, f"{name}.mlp", layer_norm(weights, f"{name}.norm2", x)), scores


def draw_block(dice: Dice, name: str, width: int) -> Drawn:
    """Queries, keys and values have no bias; the hidden layer is 4 times as wide."""
    drawn = draw_linear(dice, f"{name}.qkv", width, 3 * width, bias=False)
    drawn |= draw_linear(dice, f"{name}.out", width, width) | draw_mlp(dice, f"{name}.mlp", width, 4 * width)
    return drawn | draw_norm(f"{name}.norm1", width) | draw_norm(f"{name}.norm2", width)
