"""`avfusion compare`: a report of several engines from the command line."""

import csv
import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from avfusion.cli import main
from avfusion.cli.compare_table import print_comparison
from avfusion.clip import MaskTrack
from avfusion.media.probe import probe
from avfusion.pipelines.compare import Answer, Comparison

Run = Callable[..., subprocess.CompletedProcess[str]]
Material = Any

BOX = ["--box", "14,14,50,50"]


@pytest.fixture(scope="module")
def still(material: Material, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clip's first frame as a picture."""
    path = tmp_path_factory.mktemp("still") / "still.png"
    (frame,) = probe(material.clip).frames(0, 1)
    cv2.imwrite(str(path), frame.rgb[..., ::-1])
    return path


def test_a_picture_and_its_truth(material: Material, still: Path, run: Run, tmp_path: Path) -> None:
    truth = material.masks / "00000.png"
    done = run("compare", still, *BOX, "--engines", "grabcut,sam-vit-b", "--truth", truth, "--out", "report", "--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    said = json.loads((tmp_path / "report" / "comparison.json").read_text())
    cut, waits = said["answers"]
    assert cut["iou"] > 0.8
    assert f"{cut['iou']:.3f}" in done.stdout
    assert "needs a download" in waits["problem"]
    assert "sam-vit-b  no answer: needs a download of 375 MB: avfusion engines pull sam-vit-b" in done.stdout
    names = {path.name for path in (tmp_path / "report").iterdir()}
    assert names == {
        "comparison.json", "comparison.csv", "comparison.html", "agreement.png", "grabcut.png", "grabcut-mask.png",
    }  # fmt: skip


def test_engines_left_out_are_those_that_are_ready(still: Path, tmp_path: Path, capsys: Any) -> None:
    assert main(["compare", str(still), *BOX, "--out", str(tmp_path / "report"), "--json", "--quiet"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [answer["engine"] for answer in said["answers"]] == ["grabcut"]
    assert said["out"] == str(tmp_path / "report")
    assert {**json.loads((tmp_path / "report" / "comparison.json").read_text()), "out": said["out"]} == said


def test_naming_a_tracker_follows_the_clip(material: Material, tmp_path: Path, capsys: Any) -> None:
    words = ["--mask", f"{material.masks}/00002.png@2", "--engines", "flow", "--from", "2", "--to", "7", "--quiet"]
    words += ["--truth", str(material.masks)]
    assert main(["compare", str(material.clip), *words, "--out", str(tmp_path / "report")]) == 0
    assert "frames/s" in capsys.readouterr().out
    said = json.loads((tmp_path / "report" / "comparison.json").read_text())
    assert (said["kind"], said["frames"]) == ("clip", [2, 8])
    assert said["answers"][0]["iou"] > 0.8
    assert probe(tmp_path / "report" / "side-by-side.mp4").frame_count == 6
    (row,) = csv.DictReader((tmp_path / "report" / "comparison.csv").read_text().splitlines())
    assert float(row["flicker"]) == said["answers"][0]["flicker"]


def test_prompts_are_on_the_frame_that_is_compared(material: Material, tmp_path: Path, capsys: Any) -> None:
    clip = str(material.clip)
    for number, words in enumerate((["--frame", "5", *BOX], ["--box", "14,14,50,50@5"])):
        out = tmp_path / str(number)
        assert main(["compare", clip, *words, "--engines", "grabcut", "--out", str(out), "--quiet"]) == 0
        assert json.loads((out / "comparison.json").read_text())["frames"] == [5, 6]
    masks = [cv2.imread(str(tmp_path / name / "grabcut-mask.png")) for name in ("0", "1")]
    assert np.array_equal(*masks)


def test_the_table_lines_up_and_the_matrix_is_below_it(material: Material, capsys: Any) -> None:
    def answered(name: str, disc: Any) -> Answer:
        track = MaskTrack(96, 64, 1, {1: np.packbits(disc)[None]}, {1: np.ones(1, np.float32)}, name)
        return Answer(
            name, "segmentation", track, ("ball", "ball", "sky"), 0.75, seconds=0.5, peak_memory_bytes=7_000_000
        )

    answers = (answered("one", material.disc), answered("another-one", material.disc))
    found = Comparison(probe(material.clip), (0, 1), answers, np.array([[1, 0.25], [0.25, 1]]), ("one", "another-one"))
    print_comparison(found, Path("report"))
    assert capsys.readouterr().out.splitlines() == [
        "engine        score  seconds    memory  labels",
        "one            0.75     0.50      7 MB  ball, sky",
        "another-one    0.75     0.50      7 MB  ball, sky",
        "",
        "IoU of each pair",
        "                 1      2",
        "one          1.000  0.250   1",
        "another-one  0.250  1.000   2",
        "",
        "report: comparison.html and its files",
    ]


# What is wrong, the exit status, what the line says, and the words after `compare`.
WRONG = [
    ("unknown engine", 2, "Did you mean grabcut", "CLIP --point 30,30 --engines grabcutt --out report"),
    ("not ready", 4, "needs a download of 375 MB", "CLIP --point 30,30 --engines sam-vit-b --out report"),
    ("two kinds", 2, "compare one kind", "CLIP --point 30,30 --engines flow,grabcut --out report"),
    ("a still to follow", 2, "one picture", "STILL --point 30,30 --clip --out report"),
    ("a span of a frame", 2, "--from and --to are for whole clips", "CLIP --point 30,30 --from 2 --out report"),
    ("frame outside", 2, "has frames 0 to 11", "CLIP --frame 12 --point 30,30 --out report"),
    ("prompt elsewhere", 2, "nothing is said about frame 3", "CLIP --frame 3 --point 30,30@4 --out report"),
    ("truth of another size", 2, "20 x 10 pixels", "CLIP --point 30,30 --truth small.png --out report"),
    ("no such truth", 3, "none.png", "CLIP --point 30,30 --truth none.png --out report"),
    ("too few truths", 2, "1 mask PNGs for a clip of 12", "CLIP --mask DISC --engines flow --truth few --out report"),
    ("no prompt to follow", 2, "--point X,Y", "CLIP --clip --engines flow --out report"),
    ("no answer", 3, "no engine had an answer. grabcut has to be told", "STILL --engines grabcut --out report"),
    ("out is there", 3, "already", "CLIP --point 30,30 --out few"),
    ("out has no folder", 3, "nowhere", "CLIP --point 30,30 --out nowhere/report"),
    ("no clip", 3, "none.mp4", "none.mp4 --point 30,30 --out report"),
    ("no device", 2, "abacus", "CLIP --point 30,30 --device abacus --out report"),
]


@pytest.mark.parametrize(("status", "says", "words"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_what_is_wrong_is_said_in_one_line(
    status: int, says: str, words: str, material: Material, still: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "few").mkdir()
    (tmp_path / "few" / "00000.png").write_bytes((material.masks / "00000.png").read_bytes())
    cv2.imwrite(str(tmp_path / "small.png"), np.full((10, 20), 255, np.uint8))
    before = sorted(tmp_path.rglob("*"))
    places = {"CLIP": str(material.clip), "STILL": str(still), "DISC": str(material.masks / "00000.png")}
    assert main(["compare", *(places.get(word, word) for word in words.split())]) == status
    out, err = capsys.readouterr()
    assert out == ""
    line = err.splitlines(keepends=True)[-1]
    assert line.startswith("avfusion: ")
    assert says in line
    assert "Traceback" not in err
    assert sorted(tmp_path.rglob("*")) == before


def test_stopped_half_way_nothing_is_left(long_material: Material, program: list[str], tmp_path: Path) -> None:
    words = ["compare", long_material.clip, "--mask", long_material.masks / "00000.png", "--engines", "flow"]
    running = subprocess.Popen(
        [*program, *map(str, words), "--out", "report"], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    try:
        assert running.stderr is not None
        for line in running.stderr:
            if "shots" in line:
                break
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=60)
    finally:
        running.kill()
    assert running.returncode == 130
    assert err.splitlines()[-1].startswith("avfusion: ")
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []
