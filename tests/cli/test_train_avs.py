"""`avfusion train av2ts` and `ov-avss` as they are typed."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from avfusion.cli import main
from avfusion.datasets.classes import CLASSES
from avfusion.datasets.made import MadeSettings
from avfusion.pipelines.make_avs import make_avs

ROOT = Path(__file__).resolve().parents[2]
SHORT = (
    "--steps", "3", "--batch", "2", "--size", "32", "--save-every", "2", "--validate-every", "2", "--no-lessons",
)  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten clips: six to train on, two to validate with, two to test on."""
    folder = tmp_path_factory.mktemp("made") / "set"
    make_avs(folder, setting="ms3", settings=MadeSettings(clips=10, size_px=32, is_moving=False))
    return folder


def typed(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    """(status, standard output, standard error)."""
    status = main([str(word) for word in words])
    said = capsys.readouterr()
    return status, said.out, said.err


@pytest.mark.slow
def test_a_network_is_trained_and_gone_on_with(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    words = ["train", "av2ts", "--data", made, "--out", out]
    begun = (*SHORT, "--setting", "ms3", "--seed", "4", "--lr", "2e-3", "--without", "fusion,shared-map")
    status, said, told = typed(capsys, *words, *begun, "--json")
    assert status == 0, told
    report = json.loads(said)
    assert (report["first_step"], report["step"], report["clips"], report["validated"]) == (1, 3, 6, 2)
    assert re.search(r"training, step 3, loss [\d.]+, 3/3 steps", told)
    facts = json.loads((out / "training.json").read_text())
    assert (facts["settings"]["seed"], facts["settings"]["rate"]) == (4, 2e-3)
    network = facts["network"]
    assert (network["temporal_attention"], network["shared_map"], network["one_stream_fusion"]) == (True, False, False)
    assert {"config.json", "model.safetensors", "losses.csv", "scores.csv", "training.html", "board"} <= {
        path.name for path in out.iterdir()
    }
    assert "<b>Done: 3 steps</b>" in (out / "training.html").read_text()

    status, said, told = typed(capsys, *words, *SHORT, "--setting", "ms3")
    assert (status, said) == (3, "")
    assert "go on with --resume" in told
    other = tmp_path / "other"
    begun = (*SHORT, "--setting", "ms3", "--quiet", "--from", out)
    status, said, told = typed(capsys, *words[:-1], other, *begun)
    assert status == 2, "the first one was trained without two of the ideas"
    status, said, told = typed(capsys, *words[:-1], other, *begun, "--without", "shared-map, fusion")
    assert (status, told) == (0, "")
    assert said.startswith(f"{other}: av2ts on ms3, step 3, ")


@pytest.mark.slow
def test_what_was_stopped_is_gone_on_with(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As Ctrl-C stops it, in a process of its own."""
    out = tmp_path / "run"
    words = ["train", "av2ts", "--data", str(made), "--out", str(out)]
    process = subprocess.Popen(
        [sys.executable, "-m", "avfusion", *words, "--setting", "ms3", *SHORT, "--steps", "400"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while process.poll() is None and not (out / "losses.csv").is_file():
        time.sleep(0.05)
    process.terminate()
    said, told = process.communicate(timeout=120)
    assert (process.returncode, said) == (130, ""), told
    stopped = re.search(r"Stopped at step (\d+).*--resume goes on", told)
    assert stopped, told
    assert f"Stopped at step {stopped[1]}: go on with --resume" in (out / "training.html").read_text()

    facts = json.loads((out / "training.json").read_text())
    facts["settings"]["steps"] = int(stopped[1]) + 2
    (out / "training.json").write_text(json.dumps(facts))
    status, said, told = typed(capsys, *words, "--resume", "--json", "--quiet")
    assert status == 0, told
    report = json.loads(said)
    assert (report["first_step"], report["step"]) == (int(stopped[1]) + 1, int(stopped[1]) + 2)
    steps = [row.split(",")[0] for row in (out / "losses.csv").read_text().split()[1:]]
    assert steps == [str(step) for step in range(1, report["step"] + 1)]


@pytest.mark.slow
def test_a_network_learns_names_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_avs(tmp_path / "set", setting="ov", settings=MadeSettings(clips=10, size_px=32, is_moving=False))
    out = tmp_path / "run"
    words = ["train", "ov-avss", "--data", tmp_path / "set", *SHORT, "--steps", "1", "--quiet", "--closed"]
    status, said, told = typed(capsys, *words, "--out", out)
    assert (status, told) == (0, "")
    assert said.startswith(f"{out}: ov-avss on ov, step 1, ")
    assert json.loads((out / "config.json").read_text())["network"]["classes"] == len(CLASSES)


@pytest.mark.slow
@pytest.mark.parametrize("setting", ["s4", "avss"])
def test_other_sets_are_learnt_too(setting: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One mask a clip, and names for pixels in clips of five and of ten pictures."""
    make_avs(tmp_path / "set", setting=setting, settings=MadeSettings(clips=10, size_px=32, is_moving=False))
    out = tmp_path / "run"
    words = ["train", "av2ts", "--data", tmp_path / "set", "--setting", setting, *SHORT, "--quiet", "--out", out]
    status, said, told = typed(capsys, *words)
    assert (status, told) == (0, "")
    assert said.startswith(f"{out}: av2ts on {setting}, step 3, ")
    first, *_, last = (out / "losses.csv").read_text().split()
    losses = dict(zip(first.split(","), map(float, last.split(",")), strict=True))
    assert losses["mask"] > 0
    assert losses["class"] > 0


@pytest.mark.proof
def test_a_network_leaves_with_words_for_made_things(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was trained is an engine by its folder's name, and gives names that its own words stand for."""
    monkeypatch.setenv("AVFUSION_HOME", str(tmp_path / "home"))
    make_avs(tmp_path / "set", setting="ov", settings=MadeSettings(clips=20, size_px=64, is_moving=False))
    out = tmp_path / "home" / "trained" / "mine"
    out.parent.mkdir(parents=True)
    words = ["train", "ov-avss", "--data", tmp_path / "set", *SHORT, "--quiet", "--made-words", "--out", out]
    status, said, told = typed(capsys, *words)
    assert (status, told) == (0, "")
    assert (out / "words" / "model.safetensors").stat().st_size < 1e6
    evaluated = ["evaluate", "avs", tmp_path / "set", "--setting", "ov", "--engine", "mine", "--json", "--quiet"]
    status, said, told = typed(capsys, *evaluated)
    assert (status, told) == (0, "")
    report = json.loads(said)
    assert report["engines"] == {"sounding": "mine"}
    assert set(report["figures"]["own"]) == {"mIoU", "base", "novel", "harmonic"}


@pytest.mark.proof
def test_two_processes_train_together_and_one_speaks(made: Path, tmp_path: Path) -> None:
    """Started as it is on two cards, here on the CPU; a step learns from as many clips as alone."""
    words = ["train", "av2ts", "--data", str(made), "--setting", "ms3", *SHORT, "--out"]
    launched = ["-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2", "--num_machines", "1",
                "--mixed_precision", "no", "--dynamo_backend", "no", "-m"]  # fmt: skip
    for name, before in (("both", launched), ("alone", ["-m"])):
        done = subprocess.run(
            [sys.executable, *before, "avfusion", *words, str(tmp_path / name), "--device", "cpu"],
            cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stdout.count(": av2ts on ms3, step 3, ") == 1, done.stdout
        assert done.stderr.count("training, step 3, loss") == 1, done.stderr
        rows = (tmp_path / name / "losses.csv").read_text().split()
        assert [row.split(",")[0] for row in rows] == ["step", "1", "2", "3"]


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["av2ts", "--out", "out"], 2, "--data"),
        (["av2ts", "--data", "set"], 2, "--out"),
        (["av2ts", "--data", "set", "--out", "out"], 2, "Give --setting s4, ms3 or avss, or --resume"),
        (["av2ts", "--data", "set", "--out", "out", "--setting", "ov"], 2, "--setting"),
        (["av2ts", "--data", "set", "--out", "out", "--setting", "s4", "--preset", "huge"], 2, "--preset"),
        (["av2ts", "--data", "set", "--out", "out", "--setting", "s4", "--size", "100"], 2, "a multiple of 32"),
        (["av2ts", "--data", "set", "--out", "out", "--setting", "s4", "--lr", "0"], 2, "give a number above 0"),
        (["av2ts", "--data", "set", "--out", "out", "--setting", "s4", "--steps", "0"], 2, "--steps"),
        (["av2ts", "--data", "set", "--out", "out", "--setting", "s4", "--without", "sound"], 2, "no such idea"),
        (["av2ts", "--data", "set", "--out", "out", "--setting", "s4", "--precision", "fp8"], 2, "--precision"),
        (["av2ts", "--data", "set", "--out", "out", "--setting", "s4", "--device", "tpu"], 2, "not a device"),
        (["av2ts", "--data", "set", "--out", "out", "--setting", "s4", "--from", "a", "--ears", "b"], 2, "Leave the"),
        (["av2ts", "--data", "nowhere", "--out", "out", "--setting", "ms3"], 3, "nowhere: there is no such folder"),
        (["av2ts", "--data", "set", "--out", "out", "--setting", "s4"], 3, "s4_meta_data.csv is not here"),
        (["av2ts", "--data", "set", "--out", "set", "--setting", "ms3"], 3, "set: "),
        (["av2ts", "--data", "set", "--out", "set/out", "--setting", "ms3"], 3, "lies within the data set"),
        (["av2ts", "--data", "set", "--out", "out", "--setting", "ms3", "--lr", "inf"], 2, "a number above 0"),
        (["av2ts", "--data", "set", "--out", "out", "--setting", "ms3", "--backbone", "full"], 3, "full: no folder of"),
        (["av2ts", "--data", "set", "--out", "full", "--setting", "ms3"], 3, "full: "),
        (["av2ts", "--data", "set", "--out", "no/out", "--setting", "ms3"], 3, "folder no does not exist. Make it"),
        (["av2ts", "--data", "set", "--out", "out", "--setting", "ms3", "--from", "nowhere"], 3, "nowhere/config.json"),
        (["av2ts", "--data", "set", "--out", "out", "--setting", "ms3", "--ears", "full"], 3, "full/model.safetensors"),
        (["av2ts", "--data", "set", "--out", "out", "--resume"], 2, "out: holds no training to go on with"),
        (["av2ts", "--data", "set", "--out", "out", "--resume", "--steps", "9"], 2, "Leave --steps out"),
        (["av2ts", "--data", "set", "--out", "out", "--resume", "--lr", "1"], 2, "Leave --lr out"),
        (["av2ts", "--data", "set", "--out", "out", "--resume", "--from", "a"], 2, "Leave --from out"),
        (["ov-avss", "--data", "set", "--out", "out", "--preset", "pvt"], 2, "--preset"),
        (["ov-avss", "--data", "set", "--out", "out"], 3, "set: the data set's avsbench_ov_train"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(
    made: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    status: int,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "set").symlink_to(made)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    found, out, told = typed(capsys, "train", *words)
    assert (found, out) == (status, ""), told
    assert said in told
    assert len(told.splitlines()) == 1
    assert not (tmp_path / "out").exists()
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["notes.txt"]


def test_only_the_first_of_several_processes_speaks(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What refuses all of them is said by one."""
    words = ["train", "av2ts", "--data", made, "--out", tmp_path / "out", "--setting", "ms3", "--without", "sound"]
    for rank, wanted, lines in (("0", 2, 1), ("1", 1, 0)):
        monkeypatch.setenv("RANK", rank)
        status, out, told = typed(capsys, *words)
        assert (status, out, len(told.splitlines())) == (wanted, "", lines)
