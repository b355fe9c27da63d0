"""Questions about pictures to a vision-language model: remembered, counted, and never waited for without end."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

_Read = TypeVar("_Read")

CALLS_AT_MOST = 30
"""Questions that one run may put to a model, those that are remembered aside."""
WAIT_S = 60.0
"""How long one answer may take."""

KEPT_FILES, KEPT_BYTES = 2_000, 200_000_000
"""So many answers are remembered, and of no more bytes all together: the newest."""

_POLL_S = 0.1


class NoAnswer(Exception):
    """There is no answer that can be used; the message says why, in a few words without a full stop."""


class Answerer(Protocol):
    """A vision-language model, wherever it runs."""

    @property
    def name(self) -> str:
        """Which model, and where: two that answer differently are called differently."""
        ...

    def answer(self, words: str, pictures: Sequence[bytes], wait_s: float, stop: threading.Event) -> str:
        """What it says to a question. pictures: JPEG files. stop: set when nobody waits any more. Raises NoAnswer."""
        ...


class Asking:
    """One run's questions to one model.

    folder: where answers that could be read are remembered, by the model's name, the words and the pictures; nothing
    else lies there, and the oldest go. After
    `calls_at_most` questions, and after one that was not answered at all, it asks no more: a server that is down would
    cost the waiting time again and again.
    """

    def __init__(
        self, answerer: Answerer, *, folder: Path, calls_at_most: int = CALLS_AT_MOST, wait_s: float = WAIT_S
    ) -> None:
        self._answerer = answerer
        self._folder = folder
        self._left = calls_at_most
        self._calls_at_most = calls_at_most
        self._wait_s = wait_s
        self._gave_up = ""

    @property
    def name(self) -> str:
        return self._answerer.name

    def ask(
        self,
        words: str,
        pictures: Sequence[bytes],
        read: Callable[[str], _Read | None],
        waiting: Callable[[], None] = lambda: None,
    ) -> _Read:
        """What `read` makes of the answer. read: None for an answer that it cannot read. waiting: called many times a
        second; it may raise to stop. Raises NoAnswer."""
        path = self._folder / f"{_digest(self._answerer.name, words, pictures)}.json"
        known = _remembered(path)
        if known is not None and (found := read(known)) is not None:
            return found
        if self._gave_up:
            raise NoAnswer(self._gave_up)
        if self._left == 0:
            raise NoAnswer(f"it was asked {self._calls_at_most} times, which is as often as a run may")
        self._left -= 1
        try:
            said = self._in_time(words, pictures, waiting)
        except NoAnswer as failed:
            self._gave_up = str(failed)
            raise
        found = read(said)
        if found is None:
            raise NoAnswer("its answer cannot be read")
        _remember(path, self._answerer.name, words, said)
        return found

    def _in_time(self, words: str, pictures: Sequence[bytes], waiting: Callable[[], None]) -> str:
        """Asked in a thread of its own: whoever waits must be able to stop, and a server may dribble for ever."""
        said: list[str] = []
        failures: list[BaseException] = []
        stop = threading.Event()

        def run() -> None:
            try:
                said.append(self._answerer.answer(words, pictures, self._wait_s, stop))
            except BaseException as error:
                failures.append(error)

        thread = threading.Thread(target=run, name="asking", daemon=True)
        deadline_s = time.monotonic() + self._wait_s
        thread.start()
        try:
            while thread.is_alive() and time.monotonic() < deadline_s:
                waiting()
                thread.join(_POLL_S)
        finally:
            stop.set()
        if failures:
            raise failures[0]
        if not said:
            raise NoAnswer(f"it did not answer within {self._wait_s:g} s")
        return said[0]


def _digest(name: str, words: str, pictures: Sequence[bytes]) -> str:
    parts = [name.encode(), words.encode(), *pictures]
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def _remembered(path: Path) -> str | None:
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["answer"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _remember(path: Path, name: str, words: str, said: str) -> None:
    """Beside its place first: who reads sees all of it or nothing. A full disk is no reason to lose the answer."""
    beside = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(json.dumps({"model": name, "question": words, "answer": said}), encoding="utf-8")
        beside.replace(path)
        _forget_oldest(path.parent)
    except OSError:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


def _forget_oldest(folder: Path) -> None:
    """What a run that was killed has half written goes the same way."""
    known = []
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):  # another run has just forgotten it
            found = path.stat()
            known.append((found.st_mtime_ns, found.st_size, path))
    total_bytes = 0
    for place, (_, count, path) in enumerate(sorted(known, reverse=True)):
        total_bytes += count
        if place >= KEPT_FILES or total_bytes > KEPT_BYTES:
            path.unlink(missing_ok=True)
