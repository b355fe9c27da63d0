"""A so-vits training that begins with somebody's networks (G_0.pth, D_0.pth) instead of random weights."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avfusion.errors import CannotRead
from avfusion.voice.layers import Tensor
from avfusion.voice.model_file import as_weights, check_shapes, read_file
from avfusion.voice.so_vits_files import fork, silent
from avfusion.voice.train_so_vits_config import Config

_IN_GENERATOR = "enc_p.enc_.attn_layers.0.conv_q.weight"
_IN_DISCRIMINATOR = "discriminators.0."


@dataclass(frozen=True)
class Start:
    """generator: a G_*.pth. discriminator: a D_*.pth; None: random weights, which learn to judge again."""

    generator: Path
    discriminator: Path | None = None


def check_files(start: Start) -> None:
    """Raises CannotRead for files that hold no such network, of whatever configuration."""
    generator_weights(start.generator)
    if start.discriminator is not None:
        discriminator_weights(start.discriminator)


def check_start(start: Start, config: Config) -> None:
    """Raises CannotRead for files that are not what they should be, or do not fit the configuration. Takes seconds."""
    import torch

    fork()
    from so_vits_svc_fork.modules.synthesizers import SynthesizerTrn

    judges: Any = importlib.import_module("so_vits_svc_fork.modules.descriminators")
    data, train, model = config["data"], config["train"], config["model"]
    with torch.device("meta"), silent():
        frames = train["segment_size"] // data["hop_length"]
        generator = SynthesizerTrn(data["filter_length"] // 2 + 1, frames, **model)
        discriminator = judges.MultiPeriodDiscriminator(model["use_spectral_norm"])
    _check(start.generator, generator_weights(start.generator), generator, "a generator of this configuration")
    if start.discriminator is not None:
        weights = discriminator_weights(start.discriminator)
        _check(start.discriminator, weights, discriminator, "the discriminator of this configuration")


def begin_with(start: Start, network: Any) -> None:
    """Gives the fork's lightning module the weights of files that `check_start` found good; optimizers begin anew."""
    network.net_g.load_state_dict(generator_weights(start.generator))
    if start.discriminator is not None:
        network.net_d.load_state_dict(discriminator_weights(start.discriminator))


def generator_weights(path: Path) -> dict[str, Tensor]:
    return _weights(path, _IN_GENERATOR, "so-vits generator (G_*.pth)")


def discriminator_weights(path: Path) -> dict[str, Tensor]:
    return _weights(path, _IN_DISCRIMINATOR, "so-vits discriminator (D_*.pth)")


def _weights(path: Path, sign: str, what: str) -> dict[str, Tensor]:
    held = read_file(path)
    weights = held.get("model") if isinstance(held, dict) else None
    if not isinstance(weights, dict) or not any(str(name).startswith(sign) for name in weights):
        raise CannotRead(f"{path}: holds no {what} to start from. Give another, or none.")
    return as_weights(path, weights)


def _check(path: Path, weights: dict[str, Tensor], network: Any, what: str) -> None:
    expected = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    check_shapes(path, weights, expected, of=what)
