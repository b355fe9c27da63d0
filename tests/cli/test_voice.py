"""`avfusion voice` and `avfusion evaluate voice` as they are typed."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torchaudio.models import HDemucs

from avfusion.cli import main
from avfusion.media.write_sound import write_sound
from avfusion.metrics.voice_likeness import voice_ears
from tests.voice.talking import HIGH, LOW, Talker, talk
from tests.voice.tiny_autovc import TINY, save_both
from tests.voice.tiny_rvc import Malice, checkpoint, save
from tests.voice.tiny_so_vits import tiny_clusters
from tests.voice.tiny_voices import pulled_rmvpe, tiny_voice

RATE = 16_000


def wav(path: Path, talker: Talker, words: int, seed: int = 0) -> Path:
    samples = talk(talker, words, seed=seed)[None].astype(np.float32)
    path.parent.mkdir(exist_ok=True)
    write_sound(path, [samples], rate_hz=RATE, channels=1, count=samples.shape[1], tags={})
    return path


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wav(tmp_path_factory.mktemp("target") / "target.wav", HIGH, 8, seed=5)


@pytest.fixture
def media(tmp_path: Path) -> Path:
    return wav(tmp_path / "said.wav", LOW, 2)


def typed(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    """(status, standard output, standard error)."""
    status = main([str(word) for word in words])
    said = capsys.readouterr()
    return status, said.out, said.err


def test_a_short_report_says_what_was_done(
    media: Path, target: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.wav"
    status, said, told = typed(capsys, "voice", media, "--target", target, "--out", out, "--to", "0.5")
    assert status == 0
    assert "converting 1/1 second" in told
    assert said.startswith(f"{out}: 1.06 s, 16000 Hz, mono\n")
    assert "  voice    world-knn on cpu\n  changed  0.50 s of it\n" in said
    assert "  in time  lag " in said
    assert " LUFS, true peak " in said
    assert " Hz (target " in said
    assert out.exists()


def test_a_report_for_machines(media: Path, target: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["voice", media, "--target", target, "--out", tmp_path / "out.flac", "--semitones", "5", "--formant", "1"]
    status, said, told = typed(capsys, *words, "--from", "0.5", "--json", "--quiet")
    assert (status, told) == (0, "")
    report = json.loads(said)
    assert report["verb"] == "voice"
    assert report["samples"] == 16_960
    assert report["converted_s"] == pytest.approx(0.56)
    assert report["engines"] == {"voice": "world-knn"}
    assert report["pitch_after_hz"] == pytest.approx(report["pitch_before_hz"] * 2 ** (5 / 12), rel=0.04)


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--out", "out.wav"], 2, "whose voice"),
        (["--target", "T"], 2, "Give MEDIA and --out FILE"),
        (["--target", "T", "--out", "M"], 3, "its own input"),
        (["--target", "T", "--out", "out.xyz"], 3, "no output format"),
        (["--target", "T", "--out", "out.wav", "--engine", "nobody"], 2, "no engine of that name for voice"),
        (["--target", "T", "--out", "out.wav", "--from", "1", "--from", "2", "--to", "3"], 2, "in pairs"),
        (["--config", "M", "--out", "out.wav"], 2, "--config belongs to a voice"),
        (["--model", "M", "--out", "out.wav"], 3, "cannot be read as a model file"),
        (["--target", "none.wav", "--out", "out.wav"], 3, "no such file"),
        (["--target", ".", "--out", "out.wav"], 3, ".: "),
        (["--model", ".", "--out", "out.wav"], 3, "is a folder"),
        (["--target", "T", "--out", "out.wav", "--semitones", "99"], 2, "--semitones"),
        (["--target", "T", "--out", "out.wav", "--from", "99"], 2, "the sound ends at 1.06 s"),
        (["--target", "T", "--out", "out.wav", "--f0", "dio"], 2, "no setting for what follows the pitch (F0)"),
        (["--inspect", "M"], 2, "leave MEDIA and --out out"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    media: Path,
    target: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    status: int,
    said: str,
) -> None:
    monkeypatch.chdir(media.parent)
    meant = [{"T": str(target), "M": str(media)}.get(word, word) for word in words]
    found, out, told = typed(capsys, "voice", media, *meant, "--quiet")
    assert (found, out) == (status, "")
    assert said in told
    assert told.count("\n") == 1
    assert [path.name for path in media.parent.iterdir()] == ["said.wav"]


def test_an_engine_that_waits_for_a_download_says_so(
    media: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = save(tmp_path, checkpoint())
    status, _, told = typed(capsys, "voice", media, "--model", model, "--out", tmp_path / "out.wav")
    assert status == 4
    assert "avfusion engines pull rvc" in told


def test_rmvpe_says_how_to_get_it(media: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    voice = tiny_voice("rvc", tmp_path)
    assert voice is not None
    words = ["voice", media, "--model", voice.weights, "--f0", "rmvpe", "--out", tmp_path / "out.wav", "--quiet"]
    status, _, told = typed(capsys, *words)
    assert status == 4
    assert told.splitlines()[-1].endswith("rmvpe: needs a download of 181 MB: avfusion engines pull rmvpe")
    pulled_rmvpe()
    assert typed(capsys, *words)[0] == 0


def test_the_inspector_says_what_a_file_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    autovc, encoder = save_both(tmp_path, TINY)
    rvc = save(tmp_path, checkpoint("v1", 48_000, f0=False, speakers=3), "rvc.pth")
    # Its network is made by another package, whose import takes long; what is read off it are two of its names.
    voice = {"enc_p.enc_.attn_layers.0.conv_q.weight": torch.zeros(1), "emb_g.weight": torch.zeros(2, 4)}
    so_vits = {"model": voice, "iteration": 7, "learning_rate": 1e-4, "optimizer": {"state": {}}}
    so_vits = save(tmp_path, so_vits, "G_7.pth")
    hdemucs = HDemucs(["drums", "bass", "other", "vocals"], channels=4, growth=1, nfft=256, depth=3).state_dict()
    for path, words in (
        (rvc, ("an RVC voice", "rvc", "v1", "48000 Hz", "no F0", "3", "20epoch")),
        (so_vits, ("a so-vits voice", "so-vits", "4.0", "speakers 2", "7 steps", "config.json", "trained further")),
        (autovc, ("an AutoVC", "autovc", "speaker encoder")),
        (encoder, ("the speaker encoder of AutoVC", "3000000 steps")),
        (tiny_clusters(tmp_path / "kmeans.pt", ("ada",)), ("k-means", "4 centres of 24", "beside the G_*.pth", "ada")),
        (save(tmp_path, {"model": {"discriminators.0.x": 1}}, "D_0.pth"), ("a discriminator", "G_*.pth")),
        (save(tmp_path, {"model": {"discriminators.6.x": 1}}, "D_2.pth"), ("a discriminator of RVC v2", "extracts")),
        (save(tmp_path, {"state": {}, "param_groups": []}, "o.pt"), ("an optimizer", "weights")),
        (save(tmp_path, hdemucs, "hdemucs.pt"), ("an HDemucs", "no voice")),
        (save(tmp_path, {"model": {"enc_p.emb_phone.weight": 1}}, "G_0.pth"), ("checkpoint of training", "Extract")),
        (save(tmp_path, {"things": 1}, "other.pth"), ("not a voice that is known",)),
        (save(tmp_path, [1, 2], "list.pth"), ("no named weights",)),
    ):
        status, said, _ = typed(capsys, "voice", "--inspect", path)
        assert status == 0
        assert said.startswith(f"{path}\n")
        for word in words:
            assert word in said, (path.name, word)
    status, said, _ = typed(capsys, "voice", "--inspect", rvc, "--json")
    facts = json.loads(said)
    assert (facts["engine"], facts["rate_hz"], facts["follows_pitch"], facts["speakers"]) == ("rvc", 48_000, False, 3)


def test_the_inspector_runs_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = save(tmp_path, {"weight": Malice(tmp_path / "ran"), "config": []})
    status, _, told = typed(capsys, "voice", "--inspect", path)
    assert status == 3
    assert "nothing in it was run" in told
    assert not (tmp_path / "ran").exists()


def test_voices_are_scored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, talker in (("a", LOW), ("b", HIGH)):
        for sentence, count in (("01", 2), ("02", 8)):
            wav(tmp_path / name / f"{name}_{sentence}.wav", talker, count, seed=int(sentence))
    words = ["evaluate", "voice", tmp_path, "--pair", "a-b", "--reference", "02", "--test", "01", "--quiet"]
    status, said, _ = typed(capsys, *words)
    assert status == 0
    assert "MCD dB" in said.splitlines()[0]
    assert said.splitlines()[1].startswith("a-b 01")
    assert "alpha 0.41" in said
    assert ("pip install 'avfusion[similarity]'" in said) == (voice_ears() is None)
    assert ("was like" in said.splitlines()[0]) == (voice_ears() is not None)
    source, result = tmp_path / "a" / "a_01.wav", tmp_path / "b" / "b_01.wav"
    status, said, _ = typed(capsys, "evaluate", "voice", "--source", source, "--result", result, "--json")
    assert status == 0
    assert json.loads(said)["pitch_result_hz"] > json.loads(said)["pitch_source_hz"]
    for wrong in (["evaluate", "voice"], ["evaluate", "voice", tmp_path, "--source", source], [*words, "--pair", "ab"]):
        assert typed(capsys, *wrong)[0] == 2
