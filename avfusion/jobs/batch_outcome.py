"""How a job of a batch ended, and what runs a batch's jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from avfusion.jobs.batch_list import Entry
from avfusion.pipelines.progress import ShouldStop

TRIES = 3
"""So often a job is begun: again where its worker was lost, by a kill or for want of memory."""

Status: TypeAlias = Literal["done", "failed", "skipped", "not run"]


@dataclass(frozen=True)
class Try:
    """A job that waits for a worker, or has one. tries: how often it was begun."""

    entry: Entry
    tries: int = 0


@dataclass(frozen=True)
class Outcome:
    """line: of the list of jobs. seconds: of its last try. why: in a line, where it failed. where: its worker.

    tries: how often it was begun. report: what the pipeline says, for those that are done; as JSON has it.
    """

    name: str
    line: int
    status: Status
    seconds: float = 0.0
    why: str = ""
    where: str = ""
    tries: int = 1
    report: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"seconds": round(self.seconds, 3)}


Ended: TypeAlias = tuple[Entry, Outcome]

Runner: TypeAlias = Callable[[Iterator[Entry], Path, ShouldStop], Iterator[Ended]]
"""Takes jobs as it has room for them, writes their results into a folder, and gives them in the order in which they
end. Asked to stop it stops those that run, gives what ended in between, and raises `Stopped`."""


def answered(entry: Entry, answer: Mapping[str, Any], *, where: str, tries: int) -> Outcome:
    """The outcome from what a worker answered (`avfusion.jobs.batch_worker.run_one`)."""
    status: Status = "done" if answer["status"] == "done" else "failed"
    why, report = answer.get("why", ""), answer.get("report", {})
    return Outcome(entry.name, entry.line, status, answer["seconds"], why, where, tries, report)


def lost(entry: Entry, why: str, *, seconds: float, tries: int) -> Outcome:
    """The outcome of a job whose workers were lost every time."""
    said = f"its worker was lost {tries} times ({why})"
    return Outcome(entry.name, entry.line, "failed", seconds, said, "", tries)
