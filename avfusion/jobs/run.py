"""Starts a run as a job, goes on with one that was stopped or killed, and lists those that can."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avfusion.clip import Clip, Prompt
from avfusion.errors import AvfusionError, CannotRead, Stopped, UsageError
from avfusion.jobs.carry_out import Order, carry_out
from avfusion.jobs.home import home, job_folder, new_job
from avfusion.jobs.inputs import FOLDER, checked, gather, gather_masks, put
from avfusion.jobs.job_file import Input, Job, is_inside, parse_job, read_job, used, with_masks, write_job
from avfusion.jobs.schema import VERBS
from avfusion.jobs.state import (
    JOB_FILE,
    KEPT,
    State,
    alone,
    is_running,
    parts_list,
    read_state,
    remove_parts,
    write_state,
)
from avfusion.media.target import noting_parts, refuse_target, writing
from avfusion.pipelines.keep import SEGMENT_FRAMES, Keep
from avfusion.pipelines.progress import OnProgress, ShouldStop

if TYPE_CHECKING:
    from avfusion.pipelines.convert_voice import VoiceReport
    from avfusion.pipelines.report import Report

_ID = re.compile(r"[0-9a-f]{32}")


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
    listed. Raises `UsageError` for what does not fit together, `CannotRead` and `CannotWrite`.
    """
    if verb not in VERBS:
        raise UsageError(f"{verb}: there is no such verb for a job. There are {', '.join(VERBS)}.")
    row, also = VERBS[verb], also or {}
    logged, masks = with_masks(prompts)
    digests = dict.fromkeys([*inputs, *masks], Input("unknown", "0" * 64))
    job = Job(
        verb, digests, out.absolute().name, settings or row.settings()(), options or row.options()(), logged,
        dict(engines or {}), span, {name: path.name for name, path in also.items()},
    )  # fmt: skip
    parse_job(job.written(), "the job: ")  # what could not be read again is refused now
    sources, goes_to = dict(inputs), {"out": out, **also}
    outs = {name: _as_text(path.absolute()) for name, path in goes_to.items()}
    state = State(outs, sources={name: _as_text(path.absolute()) for name, path in sources.items()})
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
    beside it. Other files that the job names are written beside `out`. clip: the job's, where it is probed already.
    segment_frames: as in `Keep`; a run that goes on has to have the same.

    After it is done, only the job and its report stay in the folder. Where it fails before anything was kept, the
    folder goes. Raises what the pipelines raise; `UsageError` where an input has changed since or another process runs
    the job; `Stopped`, whose message says how to go on.
    """
    if isinstance(job, Started):
        folder, sources, outs = job.folder, job.sources, {} if out is not None else job.outs
    else:
        folder, sources, outs = _folder_of(job, out), {}, {}
    with alone(folder):
        remove_parts(folder)
        asked = read_job(folder / JOB_FILE)
        state = _going_to(folder, read_state(folder), out)
        if state.status == "done":
            raise UsageError(f"The job {folder.name} is done: its result is {state.paths()['out']}.")
        # What was just put there need not be read again, and messages shall name the user's own files.
        paths = {**_placed(folder, asked), **sources} if sources else checked(folder, asked)
        digests = {path.absolute(): asked.inputs[name].sha256 for name, path in paths.items()}
        keep = Keep(folder / KEPT, segment_frames, digests)
        order = Order(asked, paths, {**state.paths(), **outs}, keep, clip, on_progress, should_stop)
        with _leaving(folder, state), noting_parts(parts_list(folder)):
            report = carry_out(order)
        write_job(used(asked, report.engines, report.revisions), folder / JOB_FILE)
        write_state(folder, state.after("done", report=report.as_json()))
        shutil.rmtree(folder / KEPT, ignore_errors=True)
        shutil.rmtree(folder / FOLDER, ignore_errors=True)
        remove_parts(folder)
    return folder.name, report


def adopt(asked: Job, beside: Path, out: Path | None = None) -> Started:
    """A job that came from elsewhere, in a folder of its own: the one that it has from an unfinished run, or a new one.

    beside: the folder that its paths are relative to. Raises `UsageError` where an input has changed or lies outside
    it, `CannotRead` and `CannotWrite`.
    """
    out = (beside / asked.out if out is None else out).absolute()
    paths = checked(beside, asked)
    sources = {name: path.absolute() for name, path in paths.items()}
    known = _unfinished_like(asked, out)
    if known is not None:
        return Started(known.name, known, asked, sources)
    id = new_job()
    folder = job_folder(id)
    try:
        job = replace(asked, inputs=gather(folder, paths))
        write_job(job, folder / JOB_FILE)
        outs = {"out": out, **{name: out.parent / file for name, file in asked.also.items()}}
        texts = {name: _as_text(path) for name, path in sources.items()}
        write_state(folder, State({name: _as_text(one) for name, one in outs.items()}, sources=texts))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return Started(id, folder, job, sources)


def _unfinished_like(asked: Job, out: Path) -> Path | None:
    """The folder of a run of the same job to the same result, that was stopped or killed."""

    def wish(job: Job) -> tuple[str, dict[str, str]]:
        return replace(job, inputs={}).written(), {name: one.sha256 for name, one in job.inputs.items()}

    for one in unfinished():
        with contextlib.suppress(AvfusionError):  # another process may be finishing it
            folder = job_folder(one.id)
            if one.out == _as_text(out) and not one.is_running and wish(read_job(folder / JOB_FILE)) == wish(asked):
                return folder
    return None


def unfinished() -> list[Unfinished]:
    """Runs that were stopped or killed, and those that run now, the newest first."""
    folders = [path for path in (home() / "jobs").glob("*") if _ID.fullmatch(path.name)]
    found = []
    for folder in folders:
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


def save_job(id: str, target: Path) -> None:
    """Writes a job's file to `target`, its inputs beside it as links or copies, so that it replays elsewhere.

    Raises `CannotWrite`, and `UsageError` where the inputs have been cleaned up.
    """
    refuse_target(target, folder=False)
    folder = job_folder(id)
    job = read_job(folder / JOB_FILE)
    inputs = {}
    for name, one in job.inputs.items():
        source = folder / one.path
        if not source.exists():
            raise UsageError(f"{id}: this job is done and its inputs are no longer kept. Run it again to save it.")
        path = f"{target.stem}-{one.path}" if is_inside(target.stem) else one.path
        with writing(target):
            there = target.parent / path
            if there.is_dir() and not there.is_symlink():
                shutil.rmtree(there)
            there.unlink(missing_ok=True)
        put(source, target.parent / path)
        inputs[name] = Input(path, one.sha256)
    write_job(replace(job, inputs=inputs), target)


def note_used(saved: Path, report: Report | VoiceReport) -> None:
    """Writes into a saved job which engines and weights made its result."""
    write_job(used(read_job(saved), report.engines, report.revisions), saved)


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
    return adopt(read_job(path), path.parent, out).folder


def _going_to(folder: Path, state: State, out: Path | None) -> State:
    if out is None or _as_text(out.absolute()) == state.outs["out"]:
        return state
    out = out.absolute()
    others = {name: out.parent / path.name for name, path in state.paths().items() if name != "out"}
    state = replace(state, outs={name: _as_text(path) for name, path in {"out": out, **others}.items()})
    write_state(folder, state)
    return state


def _placed(folder: Path, job: Job) -> dict[str, Path]:
    return {name: folder / one.path for name, one in job.inputs.items()}


def _as_text(path: Path) -> str:
    """With Python's escapes for bytes of a name that are no text."""
    return os.fspath(path)
