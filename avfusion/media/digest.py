"""What a file or a folder of files holds, in one word: SHA-256."""

from __future__ import annotations

import hashlib
from pathlib import Path

from avfusion.errors import CannotRead
from avfusion.media.container import said


def digest_of(path: Path) -> str:
    """64 hexadecimal digits: of a file's bytes, or of the names and bytes of all files below a folder.

    Raises `CannotRead` for what is neither, or cannot be read.
    """
    try:
        if path.is_dir():
            return _of_folder(path)
        if not path.is_file():
            there = "this is not a file" if path.exists() else "there is no such file"
            raise CannotRead(f"{path}: {there}.")
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError) as error:
        raise CannotRead(f"{path}: cannot be opened ({said(error)}).") from error


def _of_folder(folder: Path) -> str:
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    whole = hashlib.sha256()
    for name in names:
        with (folder / name).open("rb") as file:
            own = hashlib.file_digest(file, "sha256").digest()
        whole.update(hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest() + own)
    return whole.hexdigest()
