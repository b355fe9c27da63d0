"""`avfusion remove` and `avfusion evaluate inpaint`, as programs of their own."""

import json
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from avfusion.cli import main
from avfusion.media.probe import probe

Run = Callable[..., subprocess.CompletedProcess[str]]
Material = Any


def test_the_disc_goes_and_the_report_says_how(run: Run, material: Material, tmp_path: Path) -> None:
    done = run(
        "remove", material.clip, "--masks", material.masks, "--engine", "telea", "--grow", "4", "--map", "map.mp4",
        "--out", "out.mp4", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["verb"], report["out"], report["map_out"]) == ("remove", "out.mp4", "map.mp4")
    assert (report["seen_share"], report["invented_share"], report["generations"]) == (0, 1, 12)
    assert report["engines"]["inpainting"] == "telea"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["map.mp4", "out.mp4"]
    assert "filling 12/12 frames, 100 %" in done.stderr
    first = next(probe(tmp_path / "out.mp4").frames()).rgb
    assert np.median(first[material.disc], axis=0) == pytest.approx([32, 52, 102], abs=16)


def test_people_read_what_was_seen_and_what_was_invented(
    material: Material, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["remove", str(material.clip), "--masks", str(material.masks), "--to", "5", "--quiet"]
    assert main([*words, "--out", str(tmp_path / "out.mp4"), "--each-frame"]) == 0
    shown = capsys.readouterr().out
    assert "out.mp4: 6 frames" in shown
    assert "hole     0.0% seen in other frames, 100.0% invented; 6 pictures painted" in shown
    assert "flow-warp error" in shown
    assert "inpainting   flow-fill" in shown
    assert "best engine" not in shown


def test_a_picture_loses_what_its_mask_says(material: Material, tmp_path: Path) -> None:
    picture = tmp_path / "in.png"
    grain = np.random.default_rng(2).integers(0, 20, (64, 96, 3), np.uint8)
    cv2.imwrite(str(picture), np.where(material.disc[..., None], np.uint8(230), grain))
    mask = str(material.masks / "00000.png")
    words = ["remove", str(picture), "--mask", mask, "--quiet", "--json", "--out", str(tmp_path / "out.png")]
    assert main(words) == 0
    after = cv2.imread(str(tmp_path / "out.png"))
    assert after is not None
    assert after.max() < 60


@pytest.mark.parametrize("verb", ["remove", "swap"])
def test_masks_may_come_in_a_zip(material: Material, tmp_path: Path, verb: str) -> None:
    packed = shutil.make_archive(str(tmp_path / "masks"), "zip", material.masks)
    words = [verb, str(material.clip), "--to", "3", "--quiet", *(["--background", "blur"] if verb == "swap" else [])]
    for masks, out in ((str(material.masks), "loose.zip"), (packed, "packed.zip")):
        assert main([*words, "--masks", masks, "--out", str(tmp_path / out)]) == 0
    loose, same = (pictures_in(tmp_path / out) for out in ("loose.zip", "packed.zip"))
    assert len(loose) == 4
    assert loose == same


def pictures_in(path: Path) -> list[bytes]:
    with zipfile.ZipFile(path) as archive:
        return [archive.read(name) for name in sorted(archive.namelist())]


def test_a_selection_of_most_of_the_picture_is_questioned_before_it_goes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grain = np.random.default_rng(2).integers(0, 20, (64, 96, 3), np.uint8)
    grain[5:59, 5:91] += np.uint8(200)
    cv2.imwrite(str(tmp_path / "in.png"), grain)
    words = ["remove", str(tmp_path / "in.png"), "--box", "4,4,92,60", "--engine", "telea"]
    assert main([*words, "--json", "--out", str(tmp_path / "out.png")]) == 0
    shown = capsys.readouterr()
    asked = "Frame 0: what is selected covers 7"
    assert shown.err.index(f"Note: {asked}") < shown.err.index("holes 1/1")
    assert any(note.startswith(asked) for note in json.loads(shown.out)["notes"])
    assert main([*words, "--quiet", "--out", str(tmp_path / "out.png")]) == 0
    assert capsys.readouterr().err == ""


def test_to_replace_takes_words(material: Material, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["remove", str(material.clip), "--masks", str(material.masks), "--replace"]
    assert main([*words, "--out", str(tmp_path / "out.mp4")]) == 2
    assert "--prompt" in capsys.readouterr().err
    assert not (tmp_path / "out.mp4").exists()


def test_engines_are_scored_in_a_table(material: Material, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        (tmp_path / "JPEGImages" / name).mkdir(parents=True)
        shutil.copytree(material.masks, tmp_path / "Annotations" / name)
        for frame in range(12):
            ground = np.random.default_rng(frame).integers(0, 40, (64, 96, 3), np.uint8)
            cv2.imwrite(str(tmp_path / "JPEGImages" / name / f"{frame:05d}.jpg"), ground)
    words = ["evaluate", "inpaint", str(tmp_path), "--frames", "3", "--quiet"]
    assert main([*words, "--engine", "telea,flow-fill"]) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert " ".join(head.split()) == "clip engine frames hole % PSNR dB SSIM warp x1e4 truth's seen % frames/s"
    assert [row.split()[:3] for row in rows[:6]] == [
        ["a", "telea", "3"], ["a", "flow-fill", "3"], ["b", "telea", "3"], ["b", "flow-fill", "3"],
        ["mean", "telea", "6"], ["mean", "flow-fill", "6"],
    ]  # fmt: skip
    assert main([*words, "--engine", "telea", "--sequence", "b", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [score["name"] for score in report["scores"]] == ["b"]


def test_a_clip_with_masks_is_its_own_truth(material: Material, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", "inpaint", str(material.clip), "--masks", str(material.masks), "--engine", "telea", "--json"]
    assert main([*words, "--quiet"]) == 0
    (score,) = json.loads(capsys.readouterr().out)["scores"]
    assert score["frames"] == 12
    assert score["psnr_db"] < 15
