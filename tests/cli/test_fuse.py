"""`avfusion fuse`: its options reach the pipeline, and what it did is said for people and for programs."""

import json
from pathlib import Path

import pytest

from avfusion.cli import main
from avfusion.media.probe import probe
from tests.pipelines.fusing import FRAMES, Talking, make


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Talking:
    return make(tmp_path_factory.mktemp("talking"))


def test_all_three_in_one_command(made: Talking, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, page = tmp_path / "out.mp4", tmp_path / "page.html"
    words = [
        "fuse", str(made.clip), "--object", "1", "--box", "58,8,92,42", "--object", "2", "--box", "58,48,92,82",
        "--background", "#204060", "--edges", "hard", "--remove", "2", "--target", str(made.target),
        "--from", "2", "--to", "17", "--out", str(out), "--report", str(page), "--json",
    ]  # fmt: skip
    assert main(words) == 0
    said = capsys.readouterr()
    report = json.loads(said.out)
    assert (report["verb"], report["changed"]) == ("fuse", ["background", "remove", "voice"])
    assert (report["kept"], report["removed"], report["frames"]) == ([1], [2], 16)
    assert report["sync"]["times_identical"] is True
    assert report["sync"]["samples_equal"] is True
    assert abs(report["sync"]["lag_s"]) < 0.005
    assert report["page"] == str(page)
    assert probe(out).frame_count == 16
    assert "% of all" in said.err
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_people_read_that_it_is_in_sync(made: Talking, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["fuse", str(made.clip), "--masks", str(made.masks), "--background", "#204060", "--quiet"]
    assert main([*words, "--remove", "1", "--inpainter", "telea", "--out", str(tmp_path / "out.mp4")]) == 0
    shown = capsys.readouterr().out
    assert f"out.mp4: {FRAMES} frames" in shown
    assert "changed  background, remove" in shown
    assert "in sync  every frame at its time" in shown
    assert "in sync  16800 samples for 16800" in shown
    assert "ms against the pictures" in shown


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        ([], 2, "Nothing is to be changed"),
        (["--remove", "one"], 2, "--remove one: give the numbers of objects"),
        (["--remove", "2"], 2, "Object 2 is to be removed"),
        (["--background", "blur", "--position", "left"], 2, "--position left"),
        (["--remove", "1", "--replace"], 2, "--replace puts something else there"),
        (["--config", "config.json"], 2, "--config belongs to a voice"),
        (["--background", "nowhere.jpg"], 3, "nowhere.jpg"),
        (["--background", "blur", "--target", "nobody.wav"], 3, "nobody.wav"),
    ],
)
def test_what_is_wrong_is_one_line(
    made: Talking, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    options: list[str], status: int, words: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    prompts = ["--point", "75,25"]
    assert main(["fuse", str(made.clip), *prompts, *options, "--out", "out.mp4"]) == status
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1
    assert words in said[0]
    assert list(tmp_path.iterdir()) == []
