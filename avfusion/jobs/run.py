"""Starts a run as a job, and goes on with one that was stopped or killed."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avfusion.clip import Clip, Prompt
from avfusion.errors import AvfusionError, CannotRead, Stopped, UsageError
from avfusion.jobs.adopt import Started, adopt_file, written_by
from avfusion.jobs.carry_out import Order, carry_out
from avfusion.jobs.home import home, job_folder, new_job
from avfusion.jobs.inputs import FOLDER, checked, gather, gather_masks
from avfusion.jobs.job_file import Input, Job, parse_job, read_job, used, with_masks, write_job
from avfusion.jobs.places import marks_of, outs_beside, refuse_clashes, refuse_foreign
from avfusion.jobs.schema import VERBS
from avfusion.jobs.state import (
    JOB_FILE,
    KEPT,
    State,
    alone,
    as_text,
    parts_list,
    read_state,
    remove_parts,
    write_state,
)
from avfusion.media.target import noting_parts
from avfusion.pipelines.keep import SEGMENT_FRAMES, Keep
from avfusion.pipelines.progress import OnProgress, ShouldStop

if TYPE_CHECKING:
    from avfusion.pipelines.convert_voice import VoiceReport
    from avfusion.pipelines.report import Report

_ID = re.compile(r"[0-9a-f]{32}")


def start(
    verb: str,
    *,
    inputs: Mapping[str, Path],
    out: Path,
    also: Mapping[str, Path] | None = None,
    prompts: Sequence[Prompt] = (),
    settings: Any = None,
    options: Any = None,
    engines: Mapping[str, str] | None = None,
    span: tuple[int, int] | None = None,
) -> Started:
    """Makes a job and its folder; nothing is run yet.

    verb: of `avfusion.jobs.schema.VERBS`, where its inputs (by name), options, engines and other files (`also`) are
    listed. Raises `UsageError` for what does not fit together, `OutputIsInput`, `CannotRead` and `CannotWrite`.
    """
    if verb not in VERBS:
        raise UsageError(f"{verb}: there is no such verb for a job. There are {', '.join(VERBS)}.")
    row, also = VERBS[verb], also or {}
    refuse_clashes({"out": out, **also}, inputs.values())
    logged, masks = with_masks(prompts)
    digests = dict.fromkeys([*inputs, *masks], Input("unknown", "0" * 64))
    job = Job(
        verb, digests, out.absolute().name, settings or row.settings()(), options or row.options()(), logged,
        dict(engines or {}), span, {name: path.name for name, path in also.items()},
    )  # fmt: skip
    parse_job(job.written(), "the job: ")  # what could not be read again is refused now
    sources, goes_to = dict(inputs), {"out": out, **also}
    outs = {name: as_text(path.absolute()) for name, path in goes_to.items()}
    state = State(outs, sources={name: as_text(path.absolute()) for name, path in sources.items()})
    id = new_job()
    folder = job_folder(id)
    try:
        job = replace(job, inputs={**gather(folder, sources), **gather_masks(folder, masks)})
        write_job(job, folder / JOB_FILE)
        write_state(folder, state)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return Started(id, folder, job, sources, goes_to)


def run_job(
    job: Path | str,
    *,
    out: Path | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> dict[str, Any]:
    """As `run`, and gives the report as JSON has it, with the job's id as `job`."""
    id, report = run(job, out=out, on_progress=on_progress, should_stop=should_stop)
    return {**report.as_json(), "job": id}


def run(
    job: Path | str | Started,
    *,
    out: Path | None = None,
    clip: Clip | None = None,
    segment_frames: int = SEGMENT_FRAMES,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> tuple[str, Report | VoiceReport]:
    """Runs a job, from where an earlier run of it was stopped or killed; gives its id and report.

    job: an id, a job's folder, or a job file; a file gets a folder of its own under `AVFUSION_HOME`, or the one that it
    has from an unfinished run. out: where the result goes; left out, where it should have gone, and for a job file
    beside it. Other files that the job names are written beside `out`, and named after it where it has a new name.
    clip: the job's, where it is probed already. segment_frames: as in `Keep`; a run that goes on has to have the same.

    After it is done, only the job and its report stay in the folder. Where it fails before anything was kept, the
    folder goes. Raises what the pipelines raise; `UsageError` where an input has changed since or another process runs
    the job; `OutputIsInput`; `CannotWrite` where something foreign lies where nobody but a job file said to write;
    `Stopped`, whose message says how to go on.
    """
    if isinstance(job, Started):
        folder, sources, outs = job.folder, job.sources, {} if out is not None else job.outs
    else:
        folder, sources, outs = _folder_of(job, out), {}, {}
    with alone(folder):
        remove_parts(folder)
        asked = read_job(folder / JOB_FILE)
        state = read_state(folder)
        if state.status == "done":
            raise UsageError(f"The job {folder.name} is done: its result is {state.paths()['out']}.")
        state = _going_to(folder, asked, state, out)
        # What was just put there need not be read again, and messages shall name the user's own files.
        paths = {**_placed(folder, asked), **sources} if sources else checked(folder, asked, state.source_paths())
        digests = {path.absolute(): asked.inputs[name].sha256 for name, path in paths.items()}
        keep = Keep(folder / KEPT, segment_frames, digests)
        order = Order(asked, paths, {**state.paths(), **outs}, keep, clip, on_progress, should_stop)
        with _leaving(folder, state), noting_parts(parts_list(folder)):
            report = carry_out(order)
        write_job(used(asked, report.engines, report.revisions), folder / JOB_FILE)
        write_state(folder, replace(state.after("done", report=report.as_json()), wrote=marks_of(state.paths())))
        shutil.rmtree(folder / KEPT, ignore_errors=True)
        shutil.rmtree(folder / FOLDER, ignore_errors=True)
        remove_parts(folder)
    return folder.name, report


@contextlib.contextmanager
def _leaving(folder: Path, state: State) -> Any:
    """Says in the folder what stopped the run; where nothing was kept and it was not the user, the folder goes."""
    try:
        yield
    except Stopped as error:
        write_state(folder, state.after("unfinished", "stopped"))
        raise Stopped(f"Stopped. `avfusion resume {folder.name}` goes on from here.") from error
    except AvfusionError as error:
        if any((folder / KEPT).rglob("journal.jsonl")):
            with contextlib.suppress(AvfusionError):  # a full disk has no room for this either
                write_state(folder, state.after("unfinished", " ".join(str(error).split())))
        else:
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _folder_of(job: Path | str, out: Path | None) -> Path:
    """The folder of an id or a folder's path; for a job file, the one it has or a new one."""
    if isinstance(job, str) and _ID.fullmatch(job):
        return job_folder(job)
    path = Path(job)
    if path.is_dir():
        path = path / JOB_FILE
        if not path.is_file():
            raise CannotRead(f"{path.parent}: there is no job in this folder. Give the id of a job, or a job file.")
    # Only folders of our own say where results go and what may be removed; elsewhere the job file is all that counts.
    own = path.resolve()
    if own.name == JOB_FILE and own.parent.parent == (home() / "jobs").resolve():
        return own.parent
    return adopt_file(path, out).folder


def _going_to(folder: Path, job: Job, state: State, out: Path | None) -> State:
    """With all that is written beside `out`. Raises what `refuse_clashes` and `refuse_foreign` raise."""
    if out is None or as_text(out.absolute()) == state.outs["out"]:
        return state
    outs = outs_beside(out.absolute(), state.paths())
    refuse_clashes(outs, [*_placed(folder, job).values(), *state.source_paths().values()])
    refuse_foreign({name: path for name, path in outs.items() if name != "out"}, written_by(job))
    state = replace(state, outs={name: as_text(path) for name, path in outs.items()})
    write_state(folder, state)
    return state


def _placed(folder: Path, job: Job) -> dict[str, Path]:
    return {name: folder / one.path for name, one in job.inputs.items()}
