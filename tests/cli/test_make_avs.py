"""`avfusion make-avs` as it is typed."""

import json
from pathlib import Path

import pytest

from avfusion.cli import main
from avfusion.datasets.avs_read import read_avs

TINY = ("--clips", "3", "--size", "32", "--quiet")


def test_a_set_is_made_and_told_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "set"
    assert main(["make-avs", str(out), "--setting", "s4", *TINY, "--plain", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["splits"] == {"test": 1, "train": 1, "val": 1}
    assert [len(read_avs(out, "s4", split)) for split in ("train", "val", "test")] == [1, 1, 1]

    assert main(["make-avs", str(out), "--setting", "s4", *TINY]) == 3
    assert "there is something of that name already" in capsys.readouterr().err


def test_a_set_without_video_is_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["make-avs", str(tmp_path / "set"), "--setting", "avss", *TINY, "--no-video"]) == 0
    assert "3 clips of avss" in capsys.readouterr().out
    assert not list(tmp_path.rglob("*.mp4"))
    assert len(read_avs(tmp_path / "set", "avss", "train")) == 1


def test_a_referring_set_is_said_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["make-avs", str(tmp_path / "set"), "--setting", "rvos", "--layout", "davis", "--split", "val"]
    assert main([*words, "--clips", "1", "--size", "32", "--quiet"]) == 0
    assert "1 clips of rvos (davis): 1 valid" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [["--setting", "s5"], [], ["--setting", "s4", "--clips", "0"], ["--setting", "ms3", "--layout", "mevis"]],
)
def test_wrong_usage_is_said_in_one_line(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["make-avs", str(tmp_path / "set"), *words]) == 2
    said = capsys.readouterr().err
    assert said.startswith("avfusion: ")
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
