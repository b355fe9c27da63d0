"""`avfusion resume`: goes on with a run that was stopped or killed, and replays job files."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from avfusion.cli.options import FallbackOption, JsonOption, QuietOption
from avfusion.cli.progress import ProgressLine
from avfusion.cli.results import print_any, print_json
from avfusion.cli.stopping import stopping

if TYPE_CHECKING:
    from avfusion.jobs.listing import Unfinished

_JOB = "The id of a run, the first letters of one, or a job file. Left out: lists the runs that can go on."
_OUT = "Where the result goes; left out, where it should have gone, and for a job file beside it."


def resume(
    job: Annotated[str | None, typer.Argument(metavar="[JOB]", help=_JOB, show_default=False)] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help=_OUT)] = None,
    fallback: FallbackOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Go on with a run that was stopped or killed, from its last finished piece, or do what a job file says."""
    from avfusion.jobs.listing import unfinished
    from avfusion.jobs.run import run

    if job is None:
        _list(unfinished(), as_json=json)
        return
    with ProgressLine(quiet=quiet) as progress, stopping() as should_stop:
        _, report = run(_whole(job, unfinished()), out=out, on_progress=progress, should_stop=should_stop)
    print_any(report, as_json=json)


def _whole(job: str, there: list[Unfinished]) -> str:
    """The id that begins with these letters, if one does and no file has that name."""
    found = [one.id for one in there if len(job) >= 4 and one.id.startswith(job)]
    return found[0] if len(found) == 1 and not Path(job).exists() else job


def _list(there: list[Unfinished], *, as_json: bool) -> None:
    if as_json:
        print_json([vars(one) for one in there])
        return
    if not there:
        print("No run was stopped half-way.")
    for one in there:
        began = time.strftime("%Y-%m-%d %H:%M", time.localtime(one.began_s))
        how = "running" if one.is_running else one.why or "killed"
        line = f"{one.id}  {began}  {one.verb:7}  {one.source} -> {one.out}  ({how})"
        print(" ".join(line.splitlines()))
