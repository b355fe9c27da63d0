"""Output paths: a result is written beside its target and renamed at the end, so it is whole or not there."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path

from avfusion.errors import CannotWrite, OutputIsInput
from avfusion.media.container import FfmpegError, said

# A file name may have 255 bytes: the name of the part is the target's, shortened, with room for what is added.
_NAME_CHARACTERS = 48

_PARTS: ContextVar[Path | None] = ContextVar("parts", default=None)


@contextlib.contextmanager
def noting_parts(listing: Path) -> Iterator[None]:
    """For the length of the block, half-written files are noted in `listing`, one path a line as JSON has it.

    A process that is killed leaves them behind, and whoever comes after finds them there.
    """
    token = _PARTS.set(listing)
    try:
        yield
    finally:
        _PARTS.reset(token)


def refuse_inputs(out: Path, inputs: Sequence[Path]) -> None:
    """Raises `OutputIsInput` when `out` is one of `inputs`, by whatever name or link."""
    for path in inputs:
        if out.exists() and path.exists() and out.samefile(path):
            raise OutputIsInput(f"{out}: the output would replace its own input. Choose another name.")


def refuse_target(out: Path, *, folder: bool) -> None:
    """Raises `CannotWrite` for what could not take its name in the end, before any work is done for it."""
    _check_parent(out)
    if folder:
        _check_new_folder(out)
    elif out.is_dir():
        raise CannotWrite(f"{out}: this is a folder; name a file.")


@contextlib.contextmanager
def whole_file(out: Path) -> Iterator[Path]:
    """A path to write to; renamed to `out` when the block ends well, removed when it does not. Raises `CannotWrite`."""
    with part_of_file(out) as part, writing(out):
        yield part


@contextlib.contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """As `whole_file`, for a folder. An empty folder of that name is replaced, one that holds files is refused."""
    with part_of_folder(out) as part, writing(out):
        yield part


@contextlib.contextmanager
def part_of_file(out: Path) -> Iterator[Path]:
    """As `whole_file`, for a block that does more than write: its own system errors are left as they are."""
    _check_parent(out)
    if out.is_dir():
        raise CannotWrite(f"{out}: this is a folder; name a file.")
    part = _part_name(out, ending=out.suffix)
    _note_part(part)
    try:
        yield part
        with writing(out):
            os.replace(part, out)
    finally:
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def part_of_folder(out: Path) -> Iterator[Path]:
    """As `new_folder`, for a block that does more than write: its own system errors are left as they are."""
    _check_parent(out)
    _check_new_folder(out)
    part = _part_name(out, ending="")
    _note_part(part)
    try:
        with writing(out):
            part.mkdir()
        yield part
        with writing(out):
            if out.exists():
                out.rmdir()
            part.rename(out)
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextlib.contextmanager
def scratch_beside(out: Path) -> Iterator[Path]:
    """A new folder beside `out`, on the same disk, that is gone with all that is left in it when the block ends.

    Raises `CannotWrite`.
    """
    _check_parent(out)
    part = _part_name(out, ending="")
    _note_part(part)
    try:
        with writing(out):
            part.mkdir()
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextlib.contextmanager
def writing(out: Path) -> Iterator[None]:
    """Turns what the system and FFmpeg say about writing into `CannotWrite`."""
    try:
        yield
    except (OSError, FfmpegError) as error:
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise CannotWrite(f"{out}: the disk is full. Free some space and run again.") from error
        raise CannotWrite(f"{out}: cannot be written ({said(error)}).") from error


def _part_name(out: Path, *, ending: str) -> Path:
    """Beside `out`, with its ending, or like it with none: what is written is told by it."""
    dot = "." if ending else "-"
    return out.with_name(f".{out.stem[:_NAME_CHARACTERS]}-{secrets.token_hex(4)}{dot}part{ending}")


def _note_part(part: Path) -> None:
    listing = _PARTS.get()
    if listing is None or part.is_relative_to(listing.parent):
        return
    with writing(listing), listing.open("a", encoding="ascii") as file:
        file.write(json.dumps(os.fspath(part.absolute())) + "\n")


def _check_new_folder(out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CannotWrite(f"{out}: there is something of that name already. Choose a new or empty folder.")


def _check_parent(out: Path) -> None:
    parent = out.parent
    if not parent.is_dir():
        raise CannotWrite(f"{out}: the folder {parent} does not exist. Make it first.")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise CannotWrite(f"{out}: the folder {parent} is not writable.")
