"""A job's inputs: put beside its file as links or copies, found there again, and seen to be the same as before."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from avfusion.clip import Drawn
from avfusion.errors import UsageError
from avfusion.jobs.job_file import Input, Job, located
from avfusion.media.digest import digest_of
from avfusion.media.target import whole_file, writing

FOLDER = "inputs"
_LONGEST_NAME_BYTES = 200


def gather(folder: Path, sources: Mapping[str, Path]) -> dict[str, Input]:
    """Puts files and folders under `folder`, each by a hard link, or a copy where linking is impossible.

    A link and its original are one file: who changes the original in place changes the input, and its digest says so.
    Raises `CannotRead` and `CannotWrite`.
    """
    found = {}
    for name, source in sources.items():
        sha256 = digest_of(source)
        path = f"{FOLDER}/{name}/{_plain_name(source)}"
        put(source, folder / path)
        found[name] = Input(path, sha256)
    return found


def gather_masks(folder: Path, masks: Mapping[str, Drawn]) -> dict[str, Input]:
    """Writes drawn masks as PNGs, 0/255. Raises `CannotWrite`."""
    from PIL import Image

    found = {}
    for name, drawn in masks.items():
        path = f"{FOLDER}/{name}/mask.png"
        with writing(folder / path):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
        with whole_file(folder / path) as part:
            Image.fromarray(drawn.mask.view("uint8") * 255).save(part, "PNG")
        found[name] = Input(path, digest_of(folder / path))
    return found


def put(source: Path, target: Path) -> None:
    """A hard link, or a copy where linking is impossible. Raises `CannotWrite`."""
    source = source.resolve()
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            for path in sorted(source.rglob("*")):
                if path.is_file():
                    put(path, target / path.relative_to(source))
            return
        try:
            os.link(source, target)
        except OSError:
            shutil.copyfile(source, target)


def checked(folder: Path, job: Job) -> dict[str, Path]:
    """Where the inputs lie. Raises `CannotRead`, and `UsageError` for one that changed since, or lies outside."""
    paths = {name: located(folder, one, f"inputs.{name}") for name, one in job.inputs.items()}
    for name, path in paths.items():
        if digest_of(path) != job.inputs[name].sha256:
            raise UsageError(f"{path}: this file has changed since the job was made. Start a new one.")
    return paths


def _plain_name(source: Path) -> str:
    """The file's own name where every system and JSON take it, for messages; else a short one with its ending."""
    name = source.name
    is_plain = name.isprintable() and name.isascii() and "\\" not in name and ":" not in name
    if is_plain and len(name) <= _LONGEST_NAME_BYTES:
        return name
    ending = source.suffix if source.suffix.isascii() and source.suffix.isprintable() else ""
    return f"input{ending[:10]}"
