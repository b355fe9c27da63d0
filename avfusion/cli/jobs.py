"""Runs what a command asks as a job, so that it can be gone on with, replayed and saved."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from avfusion.errors import UsageError

if TYPE_CHECKING:
    from avfusion.clip import Clip, Prompt
    from avfusion.pipelines.progress import Progress

_SAVE = "Write the run as a job too, its inputs beside it, so that `avfusion resume FILE` does it again elsewhere."

SaveJobOption = Annotated[Path | None, typer.Option("--save-job", metavar="FILE.json", help=_SAVE)]


def run_as_job(
    verb: str,
    *,
    inputs: Mapping[str, Path | None],
    out: Path,
    on_progress: Callable[[Progress], None],
    should_stop: Callable[[], bool],
    save_as: Path | None = None,
    clip: Clip | None = None,
    also: Mapping[str, Path | None] | None = None,
    prompts: Sequence[Prompt] = (),
    settings: Any = None,
    options: Any = None,
    engines: Mapping[str, str] | None = None,
    span: tuple[int, int] | None = None,
    read: Sequence[Path] = (),
) -> Any:
    """The pipeline's report. Inputs and other files that are None were not given. read: files that the prompts are
    from. The rest as `avfusion.jobs.run`."""
    from avfusion.jobs.adopt import instead
    from avfusion.jobs.places import refuse_clashes
    from avfusion.jobs.run import run, start
    from avfusion.jobs.saving import note_used, refuse_saving, save_job
    from avfusion.pipelines.progress import Progress

    outs, files = {"out": out, **_given(also or {})}, [*_given(inputs).values(), *read]
    refuse_clashes(outs, files)
    if save_as is not None:
        refuse_saving(save_as, outs, files)
    new = start(
        verb, inputs=_given(inputs), out=out, also=_given(also or {}), prompts=prompts, settings=settings,
        options=options, engines=engines, span=span,
    )  # fmt: skip
    job = instead(new)
    if job is not new:
        words = f"this goes on with {job.id}, a run of just this that was stopped. To begin anew, forget it first."
        on_progress(Progress("", 0, 0, 0.0, None, note=words))
    if save_as is not None:
        save_job(job.id, save_as)
    _, report = run(job, clip=clip, on_progress=on_progress, should_stop=should_stop)
    if save_as is not None:
        note_used(save_as, report)
    return report


def file_of(background: str) -> Path | None:
    """A background that is a file; None for a word or a colour. Raises `UsageError` for one that was misspelt."""
    from avfusion.pipelines.swap_settings import BLUR, TRANSPARENT, is_file

    if not is_file(background):
        return None
    path = Path(background)
    if not path.exists():
        meant = get_close_matches(background.lower(), (BLUR, TRANSPARENT), 1, 0.7)
        if re.fullmatch("[0-9a-fA-F]{6}", background):
            meant = [f"'#{background}'"]
        if meant:
            raise UsageError(f"--background {background}: there is no such file. Did you mean {meant[0]}?")
    return path


def _given(paths: Mapping[str, Path | None]) -> dict[str, Path]:
    return {name: path for name, path in paths.items() if path is not None}
