"""Runs that are killed for real, with signal 9, end with the same result, and nothing is left of the dead."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from avfusion.jobs.listing import unfinished
from avfusion.jobs.run import run, start
from avfusion.jobs.schema import SwapOptions
from avfusion.pipelines.swap import SwapSettings
from tests.jobs.making import BOX, FRAMES, ball_clip, heard, shown

PIECE = 5
# The run asks whether to stop at every frame of every stage; at one of these questions the process kills itself.
CHILD = """
import itertools, os, signal, sys
from avfusion.jobs.run import run
asked = itertools.count(1)

def killed_at():
    if next(asked) == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return False

run(sys.argv[1], segment_frames=int(sys.argv[3]), should_stop=killed_at)
"""


def run_until_killed(job: str, question: int) -> None:
    command = [sys.executable, "-c", CHILD, job, str(question), str(PIECE)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == -signal.SIGKILL, done.stderr


def test_killed_twice_and_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary, results = tmp_path / "temporary", tmp_path / "results"
    temporary.mkdir()
    results.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    clip = ball_clip(tmp_path / "ball.mp4")

    def begun(name: str) -> str:
        return start(
            "swap", inputs={"clip": clip}, out=results / name, prompts=[BOX], also={"matte": results / f"matte-{name}"},
            settings=SwapSettings(), options=SwapOptions("blur"), engines={"engine": "flow", "segmenter": "grabcut"},
        ).id  # fmt: skip

    run(begun("whole.mp4"), segment_frames=PIECE)
    job = begun("killed.mp4")
    run_until_killed(job, FRAMES + 9)  # in the middle of tracking
    # Then it goes on, writes the masks and the matte, and is killed while the matte waits for the clip to be ready.
    run_until_killed(job, 3 * FRAMES + 3)
    (one,) = unfinished()
    assert (one.id, one.why, one.is_running) == (job, "", False)
    assert any(results.glob(".*part*")), "the dead process has half written nothing: this test tests nothing"
    run(job, segment_frames=PIECE)
    for name in ("killed.mp4", "matte-killed.mp4"):
        assert shown(results / name) == shown(results / name.replace("killed", "whole"))
    assert heard(results / "killed.mp4") == heard(results / "whole.mp4")
    assert sorted(path.name for path in results.iterdir()) == [
        "killed.mp4", "matte-killed.mp4", "matte-whole.mp4", "whole.mp4",
    ]  # fmt: skip
    assert list(temporary.iterdir()) == []
    assert unfinished() == []
