"""Random weights with which a network says something: outputs vary from place to place and have both signs."""

from typing import Any

import torch


def shake(network: Any, seed: int = 0, gain: float = 1.5) -> Any:
    """Gives the network random weights, the same for the same seed; returns it in evaluation mode."""
    dice = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in network.named_parameters():
            noise = torch.randn(weight.shape, generator=dice)
            if weight.ndim > 1:
                weight.copy_(noise * gain / weight[0].numel() ** 0.5)
            elif name.endswith("weight"):
                weight.copy_(1 + 0.1 * noise)
            else:
                weight.copy_(0.1 * noise)
    return network.eval()
