"""An RVC voice's `.pth` -> its network: v1 and v2, any of their rates, with and without a pitch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avfusion.errors import CannotRead
from avfusion.voice.layers import Tensor
from avfusion.voice.model_file import as_weights, check_shapes, read_file, without_weight_norm
from avfusion.voice.rvc_config import FEATURES, RvcConfig, config_of, tensor_shapes
from avfusion.voice.rvc_network import RvcNetwork

_TRAINING_ONLY = "enc_q."
_SO_VITS = "enc_p.enc_."
_EMBEDDERS = ("contentvec", "hubert", "hubert_base")


@dataclass(frozen=True, eq=False)
class RvcVoice:
    """A voice as its file holds it. notes: what the user should know of it, one sentence each; trained: in the words of
    the file ("200epoch"), empty if it does not say."""

    path: Path
    network: RvcNetwork
    trained: str = ""
    notes: tuple[str, ...] = ()

    @property
    def config(self) -> RvcConfig:
        return self.network.config


def read_rvc(path: Path | str, *, device: str = "cpu") -> RvcVoice:
    """The voice in a file of RVC: `{weight, config, info, sr, f0, version}`, weights in half or full precision, their
    lengths and directions under torch's old or new names, or as one.

    Nothing in the file is run. Raises CannotRead with the reason: a checkpoint of training, a config that does not
    match the weights, another kind of file, damage, code in it.
    """
    path = Path(path)
    found = read_file(path)
    _refuse_others(path, found)
    weights = without_weight_norm(path, as_weights(path, found["weight"]))
    _refuse_training(path, weights)
    try:
        config = config_of(
            _with_speakers(found["config"], weights), version=found.get("version", "v1"), follows_pitch=_follows(found)
        )
    except ValueError as error:
        raise CannotRead(f"{path}: cannot be used: {error}.") from error
    _check_flags(path, config, weights)
    check_shapes(path, weights, tensor_shapes(config), of=f"an RVC {config.version} voice of this config")
    network = RvcNetwork(config, {name: weight.to(device) for name, weight in weights.items()})
    return RvcVoice(path, network, str(found.get("info", "")), _notes(found))


def _refuse_others(path: Path, found: object) -> None:
    if isinstance(found, Mapping) and "weight" in found and "config" in found:
        if str(found.get("vocoder", "HiFi-GAN")) != "HiFi-GAN":
            raise CannotRead(f"{path}: its decoder is {found['vocoder']}; only HiFi-GAN is known. Train with HiFi-GAN.")
        return
    if isinstance(found, Mapping) and isinstance(found.get("model"), Mapping):
        if any(str(name).startswith(_SO_VITS) for name in found["model"]):
            raise CannotRead(f"{path}: is a so-vits model. Use the engine so-vits.")
        raise CannotRead(
            f"{path}: is a checkpoint of training ({', '.join(sorted(map(str, found.keys())))}), and holds no config. "
            "Extract the small model from it where it was trained, and give that."
        )
    raise CannotRead(f"{path}: is not an RVC voice: there are no `weight` and `config` in it.")


def _refuse_training(path: Path, weights: Mapping[str, Tensor]) -> None:
    extra = [name for name in weights if name.startswith(_TRAINING_ONLY)]
    if extra:
        raise CannotRead(
            f"{path}: is a checkpoint of training: it holds the encoder of the recordings too ({extra[0]}, ...). "
            "Extract the small model from it where it was trained, and give that."
        )


def _with_speakers(values: object, weights: Mapping[str, Tensor]) -> object:
    """The config with the number of speakers that the weights have: the file's own is that of training."""
    table = weights.get("emb_g.weight")
    if not isinstance(values, list | tuple) or len(values) < 3 or table is None or table.ndim != 2:
        return values
    return [*values[:-3], int(table.shape[0]), *values[-2:]]


def _follows(found: Mapping[str, Any]) -> bool:
    if str(found.get("f0", 1)) not in {"0", "1", "True", "False"}:
        raise ValueError(f"its f0 is {found['f0']!r}, which should be 0 or 1")
    return str(found.get("f0", 1)) in {"1", "True"}


def _check_flags(path: Path, config: RvcConfig, weights: Mapping[str, Tensor]) -> None:
    """The two mistakes that are easily made get words of their own."""
    if config.follows_pitch != ("enc_p.emb_pitch.weight" in weights):
        says, has = ("a", "none") if config.follows_pitch else ("no", "one")
        raise CannotRead(
            f"{path}: its config and its weights do not match: it says that the voice follows {says} pitch (f0), and "
            f"the weights for it: {has}."
        )
    table = weights.get("enc_p.emb_phone.weight")
    if table is not None and table.ndim == 2 and table.shape[1] != config.features:
        fitting = next((version for version, size in FEATURES.items() if size == table.shape[1]), "neither version's")
        raise CannotRead(
            f"{path}: its config and its weights do not match: it says {config.version} ({config.features} features), "
            f"and its weights take {table.shape[1]} ({fitting})."
        )


def _notes(found: Mapping[str, Any]) -> tuple[str, ...]:
    embedder = str(found.get("embedder_model", "contentvec"))
    if re.sub(r"[-.]", "_", embedder) in _EMBEDDERS:
        return ()
    return (f"It was trained on features of {embedder}: with those of another encoder its words are not clear.",)
