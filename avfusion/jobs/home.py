"""Job folders under `AVFUSION_HOME`: made, found again by their id, and cleaned up when they are old."""

from __future__ import annotations

import contextlib
import re
import secrets
import shutil
import time
from pathlib import Path

from avfusion.engines.folders import home
from avfusion.errors import CannotWrite, UsageError

__all__ = ["LASTING", "clean", "home", "job_folder", "new_job"]

LASTING = "lasting"
"""A job with a file of this name holds hours of work: it stays thirty times as long as others."""

_LASTS_TIMES = 30
_ID = re.compile(r"[0-9a-f]{32}")


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


def clean(older_than_s: float) -> int:
    """Removes the jobs in which no file was written for that long, and returns how many. See `LASTING`."""
    if not _jobs().is_dir():
        return 0
    now = time.time()
    old = [
        folder
        for folder in _jobs().iterdir()
        if _ID.fullmatch(folder.name)
        and not folder.is_symlink()
        and _last_written(folder) <= now - _stays_s(folder, older_than_s)
    ]
    for folder in old:
        shutil.rmtree(folder, ignore_errors=True)  # another process may be cleaning too
    return len(old)


def _jobs() -> Path:
    return home() / "jobs"


def _stays_s(folder: Path, usual_s: float) -> float:
    return usual_s * _LASTS_TIMES if (folder / LASTING).is_file() else usual_s


def _last_written(folder: Path) -> float:
    """Seconds since the epoch; a file that goes away while we look does not count."""
    times = [0.0]
    for path in (folder, *folder.rglob("*")):
        with contextlib.suppress(FileNotFoundError):
            times.append(path.lstat().st_mtime)
    return max(times)
