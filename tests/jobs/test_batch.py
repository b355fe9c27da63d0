"""A batch on this machine: every job by itself, whatever happens to the process that runs it."""

import json
import multiprocessing
import os
import shutil
import signal
from pathlib import Path

import pytest

from avfusion.errors import CannotRead, Stopped
from avfusion.jobs.batch import run_batch
from avfusion.jobs.batch_worker import run_one
from avfusion.jobs.home import home
from avfusion.jobs.listing import unfinished
from avfusion.pipelines.swap import SwapSettings, swap
from tests.jobs.batches import swap_line, write_lines
from tests.jobs.making import BOX, ball_clip, heard, shown


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ball_clip(tmp_path_factory.mktemp("clip") / "ball.mp4")


class Killer:
    """Asked whether to stop, it kills a worker that has a job, so often."""

    def __init__(self, times: int) -> None:
        self.killed: set[int] = set()
        self._times = times

    def __call__(self) -> bool:
        for worker in multiprocessing.active_children():
            if worker.pid and worker.pid not in self.killed and len(self.killed) < self._times:
                os.kill(worker.pid, signal.SIGKILL)
                self.killed.add(worker.pid)
        return False


def test_a_job_fails_alone_and_what_is_done_is_not_done_again(clip: Path, tmp_path: Path) -> None:
    shutil.copy(clip, tmp_path / "ball.mp4")
    (tmp_path / "broken.mp4").write_bytes(b"no clip")
    changed = swap_line("ball.mp4", "changed.mp4", inputs={"clip": {"path": "ball.mp4", "sha256": "0" * 64}})
    jobs = write_lines(
        tmp_path / "jobs.jsonl", swap_line("broken.mp4", "broken-out.mp4"), swap_line("ball.mp4", "fine.mp4"),
        swap_line("missing.mp4", "missing-out.mp4"), changed, swap_line("ball.mp4", "cut.mp4", span=[0, 5]),
    )  # fmt: skip
    out, told = tmp_path / "out", list[tuple[str, int, int]]()
    report = run_batch(jobs, out=out, workers=1, on_outcome=lambda one, n, of: told.append((one.name, n, of)))
    assert [outcome.status for outcome in report.outcomes] == ["failed", "done", "failed", "failed", "done"]
    broken, fine, missing, other, cut = report.outcomes
    assert str(tmp_path / "broken.mp4") in broken.why
    assert "missing.mp4: there is no such file" in missing.why
    assert "has changed since the job was made" in other.why
    assert "\n" not in broken.why + missing.why + other.why
    assert [(ended, of) for _, ended, of in told] == [(number, 5) for number in range(1, 6)]
    assert report.failed == 3

    alone = tmp_path / "alone.mp4"
    swap(clip, [BOX], background="#204060", out=alone, settings=SwapSettings(edges="hard"))
    assert shown(out / "fine.mp4") == shown(alone)
    assert heard(out / "fine.mp4") == heard(alone)
    assert fine.report["out"] == str(out / "fine.mp4")
    assert (fine.tries, cut.report["frames"]) == (1, 5)
    assert sorted(path.name for path in out.iterdir()) == [".batch", "cut.mp4", "fine.mp4", "summary.json"]
    summary = json.loads((out / "summary.json").read_text())
    assert summary == report.summary
    assert summary["counts"] == {"done": 2, "failed": 3, "skipped": 0, "not run": 0}
    assert [one["name"] for one in summary["outcomes"]] == [one.name for one in report.outcomes]
    # Nothing of a batch's jobs stays in the home of this machine.
    assert [path for path in (home() / "jobs").glob("*") if (path / "kept").exists()] == []
    assert unfinished() == []

    before = (out / "cut.mp4").stat().st_mtime_ns
    (out / "fine.mp4").unlink()
    (tmp_path / "broken.mp4").unlink()
    fewer = write_lines(jobs, swap_line("ball.mp4", "fine.mp4"), swap_line("ball.mp4", "cut.mp4", span=[0, 5]))
    again = run_batch(fewer, out=out, workers=1)
    assert [outcome.status for outcome in again.outcomes] == ["done", "skipped"]
    assert (out / "cut.mp4").stat().st_mtime_ns == before
    assert shown(out / "fine.mp4") == shown(alone)


def test_a_killed_workers_job_is_done_by_another_and_after_three_it_fails_alone(clip: Path, tmp_path: Path) -> None:
    shutil.copy(clip, tmp_path / "ball.mp4")
    lines = [swap_line("ball.mp4", name) for name in ("a.mp4", "b.mp4", "c.mp4")]
    killer = Killer(times=4)
    report = run_batch(
        write_lines(tmp_path / "jobs.jsonl", *lines), out=tmp_path / "out", workers=1, should_stop=killer
    )
    assert len(killer.killed) == 4
    assert [(outcome.status, outcome.tries) for outcome in report.outcomes] == [("failed", 3), ("done", 2), ("done", 1)]
    assert report.outcomes[0].why == "its worker was lost 3 times (killed by signal 9)"
    assert shown(tmp_path / "out" / "b.mp4") == shown(tmp_path / "out" / "c.mp4")
    assert multiprocessing.active_children() == []


def test_a_bug_is_said_and_ends_its_worker() -> None:
    said: list[dict[str, object]] = []

    def buggy() -> dict[str, object]:
        raise ValueError("a\nbug")

    def full() -> dict[str, object]:
        raise MemoryError

    def wrong() -> dict[str, object]:
        raise CannotRead("a.mp4: no\nclip")

    def stopped() -> dict[str, object]:
        raise Stopped("Stopped.")

    with pytest.raises(ValueError, match="bug"):
        run_one(buggy, said.append)
    (answer,) = said
    assert (answer["status"], answer["ends"]) == ("failed", True)
    assert answer["why"] == "this is a bug in AVFusion: ValueError: a bug"
    with pytest.raises(MemoryError):
        run_one(full, said.append)
    assert len(said) == 1
    refused = run_one(wrong, said.append)
    assert (refused["status"], refused["why"]) == ("failed", "a.mp4: no clip")
    assert run_one(lambda: {"frames": 3}, said.append)["report"] == {"frames": 3}
    assert run_one(stopped, said.append)["status"] == "stopped"
