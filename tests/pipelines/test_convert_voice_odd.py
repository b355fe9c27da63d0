"""Whatever sound comes in, as much comes out, each sample a number below full scale; what is no sound is named."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from avfusion.errors import AvfusionError, CannotRead, InputError, NothingFound, UsageError
from avfusion.pipelines.convert_voice import convert_voice
from avfusion.voice.opening import ModelFiles
from tests.voice.talking import HIGH, LOW, talk
from tests.voice.tiny_voices import tiny_voice

RATE = 16_000
VOICE = talk(LOW, 1)


def wav(path: Path, samples: NDArray[np.floating], rate_hz: int = RATE) -> Path:
    """[channels, n] in 32 bits of floating point, so that anything can be in it."""
    soundfile.write(path, samples.T.astype(np.float32), rate_hz, subtype="FLOAT")
    return path


VOICES: dict[str, tuple[NDArray[np.floating], int]] = {
    "a tenth of a second": (VOICE[None, 2_000:3_600], RATE),
    "96 kHz": (talk(LOW, 1, 96_000)[None], 96_000),
    "5.1": (np.array([0.2, 0.2, 1, 0, 0.1, 0.1])[:, None] * VOICE, RATE),
    "out of phase": (np.stack([VOICE, -VOICE]), RATE),
    "beyond full scale": (20 * VOICE[None], RATE),
    "direct current under it": (0.4 + VOICE[None], RATE),
}
NO_VOICES: dict[str, tuple[NDArray[np.floating], int]] = {
    "silence": (np.zeros((2, 8_000)), RATE),
    "one sample": (VOICE[None, 3_000:3_001], RATE),
    "direct current": (np.full((1, 8_000), 0.5), RATE),
    "noise": (0.1 * np.random.default_rng(0).standard_normal((1, 8_000)), RATE),
    "a click": (np.eye(1, 8_000, 4_000), RATE),
}


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wav(tmp_path_factory.mktemp("target") / "target.wav", talk(HIGH, 6, seed=5)[None])


@pytest.mark.parametrize("name", ["world-knn", "rvc", "autovc", "so-vits"])
def test_any_sound_comes_out_as_long_as_it_was(tmp_path: Path, target: Path, name: str) -> None:
    files = tiny_voice(name, tmp_path)
    targets = [target] if name in ("world-knn", "autovc") else []
    sounds = VOICES | (NO_VOICES if name == "world-knn" else {})
    for said, (samples, rate_hz) in sounds.items():
        media, out = wav(tmp_path / f"{said}.wav", samples, rate_hz), tmp_path / f"{said} converted.wav"
        report = convert_voice(media, out=out, target=targets, model=files)
        found, found_hz = soundfile.read(out, always_2d=True)
        assert (found.shape, found_hz) == (samples.T.shape, rate_hz), said
        assert (report.samples, report.channels) == (len(found), len(samples)), said
        assert np.isfinite(found).all(), said
        is_kept = np.allclose(found, samples.T, atol=1e-6)
        assert is_kept != (said in VOICES), said
        assert is_kept == any("no voice was found" in note for note in report.notes), said
        assert is_kept or np.abs(found).max() < 0.9, said
        assert is_kept or found.std(axis=0).max() > 0.01, said
    quiet = wav(tmp_path / "quiet.wav", 1e-4 * VOICE[None])
    convert_voice(quiet, out=tmp_path / "out.wav", target=targets, model=files)
    assert np.abs(soundfile.read(tmp_path / "out.wav")[0]).max() < 1e-3


def refusal(kind: type[AvfusionError], tmp_path: Path, media: Path, **given: Any) -> str:
    with pytest.raises(kind) as refused:
        convert_voice(media, out=tmp_path / "out.wav", **given)
    assert not (tmp_path / "out.wav").exists()
    assert "\n" not in str(refused.value)
    return str(refused.value)


def files_of_no_sound(folder: Path) -> list[Path]:
    (folder / "text.wav").write_text("What is this?\n" * 50)
    (folder / "empty.mp4").write_bytes(b"")
    (folder / "folder.wav").mkdir()
    return [folder / name for name in ("text.wav", "empty.mp4", "folder.wav", "gone.wav")]


def test_what_is_no_sound_is_named(tmp_path: Path, target: Path) -> None:
    media = wav(tmp_path / "said.wav", VOICE[None])
    for wrong in files_of_no_sound(tmp_path):
        assert str(wrong) in refusal(InputError, tmp_path, wrong, target=[target])
        assert str(wrong) in refusal(InputError, tmp_path, media, target=[wrong])
    broken = VOICE[None].copy()
    broken[0, 100] = np.inf
    assert "no numbers" in refusal(InputError, tmp_path, wav(tmp_path / "inf.wav", broken), target=[target])


@pytest.mark.parametrize("name", ["world-knn", "autovc"])
def test_a_target_in_which_nobody_speaks_is_no_target(tmp_path: Path, name: str) -> None:
    media, files = wav(tmp_path / "said.wav", VOICE[None]), tiny_voice(name, tmp_path)
    nobody = {
        "noise": 0.1 * np.random.default_rng(1).standard_normal(3 * RATE),
        "silence": np.zeros(3 * RATE),
        "0.2 s of a voice": talk(HIGH, 1, seed=5)[1_500:4_700],
        "one sample": np.ones(1),
    }
    for what, samples in nobody.items():
        target = wav(tmp_path / f"{what}.wav", samples[None])
        assert "no voice" in refusal(NothingFound, tmp_path, media, target=[target], model=files), what


def test_a_note_for_a_target_is_heard_as_a_voice_that_hums(tmp_path: Path) -> None:
    """It has a pitch: nothing tells it from one. What comes of it is a sound all the same."""
    media, time = wav(tmp_path / "said.wav", VOICE[None]), np.arange(3 * RATE) / RATE
    note = wav(tmp_path / "note.wav", 0.1 * sum(np.sin(2 * np.pi * hz * time) for hz in (220, 440, 660))[None])
    convert_voice(media, out=tmp_path / "out.wav", target=[note])
    found, _ = soundfile.read(tmp_path / "out.wav")
    assert found.shape == VOICE.shape
    assert 0.01 < np.abs(found).max() < 0.9


def test_a_voice_may_be_its_own_target(tmp_path: Path) -> None:
    media = wav(tmp_path / "said.wav", talk(LOW, 4)[None])
    report = convert_voice(media, out=tmp_path / "out.wav", target=[media])
    assert report.pitch_after_hz == pytest.approx(report.pitch_before_hz, rel=0.03)
    assert report.lag_s == pytest.approx(0, abs=0.005)


def test_model_files_that_do_not_belong_together_are_named(tmp_path: Path) -> None:
    media, rvc = wav(tmp_path / "said.wav", VOICE[None]), tiny_voice("rvc", tmp_path)
    assert rvc is not None
    other = faiss.IndexFlatL2(16)
    other.add(np.eye(16, dtype=np.float32))
    faiss.write_index(other, str(tmp_path / "other.index"))
    index = replace(rvc, index=tmp_path / "other.index")
    assert "holds 16 features" in refusal(UsageError, tmp_path, media, model=index)
    assert "no speaker 'ada'" in refusal(UsageError, tmp_path, media, model=rvc, speaker="ada")
    for wrong in files_of_no_sound(tmp_path):
        assert str(wrong) in refusal(CannotRead, tmp_path, media, model=ModelFiles(wrong))
