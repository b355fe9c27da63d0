"""A job saved to a file that travels: its inputs beside it, as copies of their own."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from avfusion.errors import CannotRead, UsageError
from avfusion.jobs.home import job_folder
from avfusion.jobs.inputs import FOLDER, put
from avfusion.jobs.job_file import Input, is_inside, located, read_job, used, write_job
from avfusion.jobs.places import refuse_clashes
from avfusion.jobs.state import JOB_FILE, read_state
from avfusion.media.target import refuse_target, scratch_beside, writing

if TYPE_CHECKING:
    from avfusion.pipelines.convert_voice import VoiceReport
    from avfusion.pipelines.report import Report


def refuse_saving(target: Path, outs: Mapping[str, Path], inputs: Iterable[Path]) -> None:
    """Raises `OutputIsInput` and `UsageError` where a saved job, or what goes beside it, would replace an input or lie
    where a result goes (outs, by name), and `CannotWrite` for what can be no file."""
    refuse_target(target, folder=False)
    refuse_clashes({**outs, "saved": target, "inputs": target.parent / _beside(target)}, inputs)


def save_job(id: str, target: Path) -> None:
    """Writes a job's file to `target`, its inputs beside it, so that it replays elsewhere.

    A job that was saved there goes, with its inputs, as soon as this one is whole. Raises as `refuse_saving`, and
    `UsageError` where the inputs have been cleaned up.
    """
    folder = job_folder(id)
    job, state = read_job(folder / JOB_FILE), read_state(folder)
    refuse_saving(target, state.paths(), state.source_paths().values())
    beside = _beside(target)
    inputs = {name: Input(beside + one.path.removeprefix(FOLDER), one.sha256) for name, one in job.inputs.items()}
    with scratch_beside(target) as scratch:
        # Copying is long and may fail; what was saved before stays as it is until that is done.
        for name, one in job.inputs.items():
            if not (folder / one.path).exists():
                raise UsageError(f"{id}: this job is done and its inputs are no longer kept. Run it again to save it.")
            put(folder / one.path, scratch / inputs[name].path, is_link=False)
        with writing(target):
            _drop(_saved_inputs(target))
            _drop([target.parent / one.path for one in inputs.values()])
            for one in inputs.values():
                (target.parent / one.path).parent.mkdir(parents=True, exist_ok=True)
                (scratch / one.path).rename(target.parent / one.path)
        write_job(replace(job, inputs=inputs), target)


def note_used(saved: Path, report: Report | VoiceReport) -> None:
    """Writes into a saved job which engines and weights made its result."""
    write_job(used(read_job(saved), report.engines, report.revisions), saved)


def _saved_inputs(target: Path) -> list[Path]:
    """The copies that were made for a job that is saved there; none where there is none."""
    try:
        job = read_job(target)
    except (CannotRead, UsageError):
        return []
    found = []
    for one in job.inputs.values():
        if one.path.startswith(f"{_beside(target)}/"):
            with contextlib.suppress(UsageError):  # where a link leads out, it is nothing of ours
                found.append(located(target.parent, one, ""))
    return found


def _drop(paths: Iterable[Path]) -> None:
    """Files and folders, and the folder that each was in, where that is empty then."""
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # not empty, or not there
            path.parent.rmdir()


def _beside(target: Path) -> str:
    """What the folder of its inputs is called."""
    return f"{target.stem}-{FOLDER}" if is_inside(target.stem) else FOLDER
