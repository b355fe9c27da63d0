"""Content features and pitch to what the voice would say of them, and the flow that turns it into one speaker.

The encoder is a transformer with relative positions (P. Shaw et al., NAACL 2018), the flow a row of affine couplings of
which only the shift is learnt (J. Kim et al., "VITS", ICML 2021), undone from last to first.
"""

from __future__ import annotations

import math

from avfusion.voice.layers import Tensor, Weights, channel_norm, conv1d, leaky_relu, linear
from avfusion.voice.rvc_config import FLOW_LAYERS, WINDOW, RvcConfig, flow_names

_SLOPE = 0.1


def encode(weights: Weights, config: RvcConfig, phone: Tensor, pitch: Tensor | None) -> tuple[Tensor, Tensor]:
    """Mean and logarithm of the deviation of the latent, [1, inter, T] each.

    phone: [1, T, features]. pitch: int64 [1, T] in 1..255; None for a voice that follows no pitch.
    """
    x = linear(weights, "enc_p.emb_phone", phone)
    if pitch is not None:
        x = x + weights["enc_p.emb_pitch.weight"][pitch]
    x = leaky_relu(x * math.sqrt(config.hidden), _SLOPE).transpose(1, 2)
    for layer in range(config.layers):
        name = "enc_p.encoder.{}." + str(layer)
        x = channel_norm(
            weights, name.format("norm_layers_1"), x + _attend(weights, name.format("attn_layers"), x, config)
        )
        x = channel_norm(weights, name.format("norm_layers_2"), x + _feed(weights, name.format("ffn_layers"), x))
    mean, log_deviation = conv1d(weights, "enc_p.proj", x).chunk(2, dim=1)
    return mean, log_deviation


def _attend(weights: Weights, name: str, x: Tensor, config: RvcConfig) -> Tensor:
    """Self-attention of [1, hidden, T], to which frames up to WINDOW apart say how far apart they are."""
    size = config.hidden // config.heads
    query, key, value = (
        conv1d(weights, f"{name}.conv_{part}", x).view(config.heads, size, -1).transpose(1, 2) for part in "qkv"
    )
    query = query / math.sqrt(size)
    scores = query @ key.transpose(1, 2)
    near = query @ weights[f"{name}.emb_rel_k"][0].T
    offsets = range(-min(WINDOW, scores.shape[1] - 1), min(WINDOW, scores.shape[1] - 1) + 1)
    for offset in offsets:
        scores.diagonal(offset, 1, 2).add_(near[:, _rows(offset), WINDOW + offset])
    shares = scores.softmax(dim=-1)
    out = shares @ value
    for offset in offsets:
        out[:, _rows(offset)] += (
            shares.diagonal(offset, 1, 2)[..., None] * weights[f"{name}.emb_rel_v"][0, WINDOW + offset]
        )
    return conv1d(weights, f"{name}.conv_o", out.transpose(1, 2).reshape(1, config.hidden, -1))


def _rows(offset: int) -> slice:
    """The frames that have a frame `offset` later."""
    return slice(-offset, None) if offset < 0 else slice(0, -offset or None)


def _feed(weights: Weights, name: str, x: Tensor) -> Tensor:
    return conv1d(weights, f"{name}.conv_2", conv1d(weights, f"{name}.conv_1", x).relu())


def spoken_by(weights: Weights, config: RvcConfig, latent: Tensor, speaker: Tensor) -> Tensor:
    """The flow from last to first: [1, inter, T] of no speaker -> of this one. speaker: [1, speaker size, 1]."""
    for name in reversed(flow_names()):
        kept, moved = latent.flip(1).chunk(2, dim=1)
        hidden = _gated(weights, f"{name}.enc", conv1d(weights, f"{name}.pre", kept), speaker)
        moved = moved - conv1d(weights, f"{name}.post", hidden)
        latent = _joined(kept, moved)
    return latent


def _joined(first: Tensor, second: Tensor) -> Tensor:
    import torch

    return torch.cat([first, second], dim=1)


def _gated(weights: Weights, name: str, x: Tensor, speaker: Tensor) -> Tensor:
    """Gated convolutions with residual and skip paths, as in WaveNet (A. van den Oord et al., 2016)."""
    width = x.shape[1]
    conditions = conv1d(weights, f"{name}.cond_layer", speaker).split(2 * width, dim=1)
    skipped: Tensor = 0
    for layer in range(FLOW_LAYERS):
        both = conv1d(weights, f"{name}.in_layers.{layer}", x) + conditions[layer]
        gate = both[:, :width].tanh() * both[:, width:].sigmoid()
        out = conv1d(weights, f"{name}.res_skip_layers.{layer}", gate)
        if layer < FLOW_LAYERS - 1:
            x = x + out[:, :width]
            out = out[:, width:]
        skipped = skipped + out
    return skipped
