"""`avfusion resume`: goes on with a run that was stopped or killed, and replays job files."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from avfusion.cli.options import FallbackOption, JsonOption, QuietOption
from avfusion.cli.progress import ProgressLine
from avfusion.cli.results import print_any, print_json
from avfusion.cli.stopping import stopping
from avfusion.errors import UsageError

if TYPE_CHECKING:
    from avfusion.jobs.listing import Unfinished

_BEGINNING = re.compile(r"[0-9a-f]{1,31}")
_JOB = "The id of a run, the first letters of one, or a job file. Left out: lists the runs that can go on."
_FORGET = "Remove a run that was stopped or killed, with all that was kept of it; all: every one of them."
_OUT = "Where the result goes; left out, where it should have gone, and for a job file beside it."


def resume(
    job: Annotated[str | None, typer.Argument(metavar="[JOB]", help=_JOB, show_default=False)] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help=_OUT)] = None,
    forget: Annotated[str | None, typer.Option(metavar="ID|all", help=_FORGET)] = None,
    fallback: FallbackOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Go on with a run that was stopped or killed, from its last finished piece, or do what a job file says."""
    from avfusion.jobs.listing import unfinished
    from avfusion.jobs.run import run

    if forget is not None:
        if job is not None or out is not None:
            raise UsageError("--forget removes a run, and goes on with none: leave JOB and --out out.")
        _forget(forget, unfinished())
        return
    if job is None:
        _list(unfinished(), as_json=json)
        return
    with ProgressLine(quiet=quiet) as progress, stopping() as should_stop:
        _, report = run(_whole(job, unfinished()), out=out, on_progress=progress, should_stop=should_stop)
    print_any(report, as_json=json)


def _whole(job: str, there: list[Unfinished]) -> str:
    """The id that begins with these letters, if they can be those of one and no file has that name.

    Raises `UsageError` where no run or several begin so.
    """
    if not _BEGINNING.fullmatch(job) or Path(job).exists():
        return job
    found = [one.id for one in there if one.id.startswith(job)]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"{job}: {len(found)} runs begin with these letters. Give more of them.")
    raise UsageError(f"{job}: no run that can go on begins with these letters. `avfusion resume` lists them.")


def _forget(words: str, there: list[Unfinished]) -> None:
    from avfusion.jobs.listing import forget

    ids = [one.id for one in there if not one.is_running] if words == "all" else [_whole(words, there)]
    for id in ids:
        forget(id)
        print(f"{id} forgotten")
    if not ids:
        print("No run was stopped half-way.")


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
