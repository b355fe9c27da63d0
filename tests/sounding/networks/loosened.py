"""Weights in which nothing is exactly zero or one, so that every one of them shows in what a network computes."""

import torch

from avfusion.sounding.networks.layers import Drawn


def loosened(drawn: Drawn, seed: int = 9) -> Drawn:
    """The same weights, each a little off, independent of gradients."""
    dice = torch.Generator().manual_seed(seed)
    return {name: tensor + 0.1 * torch.randn(tensor.shape, generator=dice) for name, tensor in drawn.items()}


def unused(weights: Drawn) -> list[str]:
    """Names of weights that a backward pass left without a gradient.

    A bias of keys is never among them: it adds the same to all that a query compares, so it cannot matter.
    """
    silent = (name for name, tensor in weights.items() if tensor.grad is None or not tensor.grad.any())
    return [name for name in silent if not name.endswith("key.bias")]
