"""What became of a batch's jobs, as a table in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from avfusion.jobs.batch import BatchReport
    from avfusion.jobs.batch_outcome import Outcome

_NAME_WIDTH = 40


def print_batch(report: BatchReport) -> None:
    """On standard output: a row for each job, and the counts below."""
    names = [shown(outcome.name) for outcome in report.outcomes]
    width = max(map(len, ("name", *names)))
    print(f"{'name'.ljust(width)}  seconds  status   why")
    for name, outcome in zip(names, report.outcomes, strict=True):
        seconds = f"{outcome.seconds:.1f}" if outcome.status in ("done", "failed") and outcome.tries else "-"
        print(f"{name.ljust(width)}  {seconds:>7}  {outcome.status:7}  {_why(outcome)}".rstrip())
    counts = ", ".join(f"{count} {status}" for status, count in report.summary["counts"].items() if count)
    print(f"\n{report.out}: {counts} in {report.summary['seconds']:.1f} s; summary.json says more")


def in_a_line(outcome: Outcome) -> str:
    """ "clip.mp4 done in 4.1 s"."""
    name, why = shown(outcome.name), _why(outcome)
    if outcome.status == "done":
        return f"{name} done in {outcome.seconds:.1f} s{f' ({why})' if why else ''}"
    return f"{name} {outcome.status}: {why}"


def shown(name: str, width: int = _NAME_WIDTH) -> str:
    """A file's name for one cell: what cannot be printed as Python writes it, the middle of a long one left out."""
    plain = "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in name)
    if len(plain) <= width:
        return plain
    half = (width - 3) // 2
    return f"{plain[: width - 3 - half]}...{plain[-half:]}"


def _why(outcome: Outcome) -> str:
    if outcome.status == "done":
        return f"begun {outcome.tries} times" if outcome.tries > 1 else ""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in outcome.why).split())
