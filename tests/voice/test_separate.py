"""A voice over music or noise is told apart from it; a clean one is left alone; nothing is lost, and nothing moves."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from avfusion.clip import Sound
from avfusion.errors import InputError
from avfusion.media.recording import hear, probe_recording
from avfusion.media.store import StoredSound, store
from avfusion.voice.one_channel import heard
from avfusion.voice.separate import RepetSim
from avfusion.voice.separate_alike import alike, usual
from tests.voice.talking import LOW, talk

RATE_HZ = 16000
voice_of = RepetSim().voice_of


def kept(path: Path, samples: NDArray[np.floating], rate_hz: int = RATE_HZ) -> StoredSound:
    return store(path, [samples.astype(np.float32)], channels=samples.shape[0], rate_hz=rate_hz)


def music(seconds: float) -> NDArray[np.float64]:
    """A bar of four beats in 2 s, of hits and deep tones, again and again."""
    dice, beats = np.random.default_rng(4), []
    time = np.arange(RATE_HZ // 2) / RATE_HZ
    for root in (55.0, 82.0, 62.0, 73.0):
        tone = np.sin(2 * np.pi * root * time) + 0.5 * np.sin(2 * np.pi * 1183.0 / 55 * root * time)
        beats.append(tone * np.exp(-4 * time) + dice.standard_normal(len(time)) * np.exp(-12 * time))
    return 0.1 * np.resize(np.concatenate(beats), round(seconds * RATE_HZ))


def noise(seconds: float) -> NDArray[np.float64]:
    return np.asarray(0.1 * np.random.default_rng(5).standard_normal(round(seconds * RATE_HZ)))


def music_with_gaps(seconds: float) -> NDArray[np.float64]:
    """Of every second 0.44 s are silent."""
    return music(seconds) * (np.arange(round(seconds * RATE_HZ)) % RATE_HZ < 0.56 * RATE_HZ)


def voice(seconds: float) -> NDArray[np.float64]:
    """Without a beat: one to three words, then up to 0.8 s of nothing."""
    dice, parts, count = np.random.default_rng(6), [], round(seconds * RATE_HZ)
    while sum(map(len, parts)) < count:
        parts += [talk(LOW, int(dice.integers(1, 4)), seed=len(parts)), np.zeros(int(dice.uniform(0.1, 0.8) * RATE_HZ))]
    return np.concatenate(parts)[:count]


def likeness_db(truth: NDArray[np.floating], found: NDArray[np.floating]) -> float:
    """Scale-invariant signal-to-distortion ratio (J. Le Roux et al., 2019)."""
    aimed = (truth @ found) / (truth @ truth) * truth
    return float(10 * np.log10((aimed @ aimed) / ((found - aimed) @ (found - aimed))))


def gains_db(said: NDArray[np.floating], played: NDArray[np.floating], folder: Path) -> tuple[float, float]:
    """By how much the voice and the background are clearer after than before, mixed equally loud."""
    played = played * np.sqrt(said @ said / (played @ played))
    mixed = said + played
    found = voice_of(kept(folder / "mixed", mixed[None]), folder / "voice").read()[0]
    return (
        likeness_db(said, found) - likeness_db(said, mixed),
        likeness_db(played, mixed - found) - likeness_db(played, mixed),
    )


@pytest.mark.parametrize(("background", "gain_db"), [(music, 6), (music_with_gaps, 6), (noise, 3)])
def test_both_come_out_clearer_than_they_went_in(background, gain_db: float, tmp_path: Path) -> None:
    assert min(gains_db(voice(12), background(12), tmp_path)) > gain_db


@pytest.mark.real_data
def test_a_speaker_over_drums(shared_data: Path, tmp_path: Path) -> None:
    drums = hear(probe_recording(shared_data / "sounding" / "drum_kit.mp4"), tmp_path / "drums")
    beaten = heard(Sound(drums.read(), drums.rate_hz), RATE_HZ).astype(float)
    sentences = sorted((shared_data / "speech" / "vctk" / "p226").glob("*.wav"))[:3]
    spoken = [hear(probe_recording(file), tmp_path / file.stem).read()[0] for file in sentences]
    said = np.concatenate(spoken).astype(float)[: len(beaten)]
    assert min(gains_db(said, beaten[: len(said)], tmp_path)) > 4


def test_a_voice_alone_is_left_alone(tmp_path: Path) -> None:
    said = voice(6).astype(np.float32)[None]
    assert np.array_equal(voice_of(kept(tmp_path / "alone", said), tmp_path / "voice").read(), said)


def test_all_channels_are_masked_alike(tmp_path: Path) -> None:
    mixed = voice(6) + music(6)
    found = voice_of(kept(tmp_path / "both", np.stack([mixed, 0.5 * mixed, 0 * mixed])), tmp_path / "voice").read()
    assert np.abs(found[0]).max() > 0.05
    assert np.allclose(found[1], 0.5 * found[0], atol=1e-6)
    assert not found[2].any()


@pytest.mark.parametrize("rate_hz", [8000, 44100])
@pytest.mark.parametrize("seconds", [0.0, 0.05, 3.01, 4.7])
def test_length_in_is_length_out(tmp_path: Path, seconds: float, rate_hz: int) -> None:
    count = round(seconds * rate_hz)
    found = voice_of(kept(tmp_path / "s", noise(15)[None, :count], rate_hz), tmp_path / "voice")
    assert (found.channels, found.rate_hz, found.count) == (1, rate_hz, count)
    assert np.isfinite(found.read()).all()


def test_long_sound_goes_in_pieces_that_join_without_a_seam(tmp_path: Path) -> None:
    mixed = (voice(26.3) + music(26.3))[None]
    found = voice_of(kept(tmp_path / "long", mixed), tmp_path / "voice").read()[0]
    assert len(found) == mixed.shape[1]
    first = voice_of(kept(tmp_path / "piece", mixed[:, : 24 * RATE_HZ]), tmp_path / "first").read()[0]
    assert np.array_equal(found[: 22 * RATE_HZ], first[: 22 * RATE_HZ])
    steps = np.abs(np.diff(found))
    joins = [22 * RATE_HZ, 24 * RATE_HZ]
    assert max(steps[at - 50 : at + 50].max() for at in joins) <= 1.5 * np.abs(np.diff(mixed[0])).max()


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_what_is_no_number_is_refused(wrong: float, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no numbers"):
        voice_of(kept(tmp_path / "wrong", np.full((1, 50), wrong)), tmp_path / "voice")
    assert not (tmp_path / "voice").exists()


def test_what_comes_back_is_what_is_usual() -> None:
    """A pattern that repeats every 2 s is found again from its repetitions, also where one of them is covered."""
    pattern = np.random.default_rng(0).uniform(0.5, 1, (40, 100)).astype(np.float32)
    loud, weight = np.tile(pattern, 8), np.ones((40, 800), np.float32)
    covered = np.s_[:, 330:350]
    loud[covered] += 3
    weight[covered] = 1e-3
    found = usual(loud, weight, alike(loud, weight, per_s=50.0, bin_hz=100.0), 1.0)
    assert np.abs(found - np.tile(pattern, 8))[covered].max() < 0.35
    same = alike(loud, weight, per_s=50.0, bin_hz=100.0).toarray()[400]
    assert set(np.argsort(-same)[:7].tolist()) == {0, 100, 200, 300, 500, 600, 700}
