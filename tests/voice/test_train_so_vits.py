"""A so-vits voice is trained from recordings, goes on where it was, and converts."""

import json
import math
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans

from avfusion.clip import Sound
from avfusion.errors import CannotRead, InputError, Stopped, UsageError
from avfusion.media.write_sound import write_sound
from avfusion.voice import Speaker
from avfusion.voice.so_vits import load_so_vits
from avfusion.voice.so_vits_clusters import read_clusters
from avfusion.voice.so_vits_files import SoVitsFiles, silent
from avfusion.voice.train_so_vits import Plan, _network, train
from avfusion.voice.train_so_vits_checkpoints import Losses, last_step, read_losses
from avfusion.voice.train_so_vits_clusters import train_clusters
from avfusion.voice.train_so_vits_config import Config, check_config, new_config, stored_config
from avfusion.voice.train_so_vits_prepare import Prepared, _cuts, prepare, prepared_before
from avfusion.voice.train_so_vits_start import Start, begin_with, check_start
from tests.voice.tiny_so_vits import MODEL, tiny_hubert
from tests.voice.tiny_sounds import hum, noise

TINY: Config = {"train": {"segment_size": 5120, "keep_ckpts": 1}, "data": {}, "model": MODEL}


def record(path: Path, sound: Sound) -> Path:
    channels, count = sound.samples.shape
    write_sound(path, [sound.samples], rate_hz=sound.rate_hz, channels=channels, count=count, tags={})
    return path


def config_file(folder: Path, **model: object) -> Path:
    path = folder / "given.json"
    path.write_text(json.dumps(TINY | {"model": MODEL | model}))
    return path


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_hubert(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """Five short ones of several kinds, and one with silence for more than half of it."""
    folder = tmp_path_factory.mktemp("recordings")
    kinds = [(".wav", 16_000, 1), (".flac", 22_050, 2), (".mp3", 44_100, 1), (".wav", 48_000, 2), (".wav", 8_000, 1)]
    paths = [
        record(folder / f"{number}{ending}", hum(round(0.6 * rate), rate, channels))
        for number, (ending, rate, channels) in enumerate(kinds)
    ]
    late = hum(16_000, 16_000)
    late.samples[:, :10_000] = 0
    return {"ada": [*paths, record(folder / "late.wav", late)]}


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    return new_config(config_file(tmp_path_factory.mktemp("config")), ["ada"])


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Gone in the end: the fork's discriminator has one size, half a gigabyte with its optimizer."""
    folder = tmp_path_factory.mktemp("model")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def prepared(model_dir: Path, recordings: dict[str, list[Path]], config: Config, encoder: Path) -> Prepared:
    told: list[None] = []
    found = prepare(
        recordings, model_dir / "prepared", config, encoder=encoder, device="cpu",
        on_recording=lambda: told.append(None),
    )  # fmt: skip
    assert len(told) == 6
    return found


@pytest.fixture(scope="module")
def told(model_dir: Path, prepared: Prepared, config: Config) -> list[Losses]:
    """Of a run of two steps."""
    told: list[Losses] = []
    plan = Plan(until_step=2, batch=3, save_every=2, device="cpu")
    step = train(model_dir, config, prepared, plan, after_step=0, on_step=told.append, should_stop=lambda: False)
    assert step == 2
    return told


# Preparing


def test_pieces_hold_what_the_fork_learns_from(prepared: Prepared, config: Config) -> None:
    assert len(prepared.files) == 6
    assert prepared.seconds == pytest.approx(5 * 0.6 + 0.375, abs=0.25)
    for file in prepared.files:
        piece = torch.load(file, weights_only=True)
        frames = piece["f0"].shape[0]
        assert {name: tuple(value.shape) for name, value in piece.items() if name != "audio"} == {
            "spec": (1025, frames), "mel_spec": (80, frames), "f0": (frames,), "uv": (frames,),
            "content": (24, frames), "spk": (),
        }  # fmt: skip
        assert abs(piece["audio"].shape[1] / config["data"]["hop_length"] - frames) <= 1
        assert float(piece["f0"][piece["uv"] > 0].median()) == pytest.approx(140, rel=0.1)
    assert float(piece["audio"].abs().max()) == pytest.approx(0.98, abs=0.02)


def test_what_was_prepared_is_taken_again_as_long_as_nothing_changed(
    model_dir: Path, prepared: Prepared, recordings: dict[str, list[Path]], config: Config, encoder: Path
) -> None:
    place = model_dir / "prepared"
    assert prepared_before(place, recordings, config, encoder) == prepared
    fewer = {"ada": recordings["ada"][1:]}
    other = config | {"data": config["data"] | {"hop_length": 256}}
    assert prepared_before(place, fewer, config, encoder) is None
    assert prepared_before(place, recordings, other, encoder) is None
    assert prepared_before(model_dir / "nowhere", recordings, config, encoder) is None


def test_stopped_while_preparing_nothing_stays(
    tmp_path: Path, recordings: dict[str, list[Path]], config: Config, encoder: Path
) -> None:
    def stop() -> None:
        raise Stopped("Stopped.")

    with pytest.raises(Stopped):
        prepare(recordings, tmp_path / "prepared", config, encoder=encoder, device="cpu", on_recording=stop)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["silent", "not numbers"])
def test_sounds_that_nobody_can_learn_from(tmp_path: Path, config: Config, encoder: Path, kind: str) -> None:
    import soundfile

    wave = np.zeros(8_000, np.float32)
    wave[100] = np.nan if kind == "not numbers" else 0
    paths = [tmp_path / f"{number}.wav" for number in range(5)]
    for path in paths:
        soundfile.write(path, wave, 16_000, subtype="FLOAT")
    words = r"ada: 0 recordings of a voice" if kind == "silent" else r"0\.wav: .* no numbers"
    with pytest.raises(InputError, match=words):
        prepare(
            {"ada": paths}, tmp_path / "out", config, encoder=encoder, device="cpu", on_recording=lambda: None
        )  # fmt: skip
    assert not (tmp_path / "out").exists()


def test_long_recordings_are_cut_where_it_is_quiet(tmp_path: Path) -> None:
    from avfusion.media.store import store

    rate = 8_000
    samples = noise(12 * rate, rate).samples
    pauses = [round(4.2 * rate), round(8.5 * rate)]
    for pause in pauses:
        samples[:, pause : pause + rate // 10] = 0
    cuts = list(_cuts(store(tmp_path / "sound", [samples], channels=1, rate_hz=rate)))
    assert [cuts[0][0], cuts[-1][1]] == [0, samples.shape[1]]
    assert [stop for _, stop in cuts[:-1]] == [start for start, _ in cuts[1:]]
    assert len(cuts) == 3
    for (_, stop), pause in zip(cuts, pauses, strict=False):
        assert pause <= stop <= pause + rate // 10


# Clusters


def test_clusters_are_the_middles_of_what_a_speaker_says(tmp_path: Path, prepared: Prepared, config: Config) -> None:
    path = train_clusters(prepared, config, 3, tmp_path / "kmeans.pt")
    (speaker, model), *others = read_clusters(path).items()
    assert (speaker, others) == ("ada", [])
    said = np.concatenate([torch.load(file, weights_only=True)["content"].numpy().T for file in prepared.files])
    far = np.square(said[:, None] - model.cluster_centers_).sum(axis=-1).min(axis=1).sum()
    assert far < 1.15 * KMeans(3, n_init=5, random_state=0).fit(said).inertia_
    again = train_clusters(prepared, config, 3, tmp_path / "again.pt")
    np.testing.assert_array_equal(read_clusters(again)["ada"].cluster_centers_, model.cluster_centers_)
    with pytest.raises(InputError, match=rf"ada: has {len(said)} frames of speech, too few for 9999 clusters"):
        train_clusters(prepared, config, 9999, tmp_path / "more.pt")


# Training


def test_a_trained_voice_converts(model_dir: Path, told: list[Losses], encoder: Path) -> None:
    files = SoVitsFiles(model_dir / "G_2.pth", model_dir / "config.json")
    engine = load_so_vits(files, encoder=encoder, device="cpu")
    assert engine.speakers == ("ada",)
    source = hum(12_345, 16_000)
    made = engine.convert(source, Speaker("ada"))
    assert made.samples.shape == source.samples.shape
    assert not np.allclose(made.samples, source.samples, atol=1e-3)


def test_a_row_that_is_not_whole_yet_is_not_read(model_dir: Path, told: list[Losses], tmp_path: Path) -> None:
    table = (model_dir / "losses.csv").read_text()
    for end in (1, 5, 30):
        (tmp_path / "losses.csv").write_text(table[:-end])
        assert [losses.step for losses in read_losses(tmp_path)] == [1]
    (tmp_path / "losses.csv").write_text(table[:10])
    assert read_losses(tmp_path) == ()


def test_every_step_tells_its_losses_and_they_are_kept(model_dir: Path, told: list[Losses]) -> None:
    assert [(losses.step, losses.epoch) for losses in told] == [(1, 0), (2, 0)]
    for losses, kept in zip(told, read_losses(model_dir), strict=False):
        assert math.isfinite(losses.total)
        parts = losses.mel + losses.feature + losses.kl + losses.log_f0
        assert parts < losses.total < parts + 10
        assert kept.mel == pytest.approx(losses.mel, rel=1e-4)
        assert kept.learning_rate == pytest.approx(1e-4)


def test_a_training_can_begin_with_networks_that_are_there(model_dir: Path, told: list[Losses], config: Config) -> None:
    start = Start(model_dir / "G_2.pth", model_dir / "D_2.pth")
    check_start(start, config)
    with silent():
        network = _network(config)
    begin_with(start, network)
    for name, net in (("G", network.net_g), ("D", network.net_d)):
        held = torch.load(model_dir / f"{name}_2.pth", weights_only=True)["model"]
        assert all(torch.equal(value, held[key]) for key, value in net.state_dict().items())
    wider = new_config(config_file(model_dir.parent, gin_channels=32), ["ada"])
    with pytest.raises(CannotRead, match=r"G_2\.pth: its config and its weights do not match"):
        check_start(start, wider)
    with pytest.raises(CannotRead, match=r"D_2\.pth: holds no so-vits generator"):
        check_start(Start(model_dir / "D_2.pth"), config)
    with pytest.raises(CannotRead, match=r"G_2\.pth: holds no so-vits discriminator"):
        check_start(Start(model_dir / "G_2.pth", model_dir / "G_2.pth"), config)


def test_a_training_goes_on_where_it_was_and_stops_when_asked(
    model_dir: Path, told: list[Losses], prepared: Prepared
) -> None:
    before = torch.load(model_dir / "G_2.pth", weights_only=True)
    config = stored_config(model_dir / "config.json")
    plan = Plan(until_step=100, batch=3, save_every=50, device="cpu")
    more: list[Losses] = []
    step = train(model_dir, config, prepared, plan, after_step=2, on_step=more.append, should_stop=lambda: True)
    assert (step, last_step(model_dir)) == (3, 3)
    assert [losses.step for losses in read_losses(model_dir)] == [1, 2, 3]
    after = torch.load(model_dir / "G_3.pth", weights_only=True)
    assert (before["iteration"], after["iteration"]) == (2, 3)
    assert {float(state["step"]) for state in after["optimizer"]["state"].values()} == {3.0}
    moved = [(after["model"][name] - value).abs().max() for name, value in before["model"].items()]
    assert 0 < max(moved) < 1e-3, "one small step from the weights of step 2"
    assert sorted(path.name for path in model_dir.glob("*.pth")) == ["D_3.pth", "G_3.pth"], "keep_ckpts is 1"


# Configurations


def test_without_a_config_the_forks_own_is_taken_and_fetches_nothing() -> None:
    config = new_config(None, ["ada", "bob"])
    assert config["spk"] == {"ada": 0, "bob": 1}
    assert config["model"]["ssl_dim"] == 768
    assert config["model"]["pretrained"] == "none"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"ssl_dim": 768}, "ssl_dim is 768, and the content encoder says 24"),
        ({"upsample_rates": [8, 8, 2, 2, 4]}, "do not fit each other"),
        ({"resblock_kernel_sizes": 3}, "no so-vits network"),
    ],
)
def test_a_config_that_does_not_fit(tmp_path: Path, encoder: Path, wrong: dict[str, object], words: str) -> None:
    path = config_file(tmp_path, **wrong)
    with pytest.raises(CannotRead, match=words):
        check_config(new_config(path, ["ada"]), path, encoder)


def test_a_config_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    for text, words in (("[]", "it needs train"), ("{", "cannot be read")):
        path.write_text(text)
        with pytest.raises(CannotRead, match=words):
            new_config(path, ["ada"])
    with pytest.raises(UsageError, match="room for 4 speakers"):
        new_config(config_file(tmp_path), list("abcde"))
