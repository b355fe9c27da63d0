"""`avfusion locate` and `--sound`, as they are typed."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from avfusion.cli import main
from avfusion.clip import Box
from avfusion.media.probe import probe
from avfusion.sounding import Sources
from tests.jobs.making import BOX, ball_clip
from tests.media.making import ffmpeg
from tests.pipelines.sounders import scripted, source


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ball_clip(tmp_path_factory.mktemp("clip") / "ball.mp4")


@pytest.fixture
def ball(monkeypatch):
    """The ball sounds in the second half of the clip's 0.8 s."""
    box = Box(BOX.x0, BOX.y0, BOX.x1, BOX.y1)
    answer = Sources((source(1, box, sounds=(0, 0.8), confidence=0.95, name="ball"),), 0.4)
    return scripted(lambda clip, sound, wish: answer, monkeypatch, understands=("words",))


def test_what_sounds_when_on_standard_output(clip, ball, tmp_path, capsys):
    words = ["locate", str(clip), "--out", str(tmp_path / "masks"), "--labels", "ball, dog,", "--quiet", "--controls"]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "source 1  ball, 95% sure, sounds 0.4-0.8 s" in out
    assert out.count("control  ") == 2
    assert ball.heard[0][2].labels == ("ball", "dog")
    assert len(list((tmp_path / "masks").glob("*.png"))) == 20
    saved = tmp_path / "job.json"
    out_json = tmp_path / "masks.json"
    assert main(["locate", str(clip), "--out", str(out_json), "--json", "--quiet", "--save-job", str(saved)]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["sources"][0]["spans_s"] == [[0.4, 0.8]]
    assert report["engines"] == {"sounding": "scripted", "segmentation": "grabcut", "tracking": "flow"}
    assert json.loads(saved.read_text())["engines"]["engine"] == "scripted"
    again = tmp_path / "again.json"
    assert main(["resume", str(saved), "--out", str(again), "--quiet"]) == 0
    assert "source 1  ball" in capsys.readouterr().out
    assert again.read_bytes() == out_json.read_bytes()


def test_abstaining_is_no_failure(clip, monkeypatch, tmp_path, capsys):
    scripted(lambda clip, sound, wish: Sources((), abstained="Nothing moves with the sound."), monkeypatch)
    assert main(["locate", str(clip), "--out", str(tmp_path / "masks"), "--quiet"]) == 0
    assert "nothing  Nothing moves with the sound." in capsys.readouterr().out
    words = ["segment", str(clip), "--sound", "--out", str(tmp_path / "other"), "--quiet"]
    assert main(words) == 3
    assert "what makes the sound was not found. Nothing moves with the sound." in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


def test_sound_as_a_prompt(clip, ball, tmp_path, capsys):
    out, saved = tmp_path / "masks", tmp_path / "job.json"
    words = ["segment", str(clip), "--sound@12", "--out", str(out), "--quiet", "--json", "--save-job", str(saved)]
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out)["engines"]["sounding"] == "scripted"
    first = np.asarray(Image.open(out / "00000.png")) > 0  # there though it does not sound yet
    assert first[40:56, 42:58].all()
    job = json.loads(saved.read_text())
    assert job["prompts"] == [{"kind": "sounding", "frame": 12, "object": 1}]
    assert job["engines"]["locator"] == "scripted"
    assert main(["resume", str(saved), "--out", str(tmp_path / "again"), "--quiet"]) == 0
    assert (tmp_path / "again" / "00003.png").read_bytes() == (out / "00003.png").read_bytes()


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (["--engine", "nope"], 2, "nope: there is no engine of that name for sounding"),
        (["--engine", "grabcut"], 2, "that engine is for segmentation"),
        (["--with-sound", "missing.wav"], 3, "missing.wav"),
        (["--with-sound", "PICTURE"], 3, "this is a picture, which has no sound. Give a recording, or a clip with"),
        (["--labels", " ,, "], 2, "--labels ' ,, ': there is no name in it."),
        (["--sources", "0"], 2, "greater than or equal to 1"),
        (["--namer", "clip-vit-b16"], 4, "clip-vit-b16"),
        (["--from", "30"], 2, "there are no frames 30"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(clip, ball, tmp_path, tmp_path_factory, capsys, words, status, says):
    ball.answer = lambda clip, sound, wish: Sources((source(1, Box(34, 32, 66, 64)),), 0.4)
    picture = tmp_path_factory.mktemp("picture") / "picture.png"
    Image.new("RGB", (8, 8)).save(picture)
    words = [str(picture) if word == "PICTURE" else word for word in words]
    assert main(["locate", str(clip), "--out", str(tmp_path / "masks"), "--quiet", *words]) == status
    err = capsys.readouterr().err
    assert says in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_where_nobody_clicks_nobody_is_told_to(clip, ball, tmp_path, capsys):
    ball.answer = lambda clip, sound, wish: Sources((source(1, Box(34, 32, 66, 64)),), 0.4)
    assert main(["locate", str(clip), "--out", str(tmp_path / "masks"), "--quiet", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    said = " ".join(report["notes"])
    assert "marking it there" not in said
    worst = report["worst"]
    assert f"source {worst['object']} are least sure at frame {worst['frame']}" in said


def test_without_sound(clip, ball, tmp_path, capsys):
    mute = tmp_path / "mute.mp4"
    ffmpeg("-i", clip, "-an", "-c:v", "copy", mute)
    assert main(["locate", str(mute), "--out", str(tmp_path / "masks"), "--quiet"]) == 3
    assert "there is no sound in this file" in (err := capsys.readouterr().err)
    assert "--with-sound FILE" in err
    words = ["locate", str(mute), "--out", str(tmp_path / "masks"), "--quiet"]
    assert main([*words, "--text", "a ball"]) == 0
    assert ball.heard[-1][2].text == "a ball"
    picture = tmp_path / "picture.png"
    Image.fromarray(next(probe(clip).frames()).rgb).save(picture)
    assert main(["locate", str(picture), "--out", str(tmp_path / "one"), "--quiet"]) == 3
    assert "a single picture cannot be held against a sound" in capsys.readouterr().err
