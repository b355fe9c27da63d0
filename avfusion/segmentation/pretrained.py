"""Folders as the hub hands them out -> models and processors of the transformers package."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from avfusion.errors import CannotRead, EngineNotReady


def load_model(folder: Path, kind: str | type, device: str) -> Any:
    """The model of a class, or of one of the transformers package by name, in evaluation mode on its device, with every
    weight from the folder.

    Raises CannotRead for a folder without a config, weights that are cut short, of something else or not all there,
    and EngineNotReady where torch and torchvision do not fit each other.
    """
    import torch
    from safetensors import SafetensorError

    _expect(folder, "config.json")
    model_class: Any = kind if isinstance(kind, type) else _class(kind)
    name: str = model_class.__name__
    try:
        with _quiet():
            model, found = model_class.from_pretrained(folder, local_files_only=True, output_loading_info=True)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, EOFError) as error:
        raise _unreadable(folder, name, error) from error
    except (SafetensorError, AttributeError, torch.serialization.pickle.UnpicklingError) as error:  # type: ignore[attr-defined]
        raise _unreadable(folder, name, error) from error
    if found["missing_keys"] or found["mismatched_keys"]:
        missing = sorted(map(str, found["missing_keys"] or found["mismatched_keys"]))
        raise CannotRead(f"{folder}: {len(missing)} weights of {name} are not there ({missing[0]}, ...). {_AGAIN}")
    return model.eval().to(device)


def load_processor(folder: Path, kind: str) -> Any:
    """What turns pictures and words into the model's inputs. Raises CannotRead."""
    _expect(folder, "config.json")
    try:
        with _quiet():
            return _class(kind).from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError) as error:
        raise _unreadable(folder, kind, error) from error


_AGAIN = "Delete the folder and fetch it again."


def _class(kind: str) -> Any:
    # The package puts another module in its own place while it is imported. A plain `import` in a second thread that
    # waits for the first would go on with what was there before.
    try:
        return getattr(importlib.import_module("transformers"), kind)
    except (ImportError, RuntimeError) as error:
        raise EngineNotReady(
            f"{kind} cannot be imported ({_first_line(error)}). torch and torchvision must be builds for each other: "
            "install both from the same package index."
        ) from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """No progress bars and no advice from transformers meanwhile: what matters is checked here, and raised."""
    from transformers.utils import logging

    before, had_bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        logging.set_verbosity(before)
        if had_bars:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def _expect(folder: Path, name: str) -> None:
    if not (folder / name).is_file():
        raise CannotRead(f"{folder}: there is no {name} in it. {_AGAIN}")


def _unreadable(folder: Path, kind: str, error: Exception) -> CannotRead:
    return CannotRead(f"{folder}: cannot be read as a {kind} ({_first_line(error)}). {_AGAIN}")


def _first_line(error: Exception) -> str:
    words = str(error).strip() or type(error).__name__
    return words.splitlines()[0].rstrip(".:")
