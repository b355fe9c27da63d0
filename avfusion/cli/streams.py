"""Standard output and standard error that are closed, full, or no longer read by anybody."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO, cast

from avfusion.errors import CannotWrite


@contextlib.contextmanager
def outputs() -> Iterator[None]:
    """For a block that prints: what standard output cannot take is `CannotWrite`, and `BrokenPipeError` as ever.

    All is written when the block has ended well. A stream that is closed becomes nowhere, and any name of a file can be
    printed.
    """
    # A file that is opened later would get the number of a closed stream, and with it what is meant for the stream.
    if sys.stdout is None:
        sys.stdout = _nowhere()
    if sys.stderr is None:
        sys.stderr = _nowhere()
    before = sys.stdout
    if isinstance(before, io.TextIOWrapper):
        before.reconfigure(errors="backslashreplace")  # a file's name need not be text
    told = _Told(before)
    sys.stdout = cast(TextIO, told)
    try:
        yield
        told.flush()
    finally:
        sys.stdout = before
        if told.is_broken:
            # Python would complain once more when it flushes at the end.
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), before.fileno())


def say(words: str) -> None:
    """A line on standard error, if anybody reads it."""
    with contextlib.suppress(OSError):
        print(f"avfusion: {' '.join(words.split())}", file=sys.stderr)


class _Told:
    """A stream that says by itself why it cannot be written: elsewhere, its error looks like that of any file."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.is_broken = False

    def write(self, words: str) -> int:
        with self._said():
            return self._stream.write(words)

    def flush(self) -> None:
        with self._said():
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @contextlib.contextmanager
    def _said(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.is_broken = True
            if isinstance(error, BrokenPipeError):
                raise
            raise CannotWrite(f"standard output: cannot be written ({error.strerror}). Send it elsewhere.") from error


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")
