"""Latent frames to sound: HiFi-GAN (J. Kong et al., NeurIPS 2020), with the sine source of neural source-filter models
(X. Wang et al., ICASSP 2019) for voices that follow a pitch."""

from __future__ import annotations

from avfusion.voice.layers import Tensor, Weights, conv1d, conv_transpose1d, leaky_relu, linear
from avfusion.voice.rvc_config import RvcConfig, source_kernel, source_stride

SINE = 0.1
VOICED_NOISE = 0.003
UNVOICED_NOISE = SINE / 3
_SLOPE = 0.1
# The last activation has the default slope of leaky ReLU, unlike all before it.
_LAST_SLOPE = 0.01


def sine_source(f0_hz: Tensor, config: RvcConfig, noise: Tensor) -> Tensor:
    """What the vocal cords do: a sine at the pitch where there is one, noise where there is none.

    f0_hz: [1, T], 0 where unvoiced. noise: [1, T * hop], standard normal. Returns [1, 1, T * hop].
    """
    import math

    import torch

    f0 = f0_hz.repeat_interleave(config.hop, dim=1)
    voiced = (f0 > 0).to(f0.dtype)
    # Cycles are summed in double precision: minutes of them leave nothing of a float's fraction.
    on_cpu = f0.device.type == "mps"
    cycles = (f0.cpu() if on_cpu else f0).to(torch.float64).div(config.rate_hz).cumsum(dim=1).remainder(1.0)
    sine = torch.sin(2 * math.pi * cycles).to(f0)
    loudness = voiced * VOICED_NOISE + (1 - voiced) * UNVOICED_NOISE
    return (SINE * sine * voiced + loudness * noise)[:, None]


def decode(weights: Weights, config: RvcConfig, latent: Tensor, speaker: Tensor, source: Tensor | None) -> Tensor:
    """Sound in -1..1, [1, 1, T * hop].

    latent: [1, inter, T]. speaker: [1, speaker size, 1]. source: [1, 1, T * hop], or None for a voice that follows no
    pitch.
    """
    x = conv1d(weights, "dec.conv_pre", latent) + conv1d(weights, "dec.cond", speaker)
    if source is not None:
        source = linear(weights, "dec.m_source.l_linear", source.transpose(1, 2)).tanh().transpose(1, 2)
    blocks = len(config.block_kernels)
    for stage, (rate, kernel) in enumerate(zip(config.rates, config.rate_kernels, strict=True)):
        x = leaky_relu(x, _SLOPE)
        x = conv_transpose1d(weights, f"dec.ups.{stage}", x, stride=rate, padding=(kernel - rate) // 2)
        if source is not None:
            x += _excited(weights, config, stage, source)
        total = _residual(weights, config, stage * blocks, x)
        for number in range(stage * blocks + 1, (stage + 1) * blocks):
            total += _residual(weights, config, number, x)
        x = total / blocks
    return conv1d(weights, "dec.conv_post", leaky_relu(x, _LAST_SLOPE)).tanh()


def _excited(weights: Weights, config: RvcConfig, stage: int, source: Tensor) -> Tensor:
    """The source at the pace of this stage."""
    is_last = source_kernel(config, stage) == 1
    stride = source_stride(config, stage)
    return conv1d(weights, f"dec.noise_convs.{stage}", source, stride=stride, padding=0 if is_last else stride // 2)


def _residual(weights: Weights, config: RvcConfig, number: int, x: Tensor) -> Tensor:
    """One of the parallel residual blocks: pairs of a dilated and a plain convolution."""
    name = f"dec.resblocks.{number}"
    for row, dilation in enumerate(config.block_dilations[number % len(config.block_kernels)]):
        step = conv1d(weights, f"{name}.convs1.{row}", leaky_relu(x, _SLOPE), dilation=dilation)
        x = x + conv1d(weights, f"{name}.convs2.{row}", leaky_relu(step, _SLOPE))
    return x
