"""Folders in diffusers' layout, one part in each -> networks, tokenizers and schedulers, with every weight there."""

from __future__ import annotations

import contextlib
import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from avfusion.errors import CannotRead

_AGAIN = "Delete the folder and fetch it again."
_SMALL = "fp16"


def load_network(folder: Path, package: str, kind: str, dtype: Any) -> Any:
    """The network of a class of that package ("diffusers" or "transformers"), in evaluation mode on the CPU.

    Weights come from safetensors files only, in half precision where the folder has no others. dtype: torch's, or
    "auto" for that of the files. Raises CannotRead for what is missing, cut short, or of something else.
    """
    from safetensors import SafetensorError

    _expect(folder, "config.json")
    network_class = getattr(importlib.import_module(package), kind)
    variant = _SMALL if any(folder.glob(f"*.{_SMALL}.safetensors")) else None
    precision = {"torch_dtype" if package == "diffusers" else "dtype": dtype}
    try:
        with quiet():
            network, found = network_class.from_pretrained(
                folder,
                local_files_only=True,
                use_safetensors=True,
                variant=variant,
                output_loading_info=True,
                **precision,
            )
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        raise _unreadable(folder, kind, error) from error
    missing = sorted(map(str, found["missing_keys"] or found["mismatched_keys"]))
    if missing:
        raise CannotRead(f"{folder}: {len(missing)} weights of {kind} are not there ({missing[0]}, ...). {_AGAIN}")
    return network.eval()


def load_tokenizer(folder: Path, kind: str) -> Any:
    """Raises CannotRead."""
    try:
        with quiet():
            return getattr(importlib.import_module("transformers"), kind).from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError) as error:
        raise _unreadable(folder, kind, error) from error


def load_scheduler(folder: Path) -> Any:
    """The scheduler of the class that its settings name. Raises CannotRead."""
    settings = read_settings(folder / "scheduler_config.json")
    diffusers = importlib.import_module("diffusers")
    name = str(settings.get("_class_name"))
    kind: Any = getattr(diffusers, name, None)
    is_known = isinstance(kind, type) and issubclass(kind, diffusers.SchedulerMixin)
    if not is_known:
        raise CannotRead(f"{folder}: names no scheduler that is known ({name}). {_AGAIN}")
    return kind.from_config(settings)


def read_settings(path: Path) -> dict[str, Any]:
    """What a file of settings says. Raises CannotRead."""
    _expect(path.parent, path.name)
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CannotRead(f"{path}: cannot be read ({_first_line(error)}). {_AGAIN}") from error
    if not isinstance(settings, dict):
        raise CannotRead(f"{path}: holds no settings. {_AGAIN}")
    return settings


def pipeline_class(kind: str) -> Any:
    """That of the diffusers package by its name."""
    return getattr(importlib.import_module("diffusers"), kind)


def place(pipeline: Any, device: str, roomy_bytes: int) -> None:
    """Puts a pipeline on its device: whole where roomy_bytes are free, else each part only while it computes."""
    import torch

    pipeline.set_progress_bar_config(disable=True)
    if torch.device(device).type == "cuda" and torch.cuda.mem_get_info(device)[0] < roomy_bytes:
        pipeline.enable_model_cpu_offload(device=device)
    else:
        pipeline.to(device)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """No progress bars and no advice from the packages meanwhile: what matters is checked, and raised."""
    with contextlib.ExitStack() as stack:
        for package in ("transformers", "diffusers"):
            logging = importlib.import_module(f"{package}.utils.logging")
            stack.callback(logging.set_verbosity, logging.get_verbosity())
            logging.set_verbosity_error()
            if logging.is_progress_bar_enabled():
                logging.disable_progress_bar()
                stack.callback(logging.enable_progress_bar)
        yield


def _expect(folder: Path, name: str) -> None:
    if not (folder / name).is_file():
        raise CannotRead(f"{folder}: there is no {name} in it. {_AGAIN}")


def _unreadable(folder: Path, kind: str, error: Exception) -> CannotRead:
    return CannotRead(f"{folder}: cannot be read as a {kind} ({_first_line(error)}). {_AGAIN}")


def _first_line(error: Exception) -> str:
    words = str(error).strip() or type(error).__name__
    return words.splitlines()[0].rstrip(".:")
