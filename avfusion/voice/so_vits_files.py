"""A user's so-vits files (`G_*.pth`, `config.json`, `kmeans.pt`) -> a loaded model of so-vits-svc-fork, or why not."""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avfusion.errors import CannotRead
from avfusion.segmentation.pretrained import load_model
from avfusion.voice.model_file import check_own_memory, read_file, refuse_what_is_no_file
from avfusion.voice.so_vits_clusters import read_clusters

LARGEST_CONFIG_BYTES = 1_000_000
# What no voice exceeds: a config with more in it is damaged or means harm.
_MOST, _MOST_HZ, _MOST_LAYERS = 65_536, 192_000, 64
_ONE_LOADER = threading.Lock()


@dataclass(frozen=True)
class SoVitsFiles:
    """weights: a generator's checkpoint. clusters: the k-means of its speakers, where there is one."""

    weights: Path
    config: Path
    clusters: Path | None = None


def load_svc(files: SoVitsFiles, encoder: Path, device: str) -> Any:
    """The fork's own `Svc` on a device, with the content encoder from a local folder.

    Every weight of the network is in the checkpoint, with the shape that the config says. Nothing in the files is run,
    nothing is downloaded. Raises CannotRead.
    """
    settings = _settings(files.config)
    weights = _weights(files.weights)
    core = fork()
    _check_fit(files, settings, weights)
    clusters = None if files.clusters is None else read_clusters(files.clusters)
    with _ONE_LOADER, _encoder_from(encoder), silent():
        svc = core.Svc(net_g_path=files.weights, config_path=files.config, device=device)
    svc.hubert_model.eval()
    if clusters is not None:
        svc.cluster_model = clusters
    return svc


def _settings(path: Path) -> dict[str, Any]:
    try:
        refuse_what_is_no_file(path, LARGEST_CONFIG_BYTES)
        settings = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise CannotRead(f"{path}: cannot be read as a so-vits config.json ({first_line(error)}).") from error
    if not isinstance(settings, dict) or not all(isinstance(settings.get(part), dict) for part in PARTS):
        raise CannotRead(f"{path}: not the config.json of a so-vits model: it needs {', '.join(PARTS)}.")
    if not settings["spk"]:
        raise CannotRead(f"{path}: names no speaker under spk.")
    missing = [name for name in ("sampling_rate", "hop_length", "filter_length") if name not in settings["data"]]
    if missing or "segment_size" not in settings["train"]:
        raise CannotRead(
            f"{path}: not the config.json of a so-vits model: {', '.join(missing) or 'segment_size'} is missing."
        )
    _check_sizes(path, settings)
    return settings


def _check_sizes(path: Path, settings: dict[str, Any]) -> None:
    """Numbers that a model can have, before anything is built of that size."""
    data, model = settings["data"], settings["model"]
    for name, value, most in (
        ("sampling_rate", data["sampling_rate"], _MOST_HZ),
        ("hop_length", data["hop_length"], _MOST),
        ("filter_length", data["filter_length"], _MOST),
        ("segment_size", settings["train"]["segment_size"], _MOST_HZ),
        ("n_layers", model.get("n_layers", 1), _MOST_LAYERS),
        *((name, size, _MOST) for name, held in model.items() for size in _numbers(held) if name != "n_layers"),
    ):
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
            raise CannotRead(f"{path}: {name} is {_shown(value)}, where a whole number up to {most} belongs.")
    if 0 in (data["sampling_rate"], data["hop_length"], data["filter_length"]):
        raise CannotRead(f"{path}: a rate or a length of 0 is no so-vits model's. Give the config.json of the voice.")
    speakers, known = settings["spk"], model.get("n_speakers", 0)
    if any(isinstance(place, bool) or not isinstance(place, int) for place in speakers.values()):
        raise CannotRead(f"{path}: spk gives a speaker something else than a number.")
    if len(set(speakers.values())) < len(speakers) or not all(0 <= place < known for place in speakers.values()):
        raise CannotRead(f"{path}: spk numbers its speakers otherwise than once each, below n_speakers ({known}).")


def _numbers(value: Any) -> Iterator[Any]:
    """The whole numbers in it, however deep."""
    if isinstance(value, list):
        for part in value:
            yield from _numbers(part)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield value


def _shown(value: Any) -> str:
    return repr(value)[:40]


PARTS = ("train", "data", "model", "spk")


def _weights(path: Path) -> dict[str, Any]:
    held = read_file(path)
    if isinstance(held, dict) and "weight" in held and "config" in held:
        raise CannotRead(f"{path}: this is an RVC model. Use the engine rvc.")
    if not isinstance(held, dict) or not isinstance(held.get("model"), dict):
        raise CannotRead(f"{path}: holds no so-vits generator (G_*.pth of so-vits-svc-fork 4.0).")
    if "enc_p.enc_.attn_layers.0.conv_q.weight" not in held["model"]:
        is_other = _is_discriminator(held["model"])
        what = "a discriminator (D_*.pth); give the G_*.pth beside it" if is_other else "something else"
        raise CannotRead(f"{path}: holds no so-vits generator but {what}.")
    if "iteration" not in held or "learning_rate" not in held:
        raise CannotRead(f"{path}: not a checkpoint of so-vits-svc-fork: iteration or learning_rate is missing.")
    check_own_memory(path, [weight for weight in held["model"].values() if hasattr(weight, "untyped_storage")])
    return dict(held["model"])


def _is_discriminator(weights: dict[str, Any]) -> bool:
    return any(name.startswith("discriminators.") for name in weights)


def _check_fit(files: SoVitsFiles, settings: dict[str, Any], weights: dict[str, Any]) -> None:
    """Names and shapes, before memory is taken for what the config asks for."""
    import torch
    from so_vits_svc_fork.modules.synthesizers import SynthesizerTrn

    data, train = settings["data"], settings["train"]
    try:
        with torch.device("meta"), silent():
            network = SynthesizerTrn(
                data["filter_length"] // 2 + 1, train["segment_size"] // data["hop_length"], **settings["model"]
            )
    except (TypeError, ValueError, RuntimeError, ZeroDivisionError, IndexError, AssertionError) as error:
        raise CannotRead(f"{files.config}: no so-vits network can be built from it ({first_line(error)}).") from error
    wanted = {name: tuple(weight.shape) for name, weight in network.state_dict().items()}
    found = {name: tuple(getattr(weight, "shape", ())) for name, weight in weights.items()}
    missing, left_over = sorted(wanted.keys() - found.keys()), sorted(found.keys() - wanted.keys())
    if missing or left_over:
        what = f"{missing[0]} is missing" if missing else f"{left_over[0]} has no place"
        raise CannotRead(
            f"{files.weights}: does not fit {files.config.name}: {what}. Give the config.json it was trained with."
        )
    for name, shape in wanted.items():
        if shape != found[name]:
            raise CannotRead(
                f"{files.weights}: does not fit {files.config.name}: {name} is {list(found[name])}, and the "
                f"config says {list(shape)}. Give the config.json it was trained with."
            )


def fork() -> Any:
    """The fork's inference module. Importing it takes over Python's logging: that is put back."""
    # Here, so that another thread that imports it at the same time does no harm (`segmentation.pretrained` says why).
    importlib.import_module("transformers")
    with own_logging():
        from so_vits_svc_fork.inference import core
    return core


@contextlib.contextmanager
def own_logging() -> Iterator[None]:
    """Python's logging as it was, once the fork is imported."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        yield
    finally:
        logging.captureWarnings(False)
        root.handlers[:] = handlers
        root.setLevel(level)


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Without the warnings of the fork and of what it uses: they are for its authors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def read_encoder(folder: Path, device: str, *, projected: bool) -> Any:
    """The content encoder as the fork has it. projected: with the layer that older models need. Raises CannotRead."""
    from so_vits_svc_fork import utils
    from transformers import HubertModel

    return load_model(folder, utils.HubertModelWithFinalProj if projected else HubertModel, device)


@contextlib.contextmanager
def _encoder_from(folder: Path) -> Iterator[None]:
    """Lets the fork take its content encoder from `folder`; its own code knows only the hub's address of it."""
    from so_vits_svc_fork import utils

    theirs = utils.get_hubert_model

    def from_folder(device: Any, final_proj: bool = True) -> Any:
        return read_encoder(folder, str(device), projected=final_proj)

    utils.get_hubert_model = from_folder
    try:
        yield
    finally:
        utils.get_hubert_model = theirs


def first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
