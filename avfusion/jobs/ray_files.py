"""Files through Ray's object store: in pieces, so that a long clip is never in memory as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

from avfusion.media.target import writing

_PIECE_BYTES = 16 * 2**20

Pieces: TypeAlias = Sequence[Any]
"""References to the bytes of a file, one piece after the other."""

Tree: TypeAlias = Mapping[str, Pieces]
"""The files of a folder by their path in it; a file by itself is called ""."""


def sent(ray: ModuleType, path: Path) -> dict[str, list[Any]]:
    """A file or a folder, put into the object store. Raises OSError."""
    if not path.is_dir():
        return {"": _pieces(ray, path)}
    files = sorted(inner for inner in path.rglob("*") if inner.is_file())
    return {inner.relative_to(path).as_posix(): _pieces(ray, inner) for inner in files}


def received(ray: ModuleType, tree: Tree, path: Path) -> None:
    """Writes what `sent` gave. Raises `CannotWrite`, and Ray's errors where a piece is lost."""
    if "" in tree:
        _write(ray, tree[""], path)
        return
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)
    for name, pieces in tree.items():
        _write(ray, pieces, path / name)


def _pieces(ray: ModuleType, path: Path) -> list[Any]:
    return [ray.put(piece) for piece in _read(path)]


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            yield piece


def _write(ray: ModuleType, pieces: Pieces, path: Path) -> None:
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("wb")
    with file:
        for reference in pieces:
            piece = ray.get(reference)
            with writing(path):
                file.write(piece)
