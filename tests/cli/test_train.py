"""`avfusion train so-vits` as it is typed."""

import json
from pathlib import Path

import pytest

from avfusion.cli import main
from avfusion.media.write_sound import write_sound
from tests.voice.tiny_so_vits import MODEL, tiny_hubert
from tests.voice.tiny_sounds import hum
from tests.voice.tiny_voices import pulled


def typed(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    """(status, standard output, standard error)."""
    status = main([str(word) for word in words])
    said = capsys.readouterr()
    return status, said.out, said.err


def recordings(folder: Path, count: int) -> Path:
    folder.mkdir(parents=True)
    (folder / "notes.txt").write_text("what was said")
    for number in range(count):
        sound = hum(8_000, 16_000).samples
        write_sound(folder / f"{number}.wav", [sound], rate_hz=16_000, channels=1, count=sound.shape[1], tags={})
    return folder


def tiny_config(folder: Path) -> Path:
    path = folder / "tiny.json"
    path.write_text(json.dumps({"train": {"segment_size": 5120, "keep_ckpts": 1}, "data": {}, "model": MODEL}))
    return path


@pytest.mark.proof
@pytest.mark.real_data
def test_a_voice_is_trained_and_then_used(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pulled("so-vits", tiny_hubert)
    capsys.readouterr()
    speech, out = shared_data / "speech" / "ljspeech", tmp_path / "model"
    words = ["train", "so-vits", speech, "--out", out, "--speaker", "linda", "--batch", "1"]
    status, said, told = typed(capsys, *words, "--steps", "2", "--config", tiny_config(tmp_path), "--json")
    assert status == 0, told
    report = json.loads(said)
    assert (report["speakers"], report["recordings"], report["step"]) == (["linda"], 4, 2)
    assert "preparing 4/4 recordings" in told
    assert "training, step 2, loss " in told
    assert report["losses"]["step"] == 2
    assert sorted(path.name for path in out.iterdir()) == [
        "D_2.pth", "G_2.pth", "config.json", "losses.csv", "prepared",
    ]  # fmt: skip
    made = ["voice", speech / "LJ001-0008.wav", "--model", report["weights"], "--out", tmp_path / "out.wav"]
    assert typed(capsys, *made, "--quiet")[0] == 0

    status, said, told = typed(capsys, *words, "--resume", "--steps", "2")
    assert (status, said) == (2, "")
    assert "at step 2 already" in told
    status, said, told = typed(capsys, *words[:4], out, "--resume")
    assert (status, "this training is of linda, not of ljspeech" in told) == (2, True)
    status, said, told = typed(capsys, *words, "--steps", "5")
    assert (status, "go on with --resume" in told) == (3, True)
    status, said, told = typed(capsys, *words, "--resume", "--steps", "5", "--from", out / "G_2.pth")
    assert (status, "Leave those to start from out" in told) == (2, True)
    other = ["train", "so-vits", speech, "--out", tmp_path / "other", "--config", tiny_config(tmp_path), "--from"]
    status, said, told = typed(capsys, *other, out / "D_2.pth")
    assert (status, "D_2.pth: holds no so-vits generator (G_*.pth) to start from" in told) == (3, True)
    assert len(told.splitlines()) == 1
    assert not (tmp_path / "other").exists()
    for path in out.glob("*.pth"):  # half a gigabyte
        path.unlink()


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["nowhere", "--out", "out"], 3, "nowhere: there is no such folder"),
        (["empty", "--out", "out"], 3, "empty: there are no recordings"),
        (["few", "--out", "out"], 3, "few: 4 recordings of a voice of 0.3 s or more"),
        (["people", "--out", "out"], 3, "bob: 4 recordings"),
        (["people", "--out", "out", "--speaker", "ada"], 2, "each folder in people is a speaker"),
        (["mixed", "--out", "out"], 2, "so does ada in it"),
        (["damaged", "--out", "out"], 3, "damaged/3.wav: "),
        (["five", "--out", "out"], 4, "avfusion engines pull so-vits"),
        (["five", "--out", "five"], 3, "replace its own input"),
        (["five", "--out", "few"], 3, "few: holds 0.wav. Choose a new folder."),
        (["five", "--out", "no/where"], 3, "no folder can be made here"),
        (["five", "--out", "out", "--resume"], 2, "out: holds no training to go on with"),
        (["five", "--out", "out", "--steps", "1", "--epochs", "1"], 2, "in steps or in epochs"),
        (["five", "--out", "out", "--steps", "0"], 2, "--steps"),
        (["five", "--out", "out", "--clusters", "0"], 2, "--clusters"),
        (["five", "--out", "out", "--from-discriminator", "D_0.pth"], 2, "Give --from too"),
        (["five"], 2, "--out"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    status: int,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    recordings(tmp_path / "empty", 0)
    recordings(tmp_path / "few", 4)
    recordings(tmp_path / "people" / "ada", 5)
    recordings(tmp_path / "people" / "bob", 4)
    recordings(tmp_path / "mixed", 5)
    recordings(tmp_path / "mixed" / "ada", 5)
    (recordings(tmp_path / "damaged", 5) / "3.wav").write_bytes(b"not a sound")
    recordings(tmp_path / "five", 5)
    found, out, told = typed(capsys, "train", "so-vits", *words)
    assert (found, out) == (status, "")
    assert said in told
    assert len(told.splitlines()) == 1
    assert not (tmp_path / "out").exists()
