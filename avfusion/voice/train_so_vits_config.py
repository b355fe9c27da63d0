"""What a so-vits training goes by: so-vits-svc-fork's own configuration or a user's, checked before any work."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from avfusion.errors import CannotRead, EngineNotReady, UsageError
from avfusion.voice.model_file import refuse_what_is_no_file
from avfusion.voice.so_vits_files import LARGEST_CONFIG_BYTES, first_line, fork, silent

Config = dict[str, Any]

_TEMPLATE = Path("preprocessing", "config_templates", "so-vits-svc-4.0v1.json")
# What decides the features that a network learns from; the rest of a configuration may change without new ones.
_OF_FEATURES = (
    "sampling_rate", "filter_length", "hop_length", "win_length", "n_mel_channels", "mel_fmin", "mel_fmax",
    "contentvec_final_proj",
)  # fmt: skip


def new_config(given: Path | None, speakers: Sequence[str]) -> Config:
    """The configuration of a new training. given: a user's; what its `train` and `data` leave out is as in the fork's.

    Its networks begin with random weights: those that the fork would fetch are never fetched. Raises CannotRead, and
    UsageError for more speakers than the network has room for.
    """
    own = None if given is None else _read(given)
    config = _read(_template())
    if own is not None:
        config = {
            "train": config["train"] | own["train"],
            "data": config["data"] | own["data"],
            "model": {"use_spectral_norm": False} | own["model"],
        }
    # A string that the fork knows no address for, so that the fork itself fetches nothing from this configuration.
    config["model"]["pretrained"] = "none"
    room = config["model"].get("n_speakers", 0)
    if not isinstance(room, int) or len(speakers) > room:
        raise UsageError(f"{given or 'so-vits'}: there is room for {room} speakers, and {len(speakers)} are given.")
    return config | {"spk": {speaker: number for number, speaker in enumerate(speakers)}}


def stored_config(path: Path) -> Config:
    """That of a training which goes on. Raises CannotRead."""
    config = _read(path)
    if not isinstance(config.get("spk"), dict) or not config["spk"]:
        raise CannotRead(f"{path}: names no speaker under spk.")
    return config


def check_config(config: Config, path: Path | None, encoder: Path) -> None:
    """Whether networks can be built from it, for the features of the content encoder in that folder.

    Imports so-vits-svc-fork. Raises CannotRead, and names `path`.
    """
    import torch

    fork()
    from so_vits_svc_fork.modules.synthesizers import SynthesizerTrn

    where = path or "the fork's own configuration"
    model, data, train = config["model"], config["data"], config["train"]
    features, size = encoder_size(encoder, projected=is_projected(config)), model.get("ssl_dim")
    if size != features:
        raise CannotRead(f"{where}: ssl_dim is {size}, and the content encoder says {features} values a frame.")
    try:
        with torch.device("meta"), silent():
            SynthesizerTrn(data["filter_length"] // 2 + 1, train["segment_size"] // data["hop_length"], **model)
        samples = math.prod(model["upsample_rates"]) if model.get("type_") == "hifi-gan" else data["hop_length"]
        fits = samples == data["hop_length"] and train["segment_size"] % data["hop_length"] == 0
    except (KeyError, TypeError, ValueError, RuntimeError, ZeroDivisionError, IndexError, AssertionError) as error:
        raise CannotRead(f"{where}: no so-vits network can be built from it ({first_line(error)}).") from error
    if not fits:
        raise CannotRead(f"{where}: upsample_rates, hop_length and segment_size do not fit each other.")


def is_projected(config: Mapping[str, Any]) -> bool:
    """Whether it learns from the encoder's older, projected features; the fork's default for old configurations."""
    return bool(config["data"].get("contentvec_final_proj", True))


def encoder_size(encoder: Path, *, projected: bool) -> int:
    """Values that the content encoder in a folder gives for one frame. Raises CannotRead."""
    try:
        facts = json.loads((encoder / "config.json").read_text("utf-8"))
        return int(facts["classifier_proj_size" if projected else "hidden_size"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CannotRead(f"{encoder}: cannot be read as a content encoder ({first_line(error)}).") from error


def of_features(config: Config) -> Config:
    """What of it decides the features, to know whether those that were prepared are still right."""
    return {name: config["data"].get(name) for name in _OF_FEATURES} | {"spk": config["spk"]}


def _template() -> Path:
    found = find_spec("so_vits_svc_fork")
    if found is None or found.origin is None:
        raise EngineNotReady("so-vits needs the package so-vits-svc-fork. Run: pip install 'avfusion[voice]'")
    return Path(found.origin).parent / _TEMPLATE


def _read(path: Path) -> Config:
    try:
        refuse_what_is_no_file(path, LARGEST_CONFIG_BYTES)
        config = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise CannotRead(f"{path}: cannot be read as a so-vits config.json ({first_line(error)}).") from error
    parts = ("train", "data", "model")
    if not isinstance(config, dict) or not all(isinstance(config.get(part), dict) for part in parts):
        raise CannotRead(f"{path}: not the config.json of a so-vits model: it needs {', '.join(parts)}.")
    return config
