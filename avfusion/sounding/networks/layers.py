"""Layers that the networks share, as functions of named weights: `linear(weights, "head.classes", x)`.

`draw_...` gives new weights for a layer. All of them draw from the generator that they are given, in the order in which
they are called, so that one seed makes one network.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeAlias

Tensor: TypeAlias = Any
Weights: TypeAlias = Mapping[str, Tensor]
Drawn: TypeAlias = dict[str, Tensor]
Dice: TypeAlias = Any
"""A `torch.Generator` on the CPU."""


def linear(weights: Weights, name: str, x: Tensor) -> Tensor:
    """[..., in] -> [..., out]."""
    from torch.nn import functional

    return functional.linear(x, weights[f"{name}.weight"], weights.get(f"{name}.bias"))


def layer_norm(weights: Weights, name: str, x: Tensor, *, eps: float = 1e-5) -> Tensor:
    """Over the last axis."""
    from torch.nn import functional

    scale = weights[f"{name}.weight"]
    return functional.layer_norm(x, scale.shape, scale, weights[f"{name}.bias"], eps)


def conv2d(weights: Weights, name: str, x: Tensor, *, stride: int = 1, padding: int = 0) -> Tensor:
    """[N, in, H, W] -> [N, out, H', W']."""
    from torch.nn import functional

    return functional.conv2d(x, weights[f"{name}.weight"], weights.get(f"{name}.bias"), stride, padding)


def group_norm(weights: Weights, name: str, x: Tensor) -> Tensor:
    """Over groups of the channels of [N, C, H, W]: 32 groups, or the largest power of two below that divides C."""
    from torch.nn import functional

    groups = math.gcd(32, x.shape[1])
    return functional.group_norm(x, groups, weights[f"{name}.weight"], weights[f"{name}.bias"])


def split_heads(x: Tensor, heads: int) -> Tensor:
    """[..., n, C] -> [..., heads, n, C / heads]."""
    return x.unflatten(-1, (heads, -1)).transpose(-3, -2)


def join_heads(x: Tensor) -> Tensor:
    """[..., heads, n, d] -> [..., n, heads * d]."""
    return x.transpose(-3, -2).flatten(-2)


def attention(
    weights: Weights,
    name: str,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    heads: int,
    may_look: Tensor | None = None,
) -> Tensor:
    """query [N, q, C], key and value [N, k, C] -> [N, q, C], of many heads.

    may_look: bool [N, 1 or heads, q, k], True where a query may look at a key; every query must have one.
    A. Vaswani et al., "Attention is all you need" (2017), section 3.2.
    """
    from torch.nn import functional

    q = split_heads(linear(weights, f"{name}.query", query), heads)
    k = split_heads(linear(weights, f"{name}.key", key), heads)
    v = split_heads(linear(weights, f"{name}.value", value), heads)
    seen = functional.scaled_dot_product_attention(q, k, v, attn_mask=may_look)
    return linear(weights, f"{name}.out", join_heads(seen))


def mlp(weights: Weights, name: str, x: Tensor) -> Tensor:
    """Two linear layers with a GELU between them."""
    from torch.nn import functional

    return linear(weights, f"{name}.fc2", functional.gelu(linear(weights, f"{name}.fc1", x)))


def sine_places(height: int, width: int, channels: int, like: Tensor) -> Tensor:
    """[channels, height, width]: half of the channels say how far down, half how far right, as sines and cosines.

    Places count from 1 and are measured in the picture's own height and width, times 2 pi.
    N. Carion et al., "End-to-end object detection with transformers" (2020), appendix A.4.
    """
    import torch

    down = sine_waves(height, channels // 2, like).T[:, :, None].expand(-1, -1, width)
    right = sine_waves(width, channels // 2, like).T[:, None, :].expand(-1, height, -1)
    return torch.cat([down, right])


def sine_waves(count: int, channels: int, like: Tensor) -> Tensor:
    """[count, channels]: how far along a line of so many each place is, one wave faster than the next."""
    import torch

    pace = 10000.0 ** (2 * torch.div(torch.arange(channels, device=like.device), 2, rounding_mode="floor") / channels)
    place = torch.arange(1, count + 1, device=like.device) / (count + 1e-6) * 2 * math.pi
    angle = place[:, None] / pace
    return torch.stack([angle[:, 0::2].sin(), angle[:, 1::2].cos()], dim=2).flatten(1).to(like.dtype)


def draw_linear(dice: Dice, name: str, size: int, out: int, *, bias: bool = True) -> Drawn:
    """Evenly between +-sqrt(6 / (size + out)), after X. Glorot and Y. Bengio (2010); the bias is 0."""
    return _draw_even(dice, name, (out, size), math.sqrt(6 / (size + out)), bias)


def draw_conv2d(dice: Dice, name: str, size: int, out: int, kernel: int, *, bias: bool = True) -> Drawn:
    """Evenly between +-sqrt(3 / (size * kernel^2)), which keeps the deviation; the bias is 0."""
    return _draw_even(dice, name, (out, size, kernel, kernel), math.sqrt(3 / (size * kernel**2)), bias)


def draw_norm(name: str, size: int) -> Drawn:
    import torch

    return {f"{name}.weight": torch.ones(size), f"{name}.bias": torch.zeros(size)}


def draw_table(dice: Dice, name: str, *shape: int, deviation: float = 1.0) -> Drawn:
    """Learnt vectors, normally distributed."""
    import torch

    return {name: torch.randn(shape, generator=dice) * deviation}


def draw_attention(dice: Dice, name: str, width: int) -> Drawn:
    drawn: Drawn = {}
    for part in ("query", "key", "value", "out"):
        drawn |= draw_linear(dice, f"{name}.{part}", width, width)
    return drawn


def draw_mlp(dice: Dice, name: str, width: int, hidden: int) -> Drawn:
    return draw_linear(dice, f"{name}.fc1", width, hidden) | draw_linear(dice, f"{name}.fc2", hidden, width)


def _draw_even(dice: Dice, name: str, shape: tuple[int, ...], bound: float, bias: bool) -> Drawn:
    import torch

    drawn: Drawn = {f"{name}.weight": (torch.rand(shape, generator=dice) * 2 - 1) * bound}
    return drawn | ({f"{name}.bias": torch.zeros(shape[0])} if bias else {})
