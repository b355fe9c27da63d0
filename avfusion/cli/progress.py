"""Progress on standard error: one line that rewrites itself, or a plain line now and then where it is no terminal."""

from __future__ import annotations

import shutil
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from avfusion.pipelines.progress import Progress

_PLAIN_EVERY_S = 10.0
_CLEAR = "\r\x1b[K"


class ProgressLine:
    """Called with each `Progress` of a run. At the end of the block the line is gone, and the result can be printed."""

    def __init__(self, *, quiet: bool, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._quiet = quiet
        self._rewrites = self._stream.isatty()
        self._shown = False
        self._last_plain_s = time.monotonic()

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clear()

    def __call__(self, progress: Progress) -> None:
        if self._quiet:
            return
        if progress.note:
            self.say(f"Note: {progress.note}")
            return
        words = in_words(progress)
        if self._rewrites:
            width = shutil.get_terminal_size().columns - 1
            self._write(_CLEAR + words[:width])
            self._shown = True
        elif progress.done == progress.total or time.monotonic() - self._last_plain_s >= _PLAIN_EVERY_S:
            self._last_plain_s = time.monotonic()
            self._write(f"{words}\n")

    def say(self, words: str) -> None:
        """A line that stays."""
        if not self._quiet:
            self._clear()
            self._write(f"{words}\n")

    def _clear(self) -> None:
        if self._shown:
            self._write(_CLEAR)
            self._shown = False

    def _write(self, words: str) -> None:
        """Where nobody reads it any more, the run goes on all the same."""
        try:
            self._stream.write(words)
            self._stream.flush()
        except OSError:
            self._quiet = True


def in_words(progress: Progress) -> str:
    """ "tracking 120/300 frames, 40 %, 31.5 frames/s, 0:06 left", and "25 % of all" where that is known."""
    unit = progress.unit.removesuffix("s") if progress.total == 1 else progress.unit
    parts = [
        f"{progress.stage} {progress.done}/{progress.total} {unit}",
        f"{100 * progress.done // max(progress.total, 1)} %",
    ]
    if progress.total > 1:  # how fast a single step was says nothing
        parts.append(f"{progress.frames_per_s:.1f} {progress.unit}/s")
    if progress.remaining_s is not None and progress.done < progress.total:
        minutes, seconds = divmod(round(progress.remaining_s), 60)
        parts.append(f"{minutes}:{seconds:02d} left")
    if progress.overall is not None:
        parts.append(f"{int(100 * progress.overall)} % of all")
    return ", ".join(parts)
