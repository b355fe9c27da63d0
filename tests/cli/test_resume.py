"""`avfusion resume`, and jobs that commands save."""

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from avfusion.cli import main, swap
from avfusion.errors import Stopped
from avfusion.jobs.home import job_folder
from avfusion.jobs.listing import all_jobs, unfinished
from avfusion.jobs.run import run, start
from avfusion.jobs.schema import SwapOptions
from avfusion.jobs.state import alone
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
        (["9b6"], 2, "no run that can go on begins with these letters"),
        (["--forget", "9b6"], 2, "no run that can go on begins with these letters"),
        (["--forget", "0" * 32], 2, "cleaned up"),
        (["9b6", "--forget", "9b6"], 2, "leave JOB and --out out"),
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


def test_any_beginning_that_only_one_run_has_will_do(clip: Path, tmp_path: Path, capsys: Any) -> None:
    given = {"inputs": {"clip": clip}, "prompts": [BOX], "options": SwapOptions("#204060")}
    ids = [start("swap", out=tmp_path / f"{number}.mp4", **given).id for number in range(17)]  # type: ignore[arg-type]
    first = next(letter for letter in "0123456789abcdef" if sum(id.startswith(letter) for id in ids) > 1)
    assert main(["resume", first, "--quiet"]) == 2
    assert "runs begin with these letters. Give more" in capsys.readouterr().err
    id = ids[0]
    least = next(id[:size] for size in range(1, 33) if sum(other.startswith(id[:size]) for other in ids) == 1)
    assert main(["resume", "--forget", least]) == 0
    assert capsys.readouterr().out == f"{id} forgotten\n"
    assert id not in [one.id for one in unfinished()]
    assert main(["resume", "--forget", "all"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 16
    assert all_jobs() == []


def test_a_run_that_is_at_work_is_not_forgotten(clip: Path, tmp_path: Path, capsys: Any) -> None:
    id = stopped(clip, tmp_path / "out.mp4")
    with alone(job_folder(id)):
        assert main(["resume", "--forget", id]) == 2
        assert "is being run by process" in capsys.readouterr().err
        assert main(["resume", "--forget", "all"]) == 0
    assert [one.id for one in unfinished()] == [id]


def test_the_same_command_goes_on_with_the_run_that_it_was(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    out = tmp_path / "out.mp4"
    words = ["swap", str(clip), "--box", "30,28,70,68", "--background", "#204060", "--edges", "hard"]
    for asked in (9, 9):
        with monkeypatch.context() as patch:
            patch.setattr(swap, "stopping", lambda asked=asked: nullcontext(stop_after(asked)))
            assert main([*words, "--out", str(out)]) == 130
        (one,) = unfinished()
    assert f"this goes on with {one.id}" in capsys.readouterr().err
    assert main([*words, "--out", str(out), "--quiet"]) == 0
    assert unfinished() == []
    assert len(shown(out)) == 20


def test_a_word_that_was_misspelt_is_no_missing_file(clip: Path, tmp_path: Path, capsys: Any) -> None:
    for given, meant in (("blurr", "blur"), ("transparant", "transparent"), ("204060", "'#204060'")):
        words = ["fuse", str(clip), "--box", "30,28,70,68", "--background", given, "--out", str(tmp_path / "out.mp4")]
        assert main(words) == 2
        assert f"--background {given}: there is no such file. Did you mean {meant}?" in capsys.readouterr().err


def test_a_report_is_a_page(clip: Path, tmp_path: Path, capsys: Any) -> None:
    words = ["fuse", str(clip), "--box", "30,28,70,68", "--background", "blur", "--out", str(tmp_path / "out.mp4")]
    assert main([*words, "--report", str(tmp_path / "a.txt")]) == 3
    assert "a.txt: the report is a page. Give it a name that ends in .html." in capsys.readouterr().err
