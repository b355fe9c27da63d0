"""Runs many jobs, each by itself: in processes of this machine, or on a Ray cluster."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from avfusion.errors import InputError, Stopped, UsageError
from avfusion.jobs.batch_done import Results, results_in
from avfusion.jobs.batch_list import Entry, read_batch, refuse_inputs
from avfusion.jobs.batch_local import LocalRunner
from avfusion.jobs.batch_outcome import Outcome, Runner
from avfusion.media.digest import digest_of
from avfusion.pipelines.progress import ShouldStop

LOCAL, RAY = "local", "ray"

OnOutcome: TypeAlias = Callable[[Outcome, int, int], None]
"""Called with a job's outcome, and how many of how many have ended."""


@dataclass(frozen=True)
class BatchReport:
    """outcomes: of every job, in the order of the list. summary: what summary.json says."""

    out: Path
    outcomes: tuple[Outcome, ...]
    summary: dict[str, Any]

    @property
    def failed(self) -> int:
        return sum(outcome.status == "failed" for outcome in self.outcomes)


def run_batch(
    jobs: Path,
    *,
    out: Path,
    on: str = LOCAL,
    workers: int | None = None,
    on_outcome: OnOutcome | None = None,
    should_stop: ShouldStop | None = None,
) -> BatchReport:
    """Runs the jobs in a file of JSON lines (`avfusion.jobs.batch_list`) and writes their results into a folder.

    on: `local`; `ray` for a Ray cluster on this machine for as long as this lasts; `ray://host:port` or `host:port` for
    one that is there. workers: how many jobs run at once; left out, one for each graphics card, or for two cores, or as
    many as the cluster takes. A job that fails fails alone. One whose worker is lost is begun again elsewhere, twice at
    most. Jobs that are done, with their results still there, are not run again.

    Local workers are fresh interpreters: a script that calls this needs the usual `if __name__ == "__main__":`.

    Raises `CannotRead`, `CannotWrite`, `UsageError` for a list that is not as it should be, `EngineNotReady` where Ray
    is not there, and `Stopped`; what is finished stays.
    """
    entries = read_batch(jobs)
    refuse_inputs(entries, jobs, out)
    runner = _runner(on, workers)
    began_s = time.monotonic()
    with results_in(out) as results:
        run = _Run(entries, results, on_outcome, should_stop or (lambda: False))
        try:
            for entry, outcome in runner(run.waiting(), out.absolute(), run.should_stop):
                if outcome.status == "done":
                    results.note(entry, outcome)
                run.end(outcome)
        except Stopped as error:
            results.summarize(jobs, run.in_order(), time.monotonic() - began_s)
            there = sum(outcome.status in ("done", "skipped") for outcome in run.in_order())
            raise Stopped(
                f"Stopped. {there} of {len(entries)} results are in {out}; the same command goes on from there."
            ) from error
        outcomes = run.in_order()
        return BatchReport(out, outcomes, results.summarize(jobs, outcomes, time.monotonic() - began_s))


class _Run:
    """The jobs of one batch and what became of them."""

    def __init__(
        self, entries: list[Entry], results: Results, on_outcome: OnOutcome | None, should_stop: ShouldStop
    ) -> None:
        self._entries, self._results, self._on_outcome, self.should_stop = entries, results, on_outcome, should_stop
        self._ended: dict[int, Outcome] = {}

    def waiting(self) -> Iterator[Entry]:
        """The jobs that have to be run, one after the other; what they need is read when it is their turn."""
        digest = cache(digest_of)
        for entry in self._entries:
            if self.should_stop():
                return
            try:
                ready = entry.hashed(digest)
            except InputError as error:
                self.end(Outcome(entry.name, entry.line, "failed", why=" ".join(str(error).split()), tries=0))
                continue
            known = self._results.find(ready)
            if known is None:
                yield ready
            else:
                self.end(known)

    def end(self, outcome: Outcome) -> None:
        self._ended[outcome.line] = outcome
        if self._on_outcome is not None:
            self._on_outcome(outcome, len(self._ended), len(self._entries))

    def in_order(self) -> tuple[Outcome, ...]:
        return tuple(
            self._ended.get(entry.line) or Outcome(entry.name, entry.line, "not run", tries=0)
            for entry in self._entries
        )


def _runner(on: str, workers: int | None) -> Runner:
    if workers is not None and workers < 1:
        raise UsageError(f"{workers} workers: give 1 or more.")
    if on == LOCAL:
        cards = _cards()
        return LocalRunner(workers or len(cards) or max(1, (os.cpu_count() or 1) // 2), cards)
    from avfusion.jobs.ray_run import RayRunner

    return RayRunner(None if on == RAY else on, workers)


def _cards() -> tuple[str, ...]:
    """The graphics cards that CUDA would use, asked without loading it."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return tuple(one.strip() for one in named.split(",") if one.strip() not in ("", "-1"))
    return tuple(sorted(path.name.removeprefix("nvidia") for path in Path("/dev").glob("nvidia[0-9]*")))
