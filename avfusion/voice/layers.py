"""Layers of voice networks as functions of named weights: `conv1d(weights, "enc_p.proj", x)`.

A network is a dictionary of tensors under the names that its checkpoints use, and functions that look them up. Sound
runs along the last axis: [batch, channels, time].
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

Tensor: TypeAlias = Any
Weights: TypeAlias = Mapping[str, Tensor]
Shape: TypeAlias = tuple[int, ...]


def linear(weights: Weights, name: str, x: Tensor) -> Tensor:
    """[..., in] -> [..., out]."""
    from torch.nn import functional

    return functional.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])


def conv1d(
    weights: Weights, name: str, x: Tensor, *, stride: int = 1, padding: int | None = None, dilation: int = 1
) -> Tensor:
    """[batch, in, time] -> [batch, out, time]. Padding left out: as much as keeps the length (for odd kernels)."""
    from torch.nn import functional

    kernel = weights[f"{name}.weight"]
    if padding is None:
        padding = dilation * (kernel.shape[2] - 1) // 2
    return functional.conv1d(x, kernel, weights.get(f"{name}.bias"), stride, padding, dilation)


def conv_transpose1d(weights: Weights, name: str, x: Tensor, *, stride: int, padding: int) -> Tensor:
    """[batch, in, time] -> [batch, out, about stride * time]; the kernel is [in, out, size]."""
    from torch.nn import functional

    return functional.conv_transpose1d(x, weights[f"{name}.weight"], weights[f"{name}.bias"], stride, padding)


def leaky_relu(x: Tensor, slope: float) -> Tensor:
    from torch.nn import functional

    return functional.leaky_relu(x, slope)


def channel_norm(weights: Weights, name: str, x: Tensor, *, eps: float = 1e-5) -> Tensor:
    """Layer normalisation over the channels of [batch, channels, time], scaled by `gamma`, moved by `beta`."""
    from torch.nn import functional

    gamma, beta = weights[f"{name}.gamma"], weights[f"{name}.beta"]
    return functional.layer_norm(x.transpose(1, 2), gamma.shape, gamma, beta, eps).transpose(1, 2)


def batch_norm(weights: Weights, name: str, x: Tensor) -> Tensor:
    """Batch normalisation by the statistics of training."""
    from torch.nn import functional

    mean, variance = weights[f"{name}.running_mean"], weights[f"{name}.running_var"]
    return functional.batch_norm(x, mean, variance, weights[f"{name}.weight"], weights[f"{name}.bias"])


def lstm(weights: Weights, name: str, x: Tensor, *, layers: int, bidirectional: bool = False) -> Tensor:
    """[batch, time, in] -> [batch, time, out] (twice the hidden size if bidirectional), from a state of zeros."""
    import torch

    flat = [weights[f"{name}.{part}"] for part in lstm_parts(layers, bidirectional)]
    hidden = weights[f"{name}.weight_hh_l0"].shape[1]
    zeros = x.new_zeros(layers * (1 + bidirectional), x.shape[0], hidden)
    return torch.lstm(x, (zeros, zeros), flat, True, layers, 0.0, False, bidirectional, True)[0]


def lstm_parts(layers: int, bidirectional: bool = False) -> list[str]:
    """The names of an LSTM's tensors, in the order in which torch takes them."""
    ways = ["", "_reverse"] if bidirectional else [""]
    kinds = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]
    return [f"{kind}_l{layer}{way}" for layer in range(layers) for way in ways for kind in kinds]


def lstm_shapes(name: str, size: int, hidden: int, *, layers: int, bidirectional: bool = False) -> dict[str, Shape]:
    """Name -> shape of an LSTM's tensors. size: of its input."""
    found: dict[str, Shape] = {}
    for part in lstm_parts(layers, bidirectional):
        width = size if "_l0" in part else hidden * (1 + bidirectional)
        shapes = {"weight_ih": (4 * hidden, width), "weight_hh": (4 * hidden, hidden)}
        found[f"{name}.{part}"] = next(
            (shape for kind, shape in shapes.items() if part.startswith(kind)), (4 * hidden,)
        )
    return found


def conv_shapes(name: str, out: int, size: int, kernel: int, *, bias: bool = True) -> dict[str, Shape]:
    """Name -> shape of a convolution's tensors."""
    return {f"{name}.weight": (out, size, kernel)} | ({f"{name}.bias": (out,)} if bias else {})
