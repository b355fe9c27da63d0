"""A job saved to a file that travels: its inputs beside it, as copies of their own."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from avfusion.errors import UsageError
from avfusion.jobs.home import job_folder
from avfusion.jobs.inputs import FOLDER, put
from avfusion.jobs.job_file import Input, is_inside, read_job, used, write_job
from avfusion.jobs.places import refuse_clashes
from avfusion.jobs.state import JOB_FILE, read_state
from avfusion.media.target import refuse_target, writing

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

    Raises as `refuse_saving`, and `UsageError` where the inputs have been cleaned up.
    """
    folder = job_folder(id)
    job, state = read_job(folder / JOB_FILE), read_state(folder)
    refuse_saving(target, state.paths(), state.source_paths().values())
    inputs = {}
    for name, one in job.inputs.items():
        source = folder / one.path
        if not source.exists():
            raise UsageError(f"{id}: this job is done and its inputs are no longer kept. Run it again to save it.")
        path = _beside(target) + one.path.removeprefix(FOLDER)
        with writing(target):
            there = target.parent / path
            if there.is_dir() and not there.is_symlink():
                shutil.rmtree(there)
            there.unlink(missing_ok=True)
        put(source, target.parent / path, is_link=False)
        inputs[name] = Input(path, one.sha256)
    write_job(replace(job, inputs=inputs), target)


def note_used(saved: Path, report: Report | VoiceReport) -> None:
    """Writes into a saved job which engines and weights made its result."""
    write_job(used(read_job(saved), report.engines, report.revisions), saved)


def _beside(target: Path) -> str:
    """What the folder of its inputs is called."""
    return f"{target.stem}-{FOLDER}" if is_inside(target.stem) else FOLDER
