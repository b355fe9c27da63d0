"""Where a run writes: never over what it reads, no two files in one place, and nothing foreign without being told."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from avfusion.errors import CannotWrite, OutputIsInput, UsageError

_WORDS = {"out": "result", "saved": "saved job"}


def refuse_clashes(targets: Mapping[str, Path], inputs: Iterable[Path]) -> None:
    """targets: what is written, by name (`out`, `saved`, and what `Job.also` names). inputs: files and folders.

    Raises `OutputIsInput` for a target that is an input, or a file in one that is there already, by whatever name or
    link, and `UsageError` for two targets that are one, or of which one lies in the other.
    """
    for target, path in itertools.product(targets.values(), list(inputs)):
        if _is_same(target, path):
            raise OutputIsInput(f"{target}: the output would replace its own input. Choose another name.")
        if target.is_file() and path.is_dir() and _real(path) in _real(target).parents:
            raise OutputIsInput(f"{target}: the output would replace a file of its own input {path}. Choose another.")
    for (name, one), (other_name, other) in itertools.combinations(targets.items(), 2):
        if _is_same(one, other) or _real(one) in _real(other).parents or _real(other) in _real(one).parents:
            words = f"the {_WORDS.get(name, name)} and the {_WORDS.get(other_name, other_name)}"
            raise UsageError(f"{other}: {words} would lie in one place. Choose another name for one of them.")


def refuse_foreign(targets: Mapping[str, Path], own: Iterable[Mapping[str, str]]) -> None:
    """own: marks (`marks_of`) of what earlier runs of the same job wrote. Raises `CannotWrite` for what is there and
    has none of them: nobody on this machine said that it may go."""
    known = [dict(marks) for marks in own]
    for name, path in targets.items():
        is_empty_folder = path.is_dir() and not any(path.iterdir())
        if not os.path.lexists(path) or is_empty_folder:
            continue
        mark = _mark(path)
        if not any(mark and marks.get(name) == mark for marks in known):
            raise CannotWrite(
                f"{path}: this is there already, and the job would write its {_WORDS.get(name, name)} over it. "
                "Say with --out where the result goes; its other files are named after it."
            )


def marks_of(targets: Mapping[str, Path]) -> dict[str, str]:
    """What tells each file that was just written from any that takes its place later."""
    return {name: mark for name, path in targets.items() if (mark := _mark(path))}


def outs_beside(out: Path, before: Mapping[str, Path]) -> dict[str, Path]:
    """Where all goes that was to be written `before`, when its result goes to `out`: beside it, under the names that it
    had, or where the result has a new name, named after that: report -> `out.html`, map -> `out-map.mp4`."""
    is_renamed = out.name != before["out"].name
    outs = {"out": out}
    for name, path in before.items():
        ending = f"{'' if name == 'report' else f'-{name}'}{path.suffix}"
        if name != "out":
            outs[name] = out.with_name(f"{out.stem}{ending}" if is_renamed else path.name)
    return outs


def _mark(path: Path) -> str:
    """ "" where nothing is."""
    with contextlib.suppress(OSError):
        known = path.stat()
        return f"{path.resolve()} {known.st_ino} {known.st_size} {known.st_mtime_ns}"
    return ""


def _is_same(one: Path, other: Path) -> bool:
    """By whatever name or link, whether or not something is there."""
    with contextlib.suppress(OSError):
        if one.samefile(other):
            return True
    return _real(one) == _real(other)


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))
