"""Output paths: a result is written beside its target and renamed at the end, so it is whole or not there."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from avfusion.errors import CannotWrite, OutputIsInput


def refuse_inputs(out: Path, inputs: Sequence[Path]) -> None:
    """Raises `OutputIsInput` when `out` is one of `inputs`, by whatever name or link."""
    for path in inputs:
        if out.exists() and path.exists() and out.samefile(path):
            raise OutputIsInput(f"{out}: the output would replace its own input. Choose another name.")


@contextlib.contextmanager
def whole_file(out: Path) -> Iterator[Path]:
    """A path to write to; renamed to `out` when the block ends well, removed when it does not. Raises `CannotWrite`."""
    _check_parent(out)
    if out.is_dir():
        raise CannotWrite(f"{out}: this is a folder; name a file.")
    part = out.with_name(f".{out.stem}-{secrets.token_hex(4)}.part{out.suffix}")
    try:
        with writing(out):
            yield part
            os.replace(part, out)
    finally:
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """As `whole_file`, for a folder. An empty folder of that name is replaced, one that holds files is refused."""
    _check_parent(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CannotWrite(f"{out}: there is something of that name already. Choose a new or empty folder.")
    part = out.with_name(f".{out.name}-{secrets.token_hex(4)}.part")
    try:
        with writing(out):
            part.mkdir()
            yield part
            if out.exists():
                out.rmdir()
            part.rename(out)
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextlib.contextmanager
def writing(out: Path) -> Iterator[None]:
    """Turns what the system says about writing into `CannotWrite`."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise CannotWrite(f"{out}: the disk is full. Free some space and run again.") from error
        raise CannotWrite(f"{out}: cannot be written ({(error.strerror or str(error)).lower()}).") from error


def _check_parent(out: Path) -> None:
    parent = out.parent
    if not parent.is_dir():
        raise CannotWrite(f"{out}: the folder {parent} does not exist. Make it first.")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise CannotWrite(f"{out}: the folder {parent} is not writable.")
