"""What a job's folder says of its run beside the job: where the results go, how it stands, who works on it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TextIO

from avfusion.errors import CannotRead, UsageError
from avfusion.jobs.home import hold
from avfusion.jobs.locks import lock
from avfusion.media.target import whole_file, writing

JOB_FILE = "job.json"
KEPT = "kept"
_STATE = "run.json"
_LOCK = "lock"
_PARTS = "parts.txt"
_ASKED_TIMES, _ASK_AGAIN_S = 10, 0.02

Status = Literal["unfinished", "done"]


@dataclass(frozen=True)
class State:
    """outs: where the results go, absolute. why: what stopped it the last time, in a line. report: of a finished run.

    sources: where the inputs were when the job was made, for people. wrote: marks of what a finished run wrote, by name
    (`avfusion.jobs.places.marks_of`).
    """

    outs: Mapping[str, str]
    status: Status = "unfinished"
    why: str = ""
    report: Mapping[str, Any] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    wrote: Mapping[str, str] = field(default_factory=dict)

    def paths(self) -> dict[str, Path]:
        return {name: Path(os.fsdecode(out)) for name, out in self.outs.items()}

    def source_paths(self) -> dict[str, Path]:
        return {name: Path(os.fsdecode(source)) for name, source in self.sources.items()}

    def after(self, status: Status, why: str = "", report: Mapping[str, Any] | None = None) -> State:
        return replace(self, status=status, why=why, report=report or {})


def write_state(folder: Path, state: State) -> None:
    """Raises `CannotWrite`."""
    with whole_file(folder / _STATE) as part:
        # JSON has no way to say a file name that is no text, and Python's escapes for one are ASCII there.
        part.write_text(json.dumps(asdict(state), indent=2), encoding="ascii")


def read_state(folder: Path) -> State:
    """Raises `CannotRead` for a folder that holds no run, or half of one."""
    try:
        return State(**json.loads((folder / _STATE).read_text(encoding="ascii")))
    except (OSError, ValueError, TypeError) as error:
        raise CannotRead(f"{folder}: there is no run that could go on here. Start a new one.") from error


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Nobody else works on the job in the block. Raises `UsageError` where somebody does.

    The lock is the system's: a process that dies lets go of it.
    """
    path = folder / _LOCK
    with writing(path):
        file = path.open("a+")
    with file:
        try:
            _lock(file)
        except OSError as error:
            file.seek(0)
            who = file.read().strip() or "another process"
            raise UsageError(f"The job {folder.name} is being run by {who}. Wait for it, or stop it first.") from error
        with writing(path):
            file.truncate(0)
            file.write(f"process {os.getpid()}")
            file.flush()
        with hold(folder):
            yield


def _lock(file: TextIO) -> None:
    """Raises `BlockingIOError` where another process holds the lock for longer than `is_running` takes to ask."""
    for _ in range(_ASKED_TIMES):
        with contextlib.suppress(BlockingIOError):
            lock(file.fileno())
            return
        time.sleep(_ASK_AGAIN_S)
    lock(file.fileno())


def is_running(folder: Path) -> bool:
    """Whether somebody works on the job at this moment."""
    try:
        with (folder / _LOCK).open() as file:
            lock(file.fileno(), is_shared=True)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def parts_list(folder: Path) -> Path:
    """Where the run notes the half-written files that it makes elsewhere (`avfusion.media.target.noting_parts`)."""
    return folder / _PARTS


def remove_parts(folder: Path) -> None:
    """Removes what a dead run has half written beside its results."""
    listing = parts_list(folder)
    if not listing.is_file():
        return
    for line in listing.read_text(encoding="ascii").splitlines():
        with contextlib.suppress(ValueError, OSError):
            part = Path(json.loads(line))
            if part.is_dir() and not part.is_symlink():
                shutil.rmtree(part, ignore_errors=True)
            else:
                part.unlink(missing_ok=True)
    listing.unlink(missing_ok=True)


def as_text(path: Path) -> str:
    """With Python's escapes for bytes of a name that are no text."""
    return os.fspath(path)
