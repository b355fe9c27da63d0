"""The runs that can go on: listed, and forgotten."""

from __future__ import annotations

import contextlib
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from avfusion.errors import AvfusionError, UsageError
from avfusion.jobs.home import home, job_folder
from avfusion.jobs.job_file import read_job
from avfusion.jobs.state import JOB_FILE, alone, is_running, read_state, remove_parts

_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Unfinished:
    """A run that can go on. why: what stopped it; "" where it was killed. began_s: seconds since the epoch."""

    id: str
    verb: str
    source: str
    out: str
    why: str
    began_s: float
    is_running: bool


def all_jobs() -> list[Path]:
    """The folders of all jobs, in no order."""
    return [path for path in (home() / "jobs").glob("*") if _ID.fullmatch(path.name)]


def unfinished() -> list[Unfinished]:
    """Runs that were stopped or killed, and those that run now, the newest first."""
    found = []
    for folder in all_jobs():
        with contextlib.suppress(AvfusionError, OSError):
            state = read_state(folder)
            if state.status == "done":
                continue
            job = read_job(folder / JOB_FILE)
            source = state.sources.get("clip") or state.sources.get("media") or ""
            began_s = (folder / JOB_FILE).stat().st_mtime
            found.append(
                Unfinished(folder.name, job.verb, source, state.outs["out"], state.why, began_s, is_running(folder))
            )
    return sorted(found, key=lambda one: one.began_s, reverse=True)


def forget(id: str) -> None:
    """Removes a run that was stopped or killed, with what it has half written. Raises `UsageError` for what is no such
    run, and for one that is being run."""
    folder = job_folder(id)
    if read_state(folder).status == "done":
        raise UsageError(f"The job {id} is done, and nothing of it is kept that could go on.")
    with alone(folder):
        remove_parts(folder)
        shutil.rmtree(folder, ignore_errors=True)
