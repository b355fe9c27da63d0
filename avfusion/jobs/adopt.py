"""A job that came from elsewhere gets a folder of its own, or goes on in the one that it has from an unfinished run."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from avfusion.errors import AvfusionError
from avfusion.jobs.home import job_folder, new_job
from avfusion.jobs.inputs import checked, found_beside, gather
from avfusion.jobs.job_file import Job, read_job, write_job
from avfusion.jobs.listing import all_jobs, unfinished
from avfusion.jobs.places import outs_beside, refuse_clashes, refuse_foreign
from avfusion.jobs.state import JOB_FILE, State, as_text, read_state, write_state


@dataclass(frozen=True)
class Started:
    """A job in its own folder under `AVFUSION_HOME`.

    sources: where its inputs were when it was made, by name; outs: where its results go, as `Job.also` names them and
    `out`: both as whoever made it says them, for messages.
    """

    id: str
    folder: Path
    job: Job
    sources: Mapping[str, Path]
    outs: Mapping[str, Path] = field(default_factory=dict)


def adopt(asked: Job, beside: Path, outs: Mapping[str, Path]) -> Started:
    """beside: the folder that its paths are relative to. outs: where its results go, `out` and what `Job.also` names.

    Raises `UsageError` where an input has changed or lies outside `beside`, `OutputIsInput`, `CannotRead` and
    `CannotWrite`.
    """
    outs = {name: path.absolute() for name, path in outs.items()}
    paths = checked(beside, asked)
    refuse_clashes(outs, paths.values())
    sources = {name: path.absolute() for name, path in paths.items()}
    known = like(asked, outs["out"])
    if known is not None:
        return Started(known.name, known, asked, sources)
    id = new_job()
    folder = job_folder(id)
    try:
        job = replace(asked, inputs=gather(folder, paths))
        write_job(job, folder / JOB_FILE)
        texts = {name: as_text(path) for name, path in sources.items()}
        write_state(folder, State({name: as_text(one) for name, one in outs.items()}, sources=texts))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return Started(id, folder, job, sources)


def adopt_file(file: Path, out: Path | None) -> Started:
    """The job in a file, its inputs beside it. out: where its result goes; None: beside it too.

    What nobody but the file says is to be written is written over nothing but what an earlier run of the same job
    wrote. Raises as `adopt` and `avfusion.jobs.inputs.found_beside`.
    """
    asked = found_beside(file.parent, read_job(file))
    before = {"out": Path(asked.out), **{name: Path(other) for name, other in asked.also.items()}}
    outs = outs_beside(file.parent / asked.out if out is None else out, before)
    refuse_clashes(outs, [file, *(file.parent / one.path for one in asked.inputs.values())])
    if like(asked, outs["out"].absolute()) is None:
        unsaid = {name: path for name, path in outs.items() if out is None or name != "out"}
        refuse_foreign(unsaid, written_by(asked))
    return adopt(asked, file.parent, outs)


def like(asked: Job, out: Path) -> Path | None:
    """The folder of a run of the same job to the same result, that was stopped or killed."""
    for one in unfinished():
        with contextlib.suppress(AvfusionError):  # another process may be finishing it
            folder = job_folder(one.id)
            if one.out == as_text(out) and not one.is_running and _wish(read_job(folder / JOB_FILE)) == _wish(asked):
                return folder
    return None


def instead(new: Started) -> Started:
    """The run of exactly this that was stopped or killed, in whose place `new` goes; `new` where there is none."""
    state = read_state(new.folder)
    for one in unfinished():
        with contextlib.suppress(AvfusionError):
            folder = job_folder(one.id)
            if one.id == new.id or one.is_running or read_state(folder).outs != state.outs:
                continue
            if _wish(read_job(folder / JOB_FILE)) == _wish(new.job):
                shutil.rmtree(new.folder, ignore_errors=True)
                return replace(new, id=one.id, folder=folder)
    return new


def written_by(asked: Job) -> list[Mapping[str, str]]:
    """Marks of what runs of the same job that are done have written, by whichever engines and under any name."""

    def wish(job: Job) -> tuple[str, dict[str, str]]:
        return _wish(replace(job, out="out", also=dict.fromkeys(job.also, "also"), engines={}, revisions={}))

    found = []
    for folder in all_jobs():
        with contextlib.suppress(AvfusionError, OSError):
            state = read_state(folder)
            if state.wrote and wish(read_job(folder / JOB_FILE)) == wish(asked):
                found.append(state.wrote)
    return found


def _wish(job: Job) -> tuple[str, dict[str, str]]:
    return replace(job, inputs={}).written(), {name: one.sha256 for name, one in job.inputs.items()}
