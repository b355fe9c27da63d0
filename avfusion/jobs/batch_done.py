"""What a batch's folder of results knows of itself: which jobs are done, so that the same batch goes on from there."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from avfusion.errors import CannotWrite, UsageError
from avfusion.jobs.batch_list import KEPT, SUMMARY, Entry
from avfusion.jobs.batch_outcome import Outcome
from avfusion.jobs.state import alone
from avfusion.media.journal import Journal
from avfusion.media.target import whole_file, writing


class Results:
    """A folder of results and its journal: for each job that is done, what it was and which files it wrote."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._journal = Journal(out / KEPT)

    def find(self, entry: Entry) -> Outcome | None:
        """The outcome of just this job, if its result is there; `skipped`."""
        note = self._journal.find(entry.name)
        if note is None or note.get("wish") != entry.wish() or not note["files"]:
            return None
        return Outcome(entry.name, entry.line, "skipped", why="done before", report=note.get("report", {}))

    def note(self, entry: Entry, outcome: Outcome) -> None:
        """Raises `CannotWrite`."""
        files = [os.path.relpath(path, self._journal.folder) for path in self._files(entry)]
        self._journal.note(entry.name, files, wish=entry.wish(), report=outcome.report)

    def summarize(self, jobs: Path, outcomes: Sequence[Outcome], seconds: float) -> dict[str, Any]:
        """Writes summary.json and gives what is in it. Raises `CannotWrite`."""
        counts = {
            status: sum(outcome.status == status for outcome in outcomes)
            for status in ("done", "failed", "skipped", "not run")
        }
        summary = {
            "jobs": os.fspath(jobs), "out": os.fspath(self._out), "counts": counts, "seconds": round(seconds, 3),
            "outcomes": [outcome.as_json() for outcome in outcomes],
        }  # fmt: skip
        with whole_file(self._out / SUMMARY) as part:
            part.write_text(json.dumps(summary, indent=2) + "\n", encoding="ascii")
        return summary

    def _files(self, entry: Entry) -> Iterator[Path]:
        for name in entry.outs:
            path = self._out / name
            if path.is_dir():
                yield from (inner for inner in sorted(path.rglob("*")) if inner.is_file())
            elif path.is_file():
                yield path


@contextlib.contextmanager
def results_in(out: Path) -> Iterator[Results]:
    """The folder, made if it is not there, for one batch at a time. Raises `CannotWrite` and `UsageError`."""
    if out.exists() and not out.is_dir():
        raise CannotWrite(f"{out}: this is a file; name a folder for the results.")
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
    if not os.access(out, os.W_OK | os.X_OK):
        raise CannotWrite(f"{out}: this folder is not writable.")
    with writing(out):
        (out / KEPT).mkdir(exist_ok=True)
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(alone(out / KEPT))
        except UsageError as error:
            raise UsageError(f"{out}: another batch writes its results here. Wait for it, or stop it first.") from error
        yield Results(out)
