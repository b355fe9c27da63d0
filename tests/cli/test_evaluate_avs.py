"""`avfusion evaluate avs` and `evaluate rvos`: what people and machines read, and what is refused."""

import json
from pathlib import Path

import pytest

from avfusion.cli import main
from avfusion.datasets.avs_predictions import write_prediction
from avfusion.datasets.avs_read import read_avs
from avfusion.datasets.avs_write import write_avs
from avfusion.datasets.rvos_predictions import write_expressions
from avfusion.datasets.rvos_read import read_rvos
from avfusion.datasets.rvos_write import write_rvos
from tests.datasets.samples import avs_sample, rvos_sample


@pytest.fixture(scope="module")
def avs_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("avs") / "set"
    write_avs(folder, "avss", [avs_sample("one_0_5000")])
    return folder


@pytest.fixture(scope="module")
def avs_predictions(avs_set: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("predictions")
    for clip in read_avs(avs_set, "avss"):
        write_prediction(folder, clip, [truth.labels() for truth in clip.truths if truth])
    return folder


def test_stored_predictions_are_scored(
    avs_set: Path, avs_predictions: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["evaluate", "avs", str(avs_set), "--setting", "avss", "--predictions", str(avs_predictions), "--quiet"]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "avss test, 1 clip, 5 frames scored" in shown
    assert f"predictions in {avs_predictions}" in shown
    assert "mIoU present" in shown
    assert "as it is            0.028   0.028        0.028     0.028         1.000\n" in shown
    assert "background 1.000" in shown
    assert main([*words, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["figures"]["own"]["mIoU present"] == 1
    assert report["classes"] == {"background": 1, "dog": 1}


def test_expressions_are_scored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_rvos(tmp_path / "set", "mevis", [rvos_sample("one")])
    (clip,) = read_rvos(tmp_path / "set", "mevis")
    masks = [[truth.labels() > 0 for truth in one.truths if truth] for one in clip.expressions]
    write_expressions(tmp_path / "out", clip, [[mask & False for mask in frames] for frames in masks[:1]] + masks[1:])
    words = ["evaluate", "rvos", str(tmp_path / "set"), "--layout", "mevis", "--quiet"]
    assert main([*words, "--predictions", str(tmp_path / "out")]) == 0
    shown = capsys.readouterr().out
    assert "mevis valid, 8 expressions, 8 scored" in shown
    assert "as it is            0.875   0.875   0.875\n" in shown


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("avs", "SET", "--setting", "s9"), 2, "there is no such setting. There are: s4, ms3, avss, ov, v2."),
        (("avs", "SET", "--setting", "avss", "--split", "valid"), 2, "There are: train, val, test."),
        (("avs", "SET", "--setting", "s4"), 3, "s4_meta_data.csv is not here"),
        (("avs", "SET", "--setting", "avss", "--predictions", "SET"), 3, "5 predictions are missing: one_0_5000/"),
        (("avs", "SET", "--setting", "avss", "--predictions", "SET", "--engine", "auto", "--device", "cpu"), 2,
         "name no engine"),
        (("avs", "SET", "--setting", "avss", "--engine", "telepathy"), 2, "no engine of that name"),
        (("avs", "SET", "--setting", "avss", "--clip", "nobody"), 3, "there is no clip nobody"),
        (("rvos", "SET", "--layout", "ytvos"), 2, "There are: youtube, davis, mevis."),
        (("rvos", "SET", "--layout", "mevis"), 3, "no set of the layout mevis is here"),
        (("avs", "SET", "--setting", "avss", "--split", "val"), 3, "no clip of the split val here. There are: test."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_a_line(
    avs_set: Path, words: tuple[str, ...], status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", *(str(avs_set) if word == "SET" else word for word in words), "--quiet"]) == status
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
