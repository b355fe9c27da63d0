"""The engine so-vits says what so-vits-svc-fork says where somebody speaks, and leaves pauses as they were."""

import json
import logging
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from avfusion.clip import Sound
from avfusion.errors import CannotRead, UsageError
from avfusion.voice import Reference, Speaker
from avfusion.voice.so_vits import SoVits, SoVitsSettings, load_so_vits
from avfusion.voice.so_vits_files import SoVitsFiles, load_svc, silent
from tests.voice.tiny_so_vits import CONFIG, tiny_clusters, tiny_hubert, tiny_so_vits

RATE_HZ = 44100


def said(seconds: float) -> NDArray[np.float32]:
    """A hum with overtones, rising."""
    time = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    hum = sum(np.sin(2 * np.pi * (110 * time + 20 * time**2) * tone) / tone for tone in (1, 2, 3))
    return (0.2 * hum * np.hanning(len(time)) ** 0.1).astype(np.float32)


def converted(
    engine: SoVits, wave: NDArray[np.float32], speaker: str = "", *, semitones: float = 0, seed: int = 0
) -> NDArray[np.float32]:
    return engine.convert(Sound(wave[None], RATE_HZ), Speaker(speaker), semitones=semitones, seed=seed).samples[0]


def with_pauses() -> NDArray[np.float32]:
    """Quiet, speech, quiet, speech, quiet. Quiet is room tone."""
    room = 1e-4 * np.random.default_rng(0).standard_normal(4 * RATE_HZ).astype(np.float32)
    for start in (1.0, 2.5):
        part = said(0.7)
        room[int(start * RATE_HZ) : int(start * RATE_HZ) + len(part)] += part
    return room


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("so-vits")


@pytest.fixture(scope="module")
def encoder(folder: Path) -> Path:
    return tiny_hubert(folder / "encoder")


@pytest.fixture(scope="module")
def files(folder: Path) -> SoVitsFiles:
    return tiny_so_vits(folder)


@pytest.fixture(scope="module")
def engine(files: SoVitsFiles, encoder: Path) -> SoVits:
    return load_so_vits(files, encoder=encoder, device="cpu")


def test_speech_is_what_the_fork_makes_of_it(engine: SoVits, files: SoVitsFiles, encoder: Path) -> None:
    sound = with_pauses()
    ours = converted(engine, sound, "bob", semitones=3, seed=5)
    svc = load_svc(files, encoder, "cpu")
    torch.manual_seed(5)
    with silent():
        theirs = svc.infer_silence(sound, speaker="bob", transpose=3, pad_seconds=0.5)
    assert len(ours) == len(theirs) == len(sound)
    spoken = theirs != 0
    assert 0.3 < spoken.mean() < 0.7
    assert np.array_equal(ours[spoken], theirs[spoken])


def test_pauses_keep_their_room_tone_and_nothing_clicks(engine: SoVits) -> None:
    sound = with_pauses()
    out = converted(engine, sound)
    quiet = slice(0, int(0.4 * RATE_HZ))
    assert np.array_equal(out[quiet], sound[quiet])
    # No step anywhere that is larger than those within converted speech.
    steps = np.abs(np.diff(out))
    spoken = [step for start, end in engine._spoken(sound) for step in steps[start + 500 : end - 500]]
    assert steps.max() <= 1.5 * max(spoken)


@pytest.mark.parametrize("count", [0, 1, 300, 4410, 70_001])
def test_length_in_is_length_out(engine: SoVits, count: int) -> None:
    out = converted(engine, said(2.0)[:count])
    assert out.shape == (count,)
    assert out.dtype == np.float32
    assert np.isfinite(out).all()


def test_silence_stays_silence(engine: SoVits) -> None:
    assert not converted(engine, np.zeros(RATE_HZ, np.float32)).any()


def test_the_same_seed_gives_the_same_sound(engine: SoVits) -> None:
    sound = said(0.5)
    first, again = (converted(engine, sound, seed=1) for _ in range(2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, converted(engine, sound, seed=2))


@pytest.mark.parametrize("method", ["dio", "harvest", "parselmouth", "crepe-tiny", "crepe"])
def test_every_way_of_finding_the_pitch_works(files: SoVitsFiles, encoder: Path, method: Any) -> None:
    sound = said(0.2)
    out = converted(SoVits(load_svc(files, encoder, "cpu"), SoVitsSettings(f0_method=method)), sound)
    assert out.shape == sound.shape
    assert out.any()


def test_clusters_change_the_sound(folder: Path, files: SoVitsFiles, encoder: Path) -> None:
    clusters = tiny_clusters(folder / "kmeans.pt", ("ada",))
    svc = load_svc(SoVitsFiles(files.weights, files.config, clusters), encoder, "cpu")
    sound = said(0.4)
    plain, pulled = (converted(SoVits(svc, SoVitsSettings(cluster_ratio=ratio)), sound) for ratio in (0.0, 0.8))
    assert not np.array_equal(plain, pulled)
    with pytest.raises(UsageError, match="no k-means for this speaker"):
        converted(SoVits(svc, SoVitsSettings(cluster_ratio=0.5)), sound, "bob")


def test_an_unknown_speaker_is_refused_and_not_replaced(engine: SoVits) -> None:
    with pytest.raises(UsageError, match=r"no such speaker\. It has ada, bob"):
        converted(engine, said(0.2), "eve")
    with pytest.raises(UsageError, match="instead of a recording"):
        engine.convert(Sound(said(0.2)[None], RATE_HZ), Reference(()))


@pytest.mark.parametrize("rate_hz", [8000, 16000, 22050, 48000])
def test_other_rates_and_stereo_come_back_as_they_were(engine: SoVits, rate_hz: int) -> None:
    sound = Sound(np.stack([said(0.4)[:10_001], 0.5 * said(0.4)[:10_001]]), rate_hz)
    out = engine.convert(sound, Speaker())
    assert (out.samples.shape, out.rate_hz) == (sound.samples.shape, rate_hz)
    loud = [float(np.square(channel).sum()) for channel in out.samples]
    assert abs(loud[0] / loud[1] - 4) < 0.1


def test_loading_leaves_logging_alone(files: SoVitsFiles, encoder: Path) -> None:
    before = list(logging.getLogger().handlers), logging.getLogger().level
    load_so_vits(files, encoder=encoder, device="cpu")
    assert (list(logging.getLogger().handlers), logging.getLogger().level) == before


def broken_config(folder: Path, **changes: Any) -> Path:
    config = json.loads(json.dumps(CONFIG))
    for part, values in changes.items():
        config[part] = values if values is None else config[part] | values
    path = folder / "config.json"
    path.write_text(json.dumps(config))
    return path


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": {"hidden_channels": 24}}, "does not fit config.json: .* the config says"),
        ({"model": {"n_layers": 2}}, "does not fit config.json: .* is missing"),
        ({"model": {"n_layers": 0}}, "does not fit config.json: .* has no place"),
        ({"model": {"type_": "nonsense"}}, "no so-vits network can be built"),
        ({"spk": None}, "not the config.json of a so-vits model"),
    ],
)
def test_a_config_of_another_model_is_said(
    tmp_path: Path, files: SoVitsFiles, encoder: Path, changes: dict[str, Any], words: str
) -> None:
    config = broken_config(tmp_path, **changes)
    with pytest.raises(CannotRead, match=words):
        load_so_vits(SoVitsFiles(files.weights, config), encoder=encoder, device="cpu")


def test_other_files_are_named_for_what_they_are(tmp_path: Path, files: SoVitsFiles, encoder: Path) -> None:
    def refusal(held: Any) -> str:
        torch.save(held, tmp_path / "x.pth")
        with pytest.raises(CannotRead) as caught:
            load_so_vits(SoVitsFiles(tmp_path / "x.pth", files.config), encoder=encoder, device="cpu")
        return str(caught.value)

    assert "Use the engine rvc" in refusal({"weight": {}, "config": []})
    assert "give the G_*.pth" in refusal({"model": {"discriminators.0.convs.0.bias": torch.zeros(1)}})
    assert "holds no so-vits generator" in refusal([1, 2])
    (tmp_path / "x.pth").write_bytes(files.weights.read_bytes()[:5000])
    with pytest.raises(CannotRead, match="cannot be read as a model file"):
        load_so_vits(SoVitsFiles(tmp_path / "x.pth", files.config), encoder=encoder, device="cpu")


class Trap:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


def test_code_in_a_model_file_never_runs(tmp_path: Path, files: SoVitsFiles, encoder: Path) -> None:
    mark = tmp_path / "ran"
    torch.save({"model": Trap(mark), "iteration": 1}, tmp_path / "evil.pth")
    torch.save({"ada": Trap(mark)}, tmp_path / "evil.pt")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(Trap(mark), protocol=2))
    for bad in (
        SoVitsFiles(tmp_path / "evil.pth", files.config),
        SoVitsFiles(tmp_path / "plain.pth", files.config),
        SoVitsFiles(files.weights, files.config, tmp_path / "evil.pt"),
    ):
        with pytest.raises(CannotRead):
            load_so_vits(bad, encoder=encoder, device="cpu")
    assert not mark.exists()
