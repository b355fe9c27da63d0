"""What a command writes: never over what it reads, no two files in one place; refused before anything is written."""

import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from avfusion.cli import main
from avfusion.jobs.listing import all_jobs
from tests.jobs.making import HEIGHT, WIDTH, ball_clip

MARK = ["--box", "30,28,70,68"]
VERBS = {
    "segment": [*MARK], "swap": [*MARK, "--background", "#204060"], "remove": [*MARK], "locate": [],
    "voice": ["--target", "target.mp4"],
    "fuse": [*MARK, "--background", "ground.png", "--target", "target.mp4"],
}  # fmt: skip


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with clip.mp4, target.mp4, ground.png and mask.png."""
    folder = tmp_path_factory.mktemp("material")
    ball_clip(folder / "clip.mp4", 5)
    (folder / "target.mp4").write_bytes((folder / "clip.mp4").read_bytes())
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    cv2.imwrite(str(folder / "ground.png"), picture)
    picture[30:60, 30:60] = 255
    cv2.imwrite(str(folder / "mask.png"), picture)
    return folder


@pytest.fixture
def here(material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for path in material.glob("*.[mp][pn][4g]"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "x").mkdir()
    os.link(tmp_path / "clip.mp4", tmp_path / "hard.json")
    (tmp_path / "soft.json").symlink_to("clip.mp4")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(folder: Path, capsys: Any, *words: str) -> str:
    before = everything(folder)
    assert main([*words, "--quiet"]) != 0
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert everything(folder) == before
    assert all_jobs() == []
    return str(err)


@pytest.mark.parametrize("verb", VERBS)
def test_a_saved_job_replaces_no_input(verb: str, here: Path, capsys: Any) -> None:
    for name in ("clip.mp4", "x/../clip.mp4", "hard.json", "soft.json"):
        err = refused(here, capsys, verb, "clip.mp4", *VERBS[verb], "--out", "out.mp4", "--save-job", name)
        assert f"{name}: the output would replace its own input" in err


@pytest.mark.parametrize("name", ["ground.png", "target.mp4", "mask.png"])
@pytest.mark.parametrize("option", ["--save-job", "--report", "--map"])
def test_no_file_of_a_fusion_replaces_an_input(name: str, option: str, here: Path, capsys: Any) -> None:
    words = [*VERBS["fuse"], "--mask", "mask.png", "--out", "out.mp4"]
    err = refused(here, capsys, "fuse", "clip.mp4", *words, option, name)
    assert f"{name}: the output would replace its own input" in err


def test_every_file_that_is_written_has_its_own_place(here: Path, capsys: Any) -> None:
    names = {"--out": "a.mp4", "--report": "b.html", "--map": "c.mp4", "--save-job": "d.json"}
    options = list(names)
    for place, option in enumerate(options):
        for other in options[place + 1 :]:
            both = {**names, other: f"x/../{names[option]}"}
            words = [word for pair in both.items() for word in pair]
            assert "would lie in one place" in refused(here, capsys, "fuse", "clip.mp4", *VERBS["fuse"], *words)
    words = ["--out", "d-inputs/a.mp4", "--save-job", "d.json"]
    (here / "d-inputs").mkdir()
    assert "would lie in one place" in refused(here, capsys, "fuse", "clip.mp4", *VERBS["fuse"], *words)
