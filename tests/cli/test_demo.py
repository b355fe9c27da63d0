"""`avfusion demo` in a checkout of its own, whose example is a small clip."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from avfusion.media.probe import probe

Material = Any
Demo = Callable[..., subprocess.CompletedProcess[str]]

PACKAGE = Path(__file__).resolve().parents[2] / "avfusion"
VIDEOS = ["overlay.mp4", "picture.mp4", "clip.mp4", "colour.mp4", "blur.mp4", "transparent.webm", "removed.mp4"]


@pytest.fixture
def checkout(tmp_path: Path, material: Material) -> Path:
    root = tmp_path / "checkout"
    shutil.copytree(PACKAGE, root / "avfusion", ignore=shutil.ignore_patterns("__pycache__"))
    assets = root / "assets"
    assets.mkdir()
    for name in ("example.mp4", "background.mp4"):
        shutil.copy(material.clip, assets / name)
    cv2.imwrite(str(assets / "background.jpg"), cv2.imread(str(material.ground)))
    rows, columns = np.nonzero(material.disc)
    x0, y0, x1, y1 = (int(value) for value in (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1))
    prompts = {"points": [[(x0 + x1) / 2, (y0 + y1) / 2, 1], [2, 2, 0]], "box": [x0 - 3, y0 - 3, x1 + 3, y1 + 3]}
    (assets / "prompts.json").write_text(json.dumps(prompts))
    return root


@pytest.fixture
def demo(checkout: Path, tmp_path: Path) -> Demo:
    start = f"import sys; sys.path.insert(0, {str(checkout)!r}); from avfusion.cli import main; sys.exit(main())"

    def run_it(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", start, "demo", *words]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)

    return run_it


def test_every_ability_is_shown_and_reported(demo: Demo, tmp_path: Path, material: Material) -> None:
    done = demo("--out", "shown", "--json", "--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    results = json.loads(done.stdout)["results"]
    assert [row["file"] for row in results] == ["masks", *VIDEOS]
    assert json.loads((tmp_path / "shown" / "report.json").read_text()) == results
    assert results[0]["engines"] == {"segmentation": "grabcut", "tracking": "flow"}
    made = {path.name for path in (tmp_path / "shown").iterdir()}
    assert made == {"masks", *VIDEOS, "report.json", "report.png"}
    for name in VIDEOS:
        assert probe(tmp_path / "shown" / name).frame_count == 12, name
    cut_out = next(probe(tmp_path / "shown" / "transparent.webm").frames())
    assert cut_out.alpha is not None
    assert np.median(cut_out.alpha[material.disc]) > 240
    assert np.median(cut_out.alpha[~material.disc]) < 15


def test_the_contact_sheet_has_a_row_for_each_video(demo: Demo, tmp_path: Path) -> None:
    assert demo("--out", "shown").returncode == 0
    sheet = cv2.imread(str(tmp_path / "shown" / "report.png"))
    assert sheet is not None
    green = (np.abs(sheet.astype(int) - (10, 200, 10)) < 30).all(axis=2)
    assert green.any(), "the picture behind the disc"
    title_px, gap_px = 24, 8
    picture_px = round(320 * 64 / 96)
    assert sheet.shape[0] == gap_px + (len(VIDEOS) + 1) * (title_px + picture_px + gap_px)


def test_a_folder_in_use_is_left_alone(demo: Demo, tmp_path: Path) -> None:
    (tmp_path / "shown").mkdir()
    (tmp_path / "shown" / "mine.txt").write_text("mine")
    done = demo("--out", "shown")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (3, "", 1)
    assert [path.name for path in (tmp_path / "shown").iterdir()] == ["mine.txt"]


def test_a_missing_example_is_said(demo: Demo, checkout: Path, tmp_path: Path) -> None:
    (checkout / "assets" / "example.mp4").unlink()
    done = demo("--out", "shown")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (3, "", 1)
    assert "example.mp4 missing" in done.stderr
    assert not (tmp_path / "shown").exists()
