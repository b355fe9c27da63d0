"""What was learnt of a clip's objects: found under a folder, or learnt and put there."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import astuple, replace
from pathlib import Path

import numpy as np

from avfusion.tracking import Example
from avfusion.tracking.learning import LearningSettings, Tell, lessons, train
from avfusion.tracking.network import Weights, fresh, placed

FORMAT = "online 1"
"""Changes when weights that were kept before no longer mean the same."""


def known(
    examples: Sequence[Example], settings: LearningSettings, device: str, folder: Path | None, tell: Tell
) -> Weights:
    """The weights after these examples, the newest last, on `device`.

    Each example is learnt on top of the ones before it, and each of these states is kept (safetensors) in `folder`, so
    that what comes out does not depend on what was found there. Without a folder nothing is kept.
    """
    names = [f"{key}.safetensors" for key in _keys(examples, settings)]
    done = _found(folder, names) if folder is not None else 0
    weights = _loaded(folder / names[done - 1], device) if folder is not None and done else _start(settings, device)
    sizes = [settings.steps if index == 0 else settings.more_steps for index in range(len(examples))]
    total, course = sum(sizes[done:]), []
    if not total:
        return weights
    course = [lessons(example, settings, device) for example in examples]
    for index in range(done, len(examples)):
        before = sum(sizes[done:index])
        weights = train(weights, course[: index + 1], settings, _shifted(tell, before, total))
        if folder is not None:
            _keep(weights, folder / names[index])
    return weights


def _keys(examples: Sequence[Example], settings: LearningSettings) -> list[str]:
    """A name for each state: from the settings and all examples up to it."""
    digest = hashlib.sha256(repr((FORMAT, astuple(_of_keys(settings)))).encode())
    keys = []
    for example in examples:
        for plane in example.frame.yuv:
            digest.update(repr(plane.shape).encode() + np.ascontiguousarray(plane).data)
        for number, mask in sorted(example.masks.items()):
            digest.update(repr((number, mask.shape)).encode() + np.packbits(mask).data)
        keys.append(digest.hexdigest()[:24])
    return keys


def _shifted(tell: Tell, before: int, total: int) -> Tell:
    return lambda done, _: tell(before + done, total)


def _of_keys(settings: LearningSettings) -> LearningSettings:
    """The settings without those that only count later, while the object is followed."""
    usual = LearningSettings()
    later = {name: getattr(usual, name) for name in vars(usual) if name.startswith("later_")}
    return replace(settings, **later)


def _found(folder: Path, names: Sequence[str]) -> int:
    """How many examples the newest state that is there has learnt."""
    return next((count for count in range(len(names), 0, -1) if (folder / names[count - 1]).is_file()), 0)


def _start(settings: LearningSettings, device: str) -> Weights:
    return placed(fresh(settings.network, settings.seed), device)


def _loaded(path: Path, device: str) -> Weights:
    from safetensors.torch import load_file

    return placed(load_file(path), device)


def _keep(weights: Weights, path: Path) -> None:
    """Whole or not at all: written beside, then renamed."""
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        save_file({name: value.cpu().contiguous() for name, value in weights.items()}, beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
