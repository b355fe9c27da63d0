"""`avfusion batch`: many jobs, in processes of this machine or on a Ray cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from avfusion.cli.batch_table import in_a_line, print_batch
from avfusion.cli.options import JsonOption, QuietOption
from avfusion.cli.progress import ProgressLine
from avfusion.cli.results import print_json
from avfusion.cli.stopping import stopping

SOME_FAILED = 3

_JOBS = "A job a line, as --save-job writes them; an input may go without its sha256."
_OUT = "Where the results go, and summary.json. Jobs whose results are there are not run again."
_ON = "local: processes of this machine. ray: a Ray cluster on it. An address: the Ray cluster there."


def batch(
    jobs: Annotated[Path, typer.Argument(metavar="JOBS.jsonl", help=_JOBS)],
    out: Annotated[Path, typer.Option(metavar="DIR", help=_OUT)],
    on: Annotated[str, typer.Option(metavar="local|ray|ray://HOST:PORT", help=_ON)] = "local",
    workers: Annotated[int | None, typer.Option(min=1, metavar="N", help="How many jobs run at once.")] = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Run many jobs. One that fails fails alone; one whose worker dies is run again elsewhere.

    Paths in JOBS.jsonl are relative to its folder and stay inside it. Exit status 3: some jobs failed.
    """
    from avfusion.jobs.batch import run_batch

    with ProgressLine(quiet=quiet) as progress, stopping() as should_stop:
        report = run_batch(
            jobs, out=out, on=on, workers=workers, should_stop=should_stop,
            on_outcome=lambda outcome, ended, of: progress.say(f"{ended}/{of} {in_a_line(outcome)}"),
        )  # fmt: skip
    if json:
        print_json(report.summary)
    else:
        print_batch(report)
    if report.failed:
        raise typer.Exit(SOME_FAILED)
