"""RMVPE's network (H. Wei et al., Interspeech 2023): log-mel spectra -> how much each of 360 pitches is there.

A U-Net over time and frequency, three maps of it through a recurrent layer. Tensors have the names that the published
`rmvpe.pt` gives them.
"""

from __future__ import annotations

from dataclasses import dataclass

from avfusion.voice.layers import Shape, Tensor, Weights, batch_norm, linear

BINS = 360
_KERNEL = 3
_MAPS = 3
_NORM = ("weight", "bias", "running_mean", "running_var")
# Where convolutions and normalisations lie in a block: 2 and 5 have no weights.
_FIRST, _FIRST_NORM, _SECOND, _SECOND_NORM = 0, 1, 3, 4


@dataclass(frozen=True)
class RmvpeConfig:
    """Sizes; as they are left, those of the published weights.

    mels: a multiple of `step`. depth: halvings of time and frequency. between: layers at the bottom. blocks: of two
    convolutions each, in every layer. channels: of the first layer; each deeper one has twice as many. hidden: of the
    recurrent layer in each direction.
    """

    mels: int = 128
    depth: int = 5
    between: int = 4
    blocks: int = 4
    channels: int = 16
    hidden: int = 256

    @property
    def step(self) -> int:
        """Frames must be a multiple of this."""
        return int(2**self.depth)


def tensor_shapes(config: RmvpeConfig) -> dict[str, Shape]:
    """Name -> shape of every tensor."""
    shapes = _norm_shapes("unet.encoder.bn", 1)
    size = 1
    for layer in range(config.depth):
        out = config.channels * 2**layer
        shapes |= _blocks_shapes(f"unet.encoder.layers.{layer}.conv", out, size, config.blocks)
        size = out
    for layer in range(config.between):
        out = config.channels * 2**config.depth
        shapes |= _blocks_shapes(f"unet.intermediate.layers.{layer}.conv", out, size, config.blocks)
        size = out
    for layer in range(config.depth):
        name, out = f"unet.decoder.layers.{layer}", size // 2
        shapes |= {f"{name}.conv1.0.weight": (size, out, _KERNEL, _KERNEL)} | _norm_shapes(f"{name}.conv1.1", out)
        shapes |= _blocks_shapes(f"{name}.conv2", out, 2 * out, config.blocks)
        size = out
    shapes |= {"cnn.weight": (_MAPS, size, _KERNEL, _KERNEL), "cnn.bias": (_MAPS,)}
    for part in _gru_parts():
        width = _MAPS * config.mels if "_ih" in part else config.hidden
        shapes[f"fc.0.gru.{part}"] = (3 * config.hidden, width) if "weight" in part else (3 * config.hidden,)
    return shapes | {"fc.1.weight": (BINS, 2 * config.hidden), "fc.1.bias": (BINS,)}


def salience(weights: Weights, config: RmvpeConfig, mel: Tensor) -> Tensor:
    """[B, T, mels], T a multiple of `config.step` -> [B, T, BINS] in 0..1."""
    from torch.nn import functional

    x = batch_norm(weights, "unet.encoder.bn", mel[:, None])
    passed = []
    for layer in range(config.depth):
        x = _blocks(weights, f"unet.encoder.layers.{layer}.conv", x, config.blocks)
        passed.append(x)
        x = functional.avg_pool2d(x, 2)
    for layer in range(config.between):
        x = _blocks(weights, f"unet.intermediate.layers.{layer}.conv", x, config.blocks)
    for layer in range(config.depth):
        x = _unpooled(weights, f"unet.decoder.layers.{layer}", x, passed.pop(), config.blocks)
    maps = functional.conv2d(x, weights["cnn.weight"], weights["cnn.bias"], padding=1)
    heard = _gru(weights, "fc.0.gru", maps.transpose(1, 2).flatten(2))
    return linear(weights, "fc.1", heard).sigmoid()


def _blocks(weights: Weights, name: str, x: Tensor, count: int) -> Tensor:
    """Blocks of two convolutions with what came in added to what goes out."""
    from torch.nn import functional

    for block in range(count):
        here = f"{name}.{block}"
        out = _convolved(weights, f"{here}.conv.{_FIRST}", f"{here}.conv.{_FIRST_NORM}", x)
        out = _convolved(weights, f"{here}.conv.{_SECOND}", f"{here}.conv.{_SECOND_NORM}", out)
        if f"{here}.shortcut.weight" in weights:
            x = functional.conv2d(x, weights[f"{here}.shortcut.weight"], weights[f"{here}.shortcut.bias"])
        x = out + x
    return x


def _convolved(weights: Weights, name: str, norm: str, x: Tensor) -> Tensor:
    from torch.nn import functional

    return batch_norm(weights, norm, functional.conv2d(x, weights[f"{name}.weight"], padding=1)).relu()


def _unpooled(weights: Weights, name: str, x: Tensor, beside: Tensor, blocks: int) -> Tensor:
    """Twice as long and wide, with what the encoder had at that size beside it."""
    import torch
    from torch.nn import functional

    x = functional.conv_transpose2d(x, weights[f"{name}.conv1.0.weight"], stride=2, padding=1, output_padding=1)
    x = batch_norm(weights, f"{name}.conv1.1", x).relu()
    return _blocks(weights, f"{name}.conv2", torch.cat([x, beside], dim=1), blocks)


def _gru(weights: Weights, name: str, x: Tensor) -> Tensor:
    """[B, T, in] -> [B, T, twice the hidden size], from a state of zeros."""
    import torch

    flat = [weights[f"{name}.{part}"] for part in _gru_parts()]
    zeros = x.new_zeros(2, x.shape[0], flat[1].shape[1])
    return torch.gru(x, zeros, flat, True, 1, 0.0, False, True, True)[0]


def _gru_parts() -> list[str]:
    """In the order in which torch takes them."""
    kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    return [f"{kind}_l0{way}" for way in ("", "_reverse") for kind in kinds]


def _blocks_shapes(name: str, out: int, size: int, count: int) -> dict[str, Shape]:
    shapes: dict[str, Shape] = {}
    for block in range(count):
        here = f"{name}.{block}"
        shapes |= {f"{here}.conv.{_FIRST}.weight": (out, size, _KERNEL, _KERNEL)}
        shapes |= _norm_shapes(f"{here}.conv.{_FIRST_NORM}", out)
        shapes |= {f"{here}.conv.{_SECOND}.weight": (out, out, _KERNEL, _KERNEL)}
        shapes |= _norm_shapes(f"{here}.conv.{_SECOND_NORM}", out)
        if out != size:
            shapes |= {f"{here}.shortcut.weight": (out, size, 1, 1), f"{here}.shortcut.bias": (out,)}
        size = out
    return shapes


def _norm_shapes(name: str, size: int) -> dict[str, Shape]:
    counted: dict[str, Shape] = {f"{name}.num_batches_tracked": ()}
    return {f"{name}.{part}": (size,) for part in _NORM} | counted
