"""`avfusion resume`, and jobs that commands save."""

import json
from pathlib import Path
from typing import Any

import pytest

from avfusion.cli import main
from avfusion.errors import Stopped
from avfusion.jobs.run import run, start
from avfusion.jobs.schema import SwapOptions
from tests.jobs.making import BOX, ball_clip, shown, stop_after


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ball_clip(tmp_path_factory.mktemp("clip") / "ball.mp4")


def stopped(clip: Path, out: Path) -> str:
    job = start("swap", inputs={"clip": clip}, out=out, prompts=[BOX], options=SwapOptions("#204060"))
    with pytest.raises(Stopped):
        run(job, should_stop=stop_after(30))
    return job.id


def test_a_stopped_run_is_listed_and_gone_on_with(clip: Path, tmp_path: Path, capsys: Any) -> None:
    assert main(["resume"]) == 0
    assert capsys.readouterr().out == "No run was stopped half-way.\n"
    out = tmp_path / "out.mp4"
    id = stopped(clip, out)
    assert main(["resume"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(id)
    assert line.endswith(f"{clip} -> {out}  (stopped)")
    assert main(["resume", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["id"], row["verb"], row["out"], row["is_running"]) == (id, "swap", str(out), False)
    assert main(["resume", id[:6], "--quiet"]) == 0
    assert capsys.readouterr().out.startswith(f"{out}: 20 frames")
    assert out.exists()


def test_a_saved_job_gives_the_same_elsewhere(clip: Path, tmp_path: Path, capsys: Any) -> None:
    out, saved = tmp_path / "out.mp4", tmp_path / "my job.json"
    words = ["swap", str(clip), "--box", "30,28,70,68", "--background", "#204060", "--out", str(out), "--quiet"]
    assert main([*words, "--save-job", str(saved)]) == 0
    assert json.loads(saved.read_text())["engines"]["engine"] == "flow"
    other = tmp_path / "other.mp4"
    assert main(["resume", str(saved), "--out", str(other), "--quiet", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.partition("\n{")[2].join(("{", "")))["out"] == str(other)
    assert shown(other) == shown(out)


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (["0" * 32], 2, "cleaned up"),
        (["nothing"], 3, "Give the id of a job, or a job file."),
        (["broken.json"], 2, "broken.json: this is no job"),
        (["."], 3, "there is no job in this folder"),
    ],
)
def test_what_cannot_be_gone_on_with_is_said_in_one_line(
    words: list[str], status: int, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.json").write_text("{")
    assert main(["resume", *words]) == status
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert says in err
