"""AutoVC (K. Qian et al., ICML 2019): an autoencoder whose bottleneck has room for the words and none for the voice;
and the speaker encoder it was trained with (L. Wan et al., "GE2E", ICASSP 2018)."""

from __future__ import annotations

from dataclasses import dataclass

from avfusion.voice.layers import Shape, Tensor, Weights, batch_norm, conv1d, conv_shapes, linear, lstm, lstm_shapes

MELS = 80
_CONVOLUTIONS = 3
_POST_CONVOLUTIONS = 5
_KERNEL = 5
_WIDTH = 512
_OUT_WIDTH = 1024
_CODE_LAYERS = 2
_OUT_LAYERS = 2
_SPEAKER_LAYERS = 3
_SPEAKER_WIDTH = 768


@dataclass(frozen=True)
class AutoVcConfig:
    """Sizes, in the terms of the paper. neck: of the code in each direction; every: frames from one code to the next;
    embedding: of a speaker; pre: the decoder's first width."""

    neck: int = 32
    embedding: int = 256
    pre: int = 512
    every: int = 32


def _convolution(name: str, out: int, size: int) -> dict[str, Shape]:
    norm: dict[str, Shape] = {f"{name}.1.{part}": (out,) for part in ("weight", "bias", "running_mean", "running_var")}
    return conv_shapes(f"{name}.0.conv", out, size, _KERNEL) | norm | {f"{name}.1.num_batches_tracked": ()}


def generator_shapes(config: AutoVcConfig) -> dict[str, Shape]:
    """Name -> shape of every tensor of the autoencoder."""
    shapes: dict[str, Shape] = {}
    for index in range(_CONVOLUTIONS):
        size = MELS + config.embedding if index == 0 else _WIDTH
        shapes |= _convolution(f"encoder.convolutions.{index}", _WIDTH, size)
        shapes |= _convolution(f"decoder.convolutions.{index}", config.pre, config.pre)
    shapes |= lstm_shapes("encoder.lstm", _WIDTH, config.neck, layers=_CODE_LAYERS, bidirectional=True)
    shapes |= lstm_shapes("decoder.lstm1", 2 * config.neck + config.embedding, config.pre, layers=1)
    shapes |= lstm_shapes("decoder.lstm2", config.pre, _OUT_WIDTH, layers=_OUT_LAYERS)
    projection = "decoder.linear_projection.linear_layer"
    shapes |= {f"{projection}.weight": (MELS, _OUT_WIDTH), f"{projection}.bias": (MELS,)}
    for index in range(_POST_CONVOLUTIONS):
        size = MELS if index == 0 else _WIDTH
        out = MELS if index == _POST_CONVOLUTIONS - 1 else _WIDTH
        shapes |= _convolution(f"postnet.convolutions.{index}", out, size)
    return shapes


def speaker_shapes(embedding: int = 256) -> dict[str, Shape]:
    """Name -> shape of every tensor of the speaker encoder."""
    shapes = lstm_shapes("lstm", MELS, _SPEAKER_WIDTH, layers=_SPEAKER_LAYERS)
    return shapes | {"embedding.weight": (embedding, _SPEAKER_WIDTH), "embedding.bias": (embedding,)}


def _convolved(weights: Weights, name: str, x: Tensor) -> Tensor:
    return batch_norm(weights, f"{name}.1", conv1d(weights, f"{name}.0.conv", x))


def codes(weights: Weights, config: AutoVcConfig, mel: Tensor, source: Tensor) -> Tensor:
    """What is said, with little of who says it: [B, T / every, 2 * neck].

    mel: [B, T, 80], T a multiple of `every`. source: [B, embedding], the speaker of `mel`.
    """
    import torch

    voice = source[:, :, None].expand(-1, -1, mel.shape[1])
    x = torch.cat([mel.transpose(1, 2), voice], dim=1)
    for index in range(_CONVOLUTIONS):
        x = _convolved(weights, f"encoder.convolutions.{index}", x).relu()
    both = lstm(weights, "encoder.lstm", x.transpose(1, 2), layers=_CODE_LAYERS, bidirectional=True)
    # Each direction is taken where it has heard the whole stretch.
    forward = both[:, config.every - 1 :: config.every, : config.neck]
    backward = both[:, :: config.every, config.neck :]
    return torch.cat([forward, backward], dim=2)


def spoken(weights: Weights, config: AutoVcConfig, code: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Mel spectra [B, T, 80] of the codes in the target's voice: before and after the last network's corrections.

    code: [B, T / every, 2 * neck]. target: [B, embedding].
    """
    import torch

    said = code.repeat_interleave(config.every, dim=1)
    x = torch.cat([said, target[:, None].expand(-1, said.shape[1], -1)], dim=2)
    x = lstm(weights, "decoder.lstm1", x, layers=1).transpose(1, 2)
    for index in range(_CONVOLUTIONS):
        x = _convolved(weights, f"decoder.convolutions.{index}", x).relu()
    x = lstm(weights, "decoder.lstm2", x.transpose(1, 2), layers=_OUT_LAYERS)
    mel = linear(weights, "decoder.linear_projection.linear_layer", x)
    correction = mel.transpose(1, 2)
    for index in range(_POST_CONVOLUTIONS):
        correction = _convolved(weights, f"postnet.convolutions.{index}", correction)
        if index < _POST_CONVOLUTIONS - 1:
            correction = correction.tanh()
    return mel, mel + correction.transpose(1, 2)


def embed(weights: Weights, mel: Tensor) -> Tensor:
    """The voice in each row of mel spectra, of length 1: [B, T, 80] -> [B, embedding]."""
    heard = lstm(weights, "lstm", mel, layers=_SPEAKER_LAYERS)[:, -1]
    voice = linear(weights, "embedding", heard)
    return voice / voice.norm(dim=1, keepdim=True)
