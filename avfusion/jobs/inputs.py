"""A job's inputs: put beside its file as links or copies, found there again, and seen to be the same as before."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from avfusion.clip import Drawn
from avfusion.errors import CannotRead, UsageError
from avfusion.jobs.job_file import Input, Job, located
from avfusion.media.digest import digest_of
from avfusion.media.target import whole_file, writing

FOLDER = "inputs"
_LONGEST_NAME_BYTES = 200
# Of the files beside a job file, so many may be read whole to find one that has another name than it had.
_MOST_LOOKED_AT = 50
# linux/fs.h: _IOW(0x94, 9, int), one file shares the blocks of another until either is written to.
_FICLONE = 0x40049409


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


def put(source: Path, target: Path, *, is_link: bool = True) -> None:
    """A hard link, or a copy where linking is impossible or not wanted. Raises `CannotWrite`."""
    source = source.resolve()
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            for path in sorted(source.rglob("*")):
                if path.is_file():
                    put(path, target / path.relative_to(source), is_link=is_link)
            return
        if is_link:
            with contextlib.suppress(OSError):
                os.link(source, target)
                return
        if not _shared(source, target):
            shutil.copyfile(source, target)


def _shared(source: Path, target: Path) -> bool:
    """A copy that takes no room until one of both is written to, where the file system has that."""
    with contextlib.suppress(OSError, ImportError), source.open("rb") as given, target.open("wb") as copy:
        import fcntl  # not on Windows

        fcntl.ioctl(copy, _FICLONE, given.fileno())
        return True
    return False


def checked(folder: Path, job: Job, sources: Mapping[str, Path] | None = None) -> dict[str, Path]:
    """Where the inputs lie. sources: what people call them. Raises `CannotRead`, and `UsageError` for one that changed
    since, or lies outside."""
    paths = {name: located(folder, one, f"inputs.{name}") for name, one in job.inputs.items()}
    for name, path in paths.items():
        if digest_of(path) != job.inputs[name].sha256:
            said = (sources or {}).get(name, path)
            raise UsageError(f"{said}: this file has changed since the job was made. Start a new one.")
    return paths


def found_beside(folder: Path, job: Job) -> Job:
    """The job with its inputs where they are: those that do not lie where it says, among the files of its folder.

    They are told by what is in them, and may have any name; those of the same name and ending are looked at first.
    Raises `CannotRead` that says where to put one that is nowhere, and `UsageError` as `located`.
    """
    inputs = {}
    for name, one in job.inputs.items():
        if not located(folder, one, f"inputs.{name}").exists():
            found = _of_digest(folder, one)
            if found is None:
                its = Path(one.path).name
                raise CannotRead(
                    f"{folder / one.path}: the job's {name} is not there. Put {its} beside the job file, in {folder}."
                )
            one = replace(one, path=found)
        inputs[name] = one
    return replace(job, inputs=inputs)


def _of_digest(folder: Path, one: Input) -> str | None:
    """The name of a file in the folder, or of a folder of the input's name, with just its content."""
    wanted = Path(one.path)
    files = [path for path in sorted(folder.iterdir()) if path.is_file() and path.suffix == wanted.suffix]
    files.sort(key=lambda path: (path.name != wanted.name, not path.name.startswith(wanted.stem)))
    folders = [folder / wanted.name] if (folder / wanted.name).is_dir() else []
    for path in (*folders, *files[:_MOST_LOOKED_AT]):
        with contextlib.suppress(CannotRead, UsageError):
            located(folder, Input(path.name, one.sha256), "")
            if digest_of(path) == one.sha256:
                return path.name
    return None


def _plain_name(source: Path) -> str:
    """The file's own name where every system and JSON take it, for messages; else a short one with its ending."""
    name = source.name
    is_plain = name.isprintable() and name.isascii() and "\\" not in name and ":" not in name
    if is_plain and len(name) <= _LONGEST_NAME_BYTES:
        return name
    ending = source.suffix if source.suffix.isascii() and source.suffix.isprintable() else ""
    return f"input{ending[:10]}"
