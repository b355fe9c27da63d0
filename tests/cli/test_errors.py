"""What is wrong is said in one line on standard error, with an exit status, and nothing is left behind."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from avfusion.cli import main

Run = Callable[..., subprocess.CompletedProcess[str]]
Material = Any

SWAP = "--background #204060 --out out.mp4"
WITH_MASKS = f"--masks MASKS {SWAP}"

# What is wrong, the exit status, what the line says, and the command.
WRONG = [
    ("missing", 3, "none.mp4", f"swap none.mp4 {WITH_MASKS}"),
    ("empty", 3, "empty.mp4", f"swap empty.mp4 {WITH_MASKS}"),
    ("no video", 3, "text.mp4", f"swap text.mp4 {WITH_MASKS}"),
    ("cut short", 3, "cut.mp4", f"swap cut.mp4 {WITH_MASKS}"),
    ("only sound", 3, "sound.wav", f"swap sound.wav {WITH_MASKS}"),
    ("a folder", 3, "MASKS", f"swap MASKS {WITH_MASKS}"),
    ("no click", 2, "--point X,Y", f"swap CLIP {SWAP}"),
    ("click outside", 2, "(96, 3) lies outside the picture of 96 x 64", f"swap CLIP --point 96,3 {SWAP}"),
    ("frame outside", 2, "frame 12 is outside the clip (0 to 11)", "segment CLIP --point 3,3@12 --out masks"),
    ("no point", 2, "--point 3;4: write it like", f"swap CLIP --point 3;4 {SWAP}"),
    ("clicks and masks", 2, "not both", f"swap CLIP --point 3,4 {WITH_MASKS}"),
    ("mask of another size", 2, "wide.png is 97 x 64 pixels", f"swap CLIP --mask wide.png {SWAP}"),
    ("masks of another size", 2, "97 x 64", f"swap CLIP --masks wide {SWAP}"),
    ("too few masks", 2, "3 mask PNGs for a clip of 12", f"swap CLIP --masks few {SWAP}"),
    ("no such folder of masks", 3, "nowhere", f"swap CLIP --masks nowhere {SWAP}"),
    ("folder missing", 3, "nowhere", "swap CLIP --masks MASKS --background blur --out nowhere/out.mp4"),
    ("folder not writable", 3, "cannot be written", "swap CLIP --masks MASKS --background blur --out /proc/out.mp4"),
    ("output is input", 3, "would replace its own input", "swap CLIP --masks MASKS --background blur --out CLIP"),
    ("output is background", 3, "its own input", "swap CLIP --masks MASKS --background ground.mp4 --out ground.mp4"),
    ("unknown ending", 3, "out.xyz", "swap CLIP --masks MASKS --background blur --out out.xyz"),
    ("no transparency", 2, "no transparency", "swap CLIP --masks MASKS --background transparent --out out.mp4"),
    ("no background", 3, "beach.jpg", "swap CLIP --masks MASKS --background beach.jpg --out out.mp4"),
    ("no colour", 2, "#20406", "swap CLIP --masks MASKS --background #20406 --out out.mp4"),
    ("unknown engine", 2, "for tracking. There are: ", f"swap CLIP --point 3,3 --engine sam9 {SWAP}"),
    ("unknown segmenter", 2, "There are: ", f"swap CLIP --point 3,3 --segmenter sam9 {SWAP}"),
    ("no engine for words", 4, "avfusion engines pull", "segment CLIP --text dog --out masks"),
    ("words to a deaf engine", 2, "grabcut does not understand words",
     "segment CLIP --text dog --segmenter grabcut --out masks"),
    ("no words", 2, "--text @3: there are no words", "segment CLIP --text @3 --out masks"),
    ("no such scenes", 3, "laid out neither as ADE20K", "evaluate segmentation MASKS --engine segformer-b0-ade"),
    ("unknown device", 2, "abacus", f"swap CLIP --point 40,30 --device abacus {SWAP}"),
    ("nothing to remove", 2, "--point X,Y", "remove CLIP --out out.mp4"),
    ("no hole", 2, "nothing to remove", "remove CLIP --masks none --out out.mp4"),
    ("all hole", 2, "Nothing is left", "remove CLIP --masks all --out out.mp4"),
    ("a hole of another size", 2, "97 x 64", "remove CLIP --masks wide --out out.mp4"),
    ("words to an engine that takes none", 2, "telea takes no words",
     "remove CLIP --masks MASKS --engine telea --prompt grass --out out.mp4"),
    ("nobody takes words", 4, "avfusion engines pull", "remove CLIP --masks MASKS --prompt grass --out out.mp4"),
    ("a clip into a picture", 3, "holds one picture", "remove CLIP --masks MASKS --out out.png"),
    ("map is result", 2, "in one place", "remove CLIP --masks MASKS --out out.mp4 --map out.mp4"),
    ("clip would be replaced", 3, "its own input", "remove CLIP --masks MASKS --out CLIP"),
    ("no strength", 2, "strength 0", "remove CLIP --masks MASKS --strength 0 --out out.mp4"),
    ("unknown inpainter", 2, "for inpainting. There are: ", "remove CLIP --masks MASKS --engine sam9 --out out.mp4"),
    ("no dataset with holes", 3, "JPEGImages", "evaluate inpaint MASKS"),
    ("bad position", 2, "--position", f"swap CLIP --position centre {WITH_MASKS}"),
    ("bad number", 2, "light wrap", f"swap CLIP --light-wrap 2 {WITH_MASKS}"),
    ("bad choice", 2, "'soft', 'hard', 'closed-form'", f"swap CLIP --edges round {WITH_MASKS}"),
    ("option missing", 2, "--background", "swap CLIP --out out.mp4"),
    ("unknown option", 2, "--bakground", f"swap CLIP --bakground blur {WITH_MASKS}"),
    ("unknown command", 2, "fly", "fly CLIP"),
    ("no such dataset", 3, "JPEGImages", "evaluate vos MASKS"),
    ("nothing of that name to pull", 2, "There are: ", "engines pull sam9"),
]  # fmt: skip


def is_one_line(words: str) -> bool:
    return words.startswith("avfusion: ") and words.count("\n") == 1 and words.endswith("\n")


@pytest.fixture(scope="module")
def wrong_files(tmp_path_factory: pytest.TempPathFactory, material: Material) -> Path:
    """What users bring by mistake."""
    folder = tmp_path_factory.mktemp("wrong")
    (folder / "empty.mp4").touch()
    (folder / "text.mp4").write_text("This is a letter, not a film. " * 100)
    (folder / "cut.mp4").write_bytes(material.clip.read_bytes()[:300])
    (folder / "ground.mp4").write_bytes(material.clip.read_bytes())
    cv2.imwrite(str(folder / "wide.png"), np.full((64, 97), 255, np.uint8))
    for name, value in (("none", 0), ("all", 255)):
        (folder / name).mkdir()
        for frame in range(12):
            cv2.imwrite(str(folder / name / f"{frame:05d}.png"), np.full((64, 96), value, np.uint8))
    for name, count, width_px in (("wide", 12, 97), ("few", 3, 96)):
        (folder / name).mkdir()
        for frame in range(count):
            cv2.imwrite(str(folder / name / f"{frame:05d}.png"), np.full((64, width_px), 255, np.uint8))
    with av.open(str(folder / "sound.wav"), "w") as output:
        stream = output.add_stream("pcm_s16le", rate=16_000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16_000), np.int16), format="s16", layout="mono")
        frame.rate = 16_000
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return folder


@pytest.mark.parametrize(("status", "says", "words"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_what_is_wrong_is_said_in_one_line(
    status: int, says: str, words: str, material: Material, wrong_files: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(wrong_files)
    places = {"CLIP": str(material.clip), "MASKS": str(material.masks)}
    before = snapshot(wrong_files) | snapshot(material.clip.parent)
    assert main([places.get(word, word) for word in words.split()]) == status
    out, err = capsys.readouterr()
    assert out == ""
    line = err.splitlines(keepends=True)[-1]
    assert is_one_line(line)
    assert places.get(says, says) in line
    assert "Traceback" not in err
    assert snapshot(wrong_files) | snapshot(material.clip.parent) == before


def snapshot(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_size for path in folder.rglob("*")}


@pytest.mark.parametrize("name", ["missing", "no video", "click outside", "bad choice"])
def test_a_process_says_the_same(name: str, run: Run, material: Material, wrong_files: Path) -> None:
    _, status, says, words = next(row for row in WRONG if row[0] == name)
    places = {"CLIP": material.clip, "MASKS": material.masks, "text.mp4": wrong_files / "text.mp4"}
    done = run(*(places.get(word, word) for word in words.split()))
    assert (done.returncode, done.stdout) == (status, "")
    assert is_one_line(done.stderr)
    assert says in done.stderr


@pytest.mark.parametrize(
    ("variable", "words", "says"),
    [
        ("AVFUSION_FALLBACK", "smaller,cloud", "AVFUSION_FALLBACK=cloud: not a way out. Use smaller, cpu, or both"),
        ("AVFUSION_GPU_MEMORY", "much", "AVFUSION_GPU_MEMORY=much: not an amount of memory. Write it like 24GB"),
    ],
)
def test_what_a_variable_says_is_looked_at_before_anything_else(
    variable: str, words: str, says: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any
) -> None:
    monkeypatch.setenv(variable, words)
    for command in ("swap none.mp4 --point 3,3", "locate none.mp4", "evaluate vos none", "batch none.jsonl", "app"):
        assert main([*command.split(), *([] if command == "app" else ["--out", str(tmp_path / "out.mp4")])]) == 2
        err = capsys.readouterr().err
        assert is_one_line(err)
        assert says in err
    for command in ("swap --help", "engines"):
        assert main(command.split()) == 0


@pytest.mark.skipif(Path("/dev/nvidia0").exists(), reason="here is a card that can encode")
def test_an_encoder_that_is_not_here_is_not_ready(material: Material, tmp_path: Path, capsys: Any) -> None:
    words = ["swap", str(material.clip), "--masks", str(material.masks), "--background", "blur", "--hardware"]
    assert main([*words, "--out", str(tmp_path / "out.mp4"), "--quiet"]) == 4
    assert is_one_line(capsys.readouterr().err)
    assert list(tmp_path.iterdir()) == []


def test_whoever_stops_reading_gets_no_trace(program: list[str], tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([*program, "engines"], stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(writer)
    assert done.stderr == ""
