"""Finished pieces of work in a folder, under a journal: a piece is there whole, or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from avfusion.media.target import part_of_file, writing

Arrays: TypeAlias = Mapping[str, NDArray[Any]]
"""Plain arrays by name: what a stage knows between two of its pieces."""

Note: TypeAlias = dict[str, Any]
"""What the journal says of a piece: its name, its files with their sizes, and facts that JSON can hold."""

_JOURNAL = "journal.jsonl"


class Journal:
    """The pieces of one stage of one run, in the order in which they were finished.

    `durable(name)` gives a path to write a file to; `note` says that a piece is finished, once its files are there. The
    journal is JSON lines, added to and never changed, each on the disk before `note` returns. A last line that was torn
    off by a kill is ignored, and so is a piece of which a file is missing or of another size.
    """

    def __init__(self, folder: Path) -> None:
        """Makes the folder if there is none. Raises `CannotWrite`."""
        self.folder = folder
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            for half in folder.glob(".*part*"):  # of a run that was killed
                half.unlink()
        self._notes = {note["piece"]: note for note in _lines(folder / _JOURNAL) if _is_there(folder, note)}

    def find(self, piece: str) -> Note | None:
        """What was noted of a piece; None where it is not finished."""
        return self._notes.get(piece)

    @property
    def is_empty(self) -> bool:
        return not self._notes

    @contextlib.contextmanager
    def durable(self, name: str) -> Iterator[Path]:
        """A path to write to; on the disk, and named `name` in the folder, when the block ends well."""
        with part_of_file(self.folder / name) as part:
            yield part
            with writing(self.folder / name):
                _flush(part)

    def save(self, name: str, arrays: Arrays) -> None:
        """Arrays as `name`, which ends in .npz. Raises `CannotWrite`."""
        with self.durable(name) as part, writing(self.folder / name), part.open("wb") as file:
            np.savez(file, allow_pickle=False, **dict(arrays))

    def load(self, name: str) -> dict[str, NDArray[Any]] | None:
        """What `save` wrote; None where that cannot be read."""
        try:
            with np.load(self.folder / name, allow_pickle=False) as kept:
                return {key: kept[key] for key in kept.files}
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            return None

    def note(self, piece: str, files: Sequence[str] = (), **facts: Any) -> None:
        """The piece is finished. Raises `CannotWrite`."""
        path = self.folder / _JOURNAL
        with writing(path):
            sizes = {name: (self.folder / name).stat().st_size for name in files}
            note: Note = {"piece": piece, "files": sizes, **facts}
            # A line that was torn off stays torn: the new one begins on a line of its own.
            with path.open("ab+") as file:
                file.seek(0, os.SEEK_END)
                if file.tell():
                    file.seek(-1, os.SEEK_END)
                    torn = file.read(1) != b"\n"
                    file.write(b"\n" if torn else b"")
                file.write(json.dumps(note).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
            _flush(self.folder)
        self._notes[piece] = note


def packed(parts: Mapping[str, Arrays]) -> dict[str, NDArray[Any]]:
    """States of several as one."""
    return {f"{name}.{key}": array for name, arrays in parts.items() for key, array in arrays.items()}


def unpacked(state: Arrays, name: str) -> dict[str, NDArray[Any]]:
    """The state of one of them."""
    return {key.removeprefix(f"{name}."): array for key, array in state.items() if key.startswith(f"{name}.")}


def _lines(path: Path) -> Iterator[Note]:
    """The notes that can be read."""
    if not path.is_file():
        return
    for line in path.read_bytes().splitlines():
        try:
            note = json.loads(line)
        except ValueError:
            continue
        if isinstance(note, dict) and isinstance(note.get("piece"), str) and isinstance(note.get("files"), dict):
            yield note


def _is_there(folder: Path, note: Note) -> bool:
    paths = ((folder / name, size) for name, size in note["files"].items())
    return all(path.is_file() and path.stat().st_size == size for path, size in paths)


def _flush(path: Path) -> None:
    """Waits until a file, or a folder's list of names, is on the disk."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
