"""Whatever sound comes in, as much comes out, each sample a number below full scale."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from avfusion.pipelines.convert_voice import convert_voice
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
