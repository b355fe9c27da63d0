"""Job folders under `AVFUSION_HOME`: made, found again by their id, and cleaned up when nobody uses them.

What is tidied, by age or by size, is never in use: whoever uses a folder holds a lock, on the folder or on the file
`lock` in it, which the system takes back from a process that dies.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from avfusion.engines.folders import home
from avfusion.errors import CannotWrite, UsageError
from avfusion.jobs.locks import open_locked

__all__ = ["LASTING", "clean", "hold", "home", "job_folder", "new_job", "passing_job", "tidy", "uploads"]

LASTING = "lasting"
"""A job with a file of this name holds hours of work: it stays thirty times as long as others."""

_LOCK = "lock"
_LASTS_TIMES, _UNFINISHED_LASTS_TIMES = 30, 7
_ID = re.compile(r"[0-9a-f]{32}")
# An upload this young may be about to be opened.
_YOUNG_S = 900.0
_BLOCK_BYTES = 512


def new_job() -> str:
    """Makes a job's folder and returns its id: 128 random bits, so that knowing an id is the right to use the job.

    Raises `CannotWrite`.
    """
    job = secrets.token_hex(16)
    try:
        _jobs().mkdir(parents=True, exist_ok=True)
        (_jobs() / job).mkdir(mode=0o700)
    except OSError as error:
        raise CannotWrite(
            f"{_jobs()}: no job folder can be made here ({(error.strerror or str(error)).lower()}). "
            "Set AVFUSION_HOME to a folder that is writable."
        ) from error
    return job


def job_folder(job: str) -> Path:
    """The folder of a job that `new_job` made. Raises `UsageError` for what is no id, and for a job that is gone."""
    if not _ID.fullmatch(job):
        raise UsageError("this is not the id of a job. Start a new one.")
    folder = _jobs() / job
    if not folder.is_dir():
        raise UsageError("the files of this job have been cleaned up. Start a new one.")
    return folder


def hold(folder: Path) -> contextlib.ExitStack:
    """From now on the folder is in use, until what this returns is closed or the process ends."""
    held = contextlib.ExitStack()
    held.callback(os.close, open_locked(folder, is_shared=True, waits=True))
    return held


@contextlib.contextmanager
def passing_job() -> Iterator[Path]:
    """A job's folder that is in use as long as the block, and gone after it. Raises `CannotWrite`."""
    folder = job_folder(new_job())
    try:
        with hold(folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def uploads() -> Path:
    """Where the page keeps what visitors upload, each file in a folder of its own."""
    return home() / "uploads"


def clean(older_than_s: float) -> int:
    """Removes the jobs that nobody uses and in which no file was written for that long; returns how many.

    Unfinished ones stay seven times as long. See `LASTING`.
    """
    return sum(_remove(job) for job in _found(_jobs()) if job.written_s <= time.time() - _stays_s(job, older_than_s))


def tidy(older_than_s: float, most_bytes: float) -> int:
    """Removes jobs and uploads that are old, then the oldest others until all fit; returns the bytes that are left.

    What is unfinished goes last, what is in use or came this quarter of an hour not at all. A file with two names
    counts once, and a hole not at all.
    """
    seen: set[tuple[int, int]] = set()
    jobs, sent = _found(_jobs(), seen), _found(uploads(), seen, any_name=True)
    left_bytes = sum(each.size_bytes for each in (*jobs, *sent))
    now = time.time()
    for each in sorted((*jobs, *sent), key=_goes_first):
        age_s = now - each.written_s
        is_old = age_s >= _stays_s(each, older_than_s)
        if (is_old or (left_bytes > most_bytes and age_s >= _YOUNG_S)) and _remove(each):
            left_bytes -= each.size_bytes
    return left_bytes


@dataclass(frozen=True)
class _Folder:
    path: Path
    size_bytes: int
    written_s: float
    is_lasting: bool
    is_unfinished: bool


def _goes_first(folder: _Folder) -> tuple[bool, bool, float]:
    return folder.is_lasting, folder.is_unfinished, folder.written_s


def _found(parent: Path, seen: set[tuple[int, int]] | None = None, *, any_name: bool = False) -> list[_Folder]:
    """Folders of jobs, or those that Gradio makes for uploads; links and whatever else lies there stay out."""
    seen = set() if seen is None else seen
    with contextlib.suppress(OSError):
        paths = [path for path in parent.iterdir() if any_name or _ID.fullmatch(path.name)]
        return [_measured(path, seen) for path in paths if path.is_dir() and not path.is_symlink()]
    return []


def _measured(path: Path, seen: set[tuple[int, int]]) -> _Folder:
    """What goes away while we look does not count."""
    written_s, size_bytes = 0.0, 0
    for place in _all_in(path):
        with contextlib.suppress(FileNotFoundError):
            known = place.lstat()
            if place.name != _LOCK:  # locking is no writing
                written_s = max(written_s, known.st_mtime)
            if (known.st_dev, known.st_ino) not in seen:
                seen.add((known.st_dev, known.st_ino))
                size_bytes += known.st_blocks * _BLOCK_BYTES
    is_unfinished = (path / "kept").exists()
    return _Folder(path, size_bytes, written_s, (path / LASTING).is_file(), is_unfinished)


def _all_in(path: Path) -> Iterator[Path]:
    yield path
    for folder, folders, files in os.walk(path):
        yield from (Path(folder) / name for name in (*folders, *files))


def _remove(folder: _Folder) -> bool:
    """Whether it went: not where somebody uses it."""
    with contextlib.ExitStack() as stack:
        if not _taken(folder.path, stack):
            return False
        shutil.rmtree(folder.path, ignore_errors=True)  # another process may be cleaning too
        return True


def _taken(folder: Path, stack: contextlib.ExitStack) -> bool:
    """Takes the folder's locks for as long as the stack is open, unless somebody has one."""
    for path in (folder, folder / _LOCK):
        try:
            stack.callback(os.close, open_locked(path))
        except BlockingIOError:
            return False
        except FileNotFoundError:
            continue
    return True


def _jobs() -> Path:
    return home() / "jobs"


def _stays_s(folder: _Folder, usual_s: float) -> float:
    return usual_s * (_LASTS_TIMES if folder.is_lasting else _UNFINISHED_LASTS_TIMES if folder.is_unfinished else 1)
