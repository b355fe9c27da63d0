"""The runs that can go on: listed, and forgotten."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from pathlib import Path

from avfusion.errors import AvfusionError
from avfusion.jobs.home import home
from avfusion.jobs.job_file import read_job
from avfusion.jobs.state import JOB_FILE, is_running, read_state

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
