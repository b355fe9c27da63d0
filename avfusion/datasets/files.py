"""Tables, lists and files of a data set: read, or named in the error where they are missing."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from avfusion.errors import CannotRead
from avfusion.media.container import said

_NAMED_AT_MOST = 5


def root_of(folder: Path, rooms: Iterable[Path], file: str) -> Path:
    """The first of `folder` / room that holds `file`. Raises `CannotRead`, saying where it was looked for."""
    rooms = list(rooms)
    for room in rooms:
        if (folder / room / file).is_file():
            return folder / room
    raise CannotRead(f"{folder}: the data set's {file} is not here. It is looked for as {rooms[0] / file}.")


def read_table(path: Path) -> tuple[list[str], list[list[str]]]:
    """(column names, rows) of a CSV file; empty lines are left out. Raises `CannotRead`."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = [line for line in csv.reader(file) if any(cell.strip() for cell in line)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CannotRead(f"{path}: cannot be read as a table ({said(error)}).") from error
    if not lines:
        raise CannotRead(f"{path}: the table is empty.")
    head = [name.strip() for name in lines[0]]
    short = next((line for line in lines if len(line) < len(head)), None)
    if short is not None:
        raise CannotRead(f"{path}: a row has {len(short)} cells and the head {len(head)}: {','.join(short)[:80]}")
    return head, [[cell.strip() for cell in line] for line in lines[1:]]


def read_json(path: Path) -> Any:
    """Raises `CannotRead`."""
    try:
        with path.open(encoding="utf-8") as file:
            return json.load(file)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise CannotRead(f"{path}: cannot be read as JSON ({said(error)}).") from error


def need_files(
    folder: Path, paths: Iterable[Path], what: tuple[str, str] = ("file of the data set", "files of the data set")
) -> None:
    """Raises `CannotRead` where some are not there: how many, and the first of them by name. what: one, many."""
    missing = [path for path in paths if not path.is_file()]
    if not missing:
        return
    named = ", ".join(_inside(path, folder) for path in missing[:_NAMED_AT_MOST])
    more = f" and {len(missing) - _NAMED_AT_MOST} more" if len(missing) > _NAMED_AT_MOST else ""
    said = f"1 {what[0]} is" if len(missing) == 1 else f"{len(missing)} {what[1]} are"
    raise CannotRead(f"{folder}: {said} missing: {named}{more}.")


def chosen(folder: Path, known: Sequence[str], names: Sequence[str] | None) -> list[str]:
    """`names`, or all that are known. Raises `CannotRead` for a name that is not."""
    unknown = [name for name in names or () if name not in set(known)]
    if unknown:
        such = f"{len(known)}, such as {', '.join(known[:3])}" if len(known) > 3 else ", ".join(known)
        raise CannotRead(f"{folder}: there is no clip {unknown[0]} here. There are: {such}.")
    return list(names or known)


def no_split(folder: Path, split: str, there: Iterable[str]) -> CannotRead:
    """What to raise where nothing is of the split that was asked for. there: the splits of which there is something."""
    known = ", ".join(there)
    return CannotRead(f"{folder}: there is no clip of the split {split} here. There are: {known or 'none at all'}.")


_Part = TypeVar("_Part")


def entry(holder: Any, key: str, kind: type[_Part], where: str) -> _Part:
    """`holder[key]`, a part of a JSON file. where: file and place, for the message. Raises `CannotRead`."""
    if not isinstance(holder, dict):
        raise CannotRead(f"{where} is {_KINDS[type(holder)]}, and should be an object with {key!r} in it.")
    if key not in holder:
        raise CannotRead(f"{where} has no {key!r}.")
    found = holder[key]
    if not isinstance(found, kind) or (isinstance(found, bool) and kind is not bool):
        raise CannotRead(f"{where}: {key!r} is {_KINDS[type(found)]}, and should be {_KINDS[kind]}.")
    return found


def number(value: Any, what: str, where: str) -> int:
    """A whole number of a JSON file, be it written as text. Raises `CannotRead`."""
    try:
        if not isinstance(value, bool):
            return int(value)
    except (TypeError, ValueError, OverflowError):
        pass
    raise CannotRead(f"{where}: {what} is {str(value)[:40]!r}, and should be a whole number.")


_KINDS = {
    dict: "an object", list: "a list", str: "a text", int: "a whole number", float: "a number", bool: "true or false",
    type(None): "null",
}  # fmt: skip


def check_names(listing: Path, names: Iterable[str]) -> None:
    """Raises `CannotRead` for a name in a list that would lead out of its folder: predictions are written by them."""
    for name in names:
        if name in ("", ".", "..") or "/" in name or "\\" in name or "\0" in name:
            raise CannotRead(f"{listing}: {name!r} is no name of a file or folder.")


def _inside(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)
