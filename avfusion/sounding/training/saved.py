"""What a training leaves to go on with: weights and optimizer of its last steps, each whole or not there."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avfusion.errors import CannotRead
from avfusion.media.target import new_folder
from avfusion.sounding.networks.layers import Tensor
from avfusion.sounding.training.learner import Learner

_STEPS = "steps"
_KEPT = 2
_TENSORS, _FACTS = "state.safetensors", "state.json"


@dataclass(frozen=True)
class Best:
    """The best validation so far. score: by which weights are chosen."""

    step: int
    score: float


def folder_of(folder: Path, step: int) -> Path:
    return folder / _STEPS / f"{step:06d}"


def last_step(folder: Path) -> int | None:
    """The last step that was saved in a training's folder; None where none was."""
    return max(_saved(folder), default=None)


def save_step(folder: Path, learner: Learner, step: int, best: Best | None) -> Path:
    """Saves the step and forgets all but the last two. Raises `CannotWrite`."""
    from safetensors.torch import save_file

    tensors = {f"network.{name}": part.contiguous().cpu() for name, part in learner.network.state().items()}
    for name, state in learner.named_states().items():
        tensors |= {f"optimizer.{key}.{name}": value.contiguous().cpu() for key, value in state.items()}
    facts = {
        "step": step,
        "scaler": learner.scaler.state_dict(),
        "best": None if best is None else {"step": best.step, "score": best.score},
    }
    place = folder_of(folder, step)
    place.parent.mkdir(exist_ok=True)
    if place.is_dir():
        shutil.rmtree(place)
    with new_folder(place) as part:
        save_file(tensors, part / _TENSORS)
        (part / _FACTS).write_text(json.dumps(facts), encoding="utf-8")
    for old in sorted(_saved(folder))[:-_KEPT]:
        shutil.rmtree(folder_of(folder, old), ignore_errors=True)
    return place


@dataclass(frozen=True, eq=False)
class Saved:
    """network: as `Network.state` gave it. optimizer: name -> what was kept of that parameter."""

    step: int
    network: Mapping[str, Tensor]
    optimizer: Mapping[str, Mapping[str, Tensor]]
    scaler: Mapping[str, Any]
    best: Best | None


def read_step(folder: Path, step: int) -> Saved:
    """Raises `CannotRead`."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    place = folder_of(folder, step)
    try:
        facts = json.loads((place / _FACTS).read_text(encoding="utf-8"))
        best = None if facts["best"] is None else Best(int(facts["best"]["step"]), float(facts["best"]["score"]))
        tensors = load_file(place / _TENSORS)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise CannotRead(
            f"{place}: cannot be gone on with ({error}). Remove it to go on from the step before."
        ) from error
    optimizer: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        kind, _, rest = name.partition(".")
        if kind == "optimizer":
            key, _, of = rest.partition(".")
            optimizer.setdefault(of, {})[key] = tensor
    network = {name.removeprefix("network."): part for name, part in tensors.items() if name.startswith("network.")}
    return Saved(step, network, optimizer, facts["scaler"], best)


def resumed(learner: Learner, saved: Saved, source: Path) -> None:
    """Gives the optimizer what was kept; the network has its weights already. Raises `CannotRead`."""
    known = learner.network.learnt()
    odd = [name for name in saved.optimizer if name not in known]
    if odd:
        raise CannotRead(f"{source}: of another network than config.json says: nothing of this one is {odd[0]}.")
    learner.restore(saved.optimizer)
    learner.scaler.load_state_dict(dict(saved.scaler))


def _saved(folder: Path) -> set[int]:
    if not (folder / _STEPS).is_dir():
        return set()
    return {int(path.name) for path in (folder / _STEPS).iterdir() if re.fullmatch(r"\d{6,}", path.name)}
