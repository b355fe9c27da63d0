"""Hybrid Demucs says what torchaudio's own says, of any length, rate and number of channels, and nothing moves."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from avfusion.errors import CannotRead, InputError
from avfusion.media.store import StoredSound, store
from avfusion.voice.hdemucs import RATE_HZ, SOURCES, HDemucs, load_hdemucs
from tests.voice.talking import LOW, talk
from tests.voice.tiny_hdemucs import saved, tiny_network
from tests.voice.tiny_rvc import Malice


def kept(path: Path, samples: NDArray[np.floating], rate_hz: int = RATE_HZ) -> StoredSound:
    return store(path, [samples.astype(np.float32)], channels=samples.shape[0], rate_hz=rate_hz)


def noise(channels: int, count: int) -> NDArray[np.floating]:
    return 0.1 * np.random.default_rng(7).standard_normal((channels, count))


@pytest.fixture(scope="module")
def network() -> Any:
    return tiny_network()


@pytest.fixture(scope="module")
def separator(network: Any, tmp_path_factory: pytest.TempPathFactory) -> HDemucs:
    return load_hdemucs(saved(tmp_path_factory.mktemp("weights") / "hdemucs.pt", network))


def by_hand(network: Any, stereo: NDArray[np.floating]) -> NDArray[np.float32]:
    with torch.inference_mode():
        found = network(torch.from_numpy(stereo.astype(np.float32))[None])
    return np.asarray(found[0, SOURCES.index("vocals")])


def test_the_order_of_sources_is_that_of_the_published_weights() -> None:
    from torchaudio.pipelines import HDEMUCS_HIGH_MUSDB_PLUS as BUNDLE

    assert tuple(BUNDLE._model_factory_func.keywords["sources"]) == SOURCES
    assert BUNDLE.sample_rate == RATE_HZ


def test_a_short_piece_is_what_the_library_says(network: Any, separator: HDemucs, tmp_path: Path) -> None:
    mixed = noise(2, 2 * RATE_HZ + 77)
    mixed[0] += 0.5 * talk(LOW, 4, RATE_HZ)[: mixed.shape[1]]
    found = separator.voice_of(kept(tmp_path / "mixed", mixed), tmp_path / "voice").read()
    expected = by_hand(network, mixed)
    assert np.abs(expected).max() > 0.01
    assert np.abs(found - expected).max() <= 1e-6 * np.abs(expected).max()


def test_one_channel_is_heard_twice_and_more_than_two_each_by_itself(
    network: Any, separator: HDemucs, tmp_path: Path
) -> None:
    mixed = noise(3, RATE_HZ // 2)
    mixed[1] = 0
    found = separator.voice_of(kept(tmp_path / "three", mixed), tmp_path / "voice").read()
    assert np.allclose(found[0], by_hand(network, mixed[[0, 0]]).mean(axis=0), atol=1e-7)
    assert not found[1].any()
    alone = separator.voice_of(kept(tmp_path / "one", mixed[2:]), tmp_path / "alone").read()
    assert np.array_equal(found[2:], alone)


class Whole:
    """A network to which everything is voice."""

    def __call__(self, stereo: torch.Tensor) -> torch.Tensor:
        return torch.stack([0 * stereo, 0 * stereo, 0 * stereo, stereo], dim=1)


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 44_100, 48_000])
@pytest.mark.parametrize("seconds", [0.01, 9.99, 10.5, 28.3])
def test_nothing_moves_at_any_rate_and_length(rate_hz: int, seconds: float, tmp_path: Path) -> None:
    """What comes back is what went in, to the sample and across all joins, where the network changes nothing."""
    count = round(seconds * rate_hz) + 1
    time = np.arange(count) / rate_hz
    chirp = 0.5 * np.sin(2 * np.pi * (100 * time + 50 * time**2 / 2))[None]
    told: list[float] = []
    sound = kept(tmp_path / "chirp", chirp, rate_hz)
    found = HDemucs(Whole(), "cpu").voice_of(sound, tmp_path / "voice", tell=told.append)
    assert (found.channels, found.rate_hz, found.count) == (1, rate_hz, count)
    edge = min(count // 2, rate_hz // 50)
    assert np.abs(found.read() - chirp)[:, edge:-edge].max(initial=0) < (1e-6 if rate_hz == RATE_HZ else 5e-3)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(count / rate_hz)


def test_long_sound_goes_in_pieces_of_ten_seconds(network: Any, separator: HDemucs, tmp_path: Path) -> None:
    mixed = noise(2, round(10.4 * RATE_HZ))
    found = separator.voice_of(kept(tmp_path / "long", mixed), tmp_path / "voice").read()
    assert found.shape == mixed.shape
    first = by_hand(network, mixed[:, : 10 * RATE_HZ])
    assert np.allclose(found[:, : 9 * RATE_HZ], first[:, : 9 * RATE_HZ], atol=1e-6)
    last = by_hand(network, mixed[:, -10 * RATE_HZ :])
    assert np.allclose(found[:, 10 * RATE_HZ :], last[:, -round(0.4 * RATE_HZ) :], atol=1e-6)


def test_silence_is_no_voice(separator: HDemucs, tmp_path: Path) -> None:
    sound = kept(tmp_path / "silence", np.zeros((2, 5_000)))
    assert not separator.voice_of(sound, tmp_path / "voice").read().any()


def test_what_is_no_number_is_refused(separator: HDemucs, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no numbers"):
        separator.voice_of(kept(tmp_path / "wrong", np.full((2, 50), np.nan)), tmp_path / "voice")


def test_other_files_are_refused(tmp_path: Path) -> None:
    weights = tiny_network().state_dict()
    short = dict(list(weights.items())[1:])
    for what, words in (
        ({"a.weight": torch.zeros(3)}, "no weights file of HDemucs"),
        (tiny_network(("voice", "rest")).state_dict(), "2 sources"),
        (short, "lacks 1"),
        ([1, 2], "holds no weights"),
    ):
        torch.save(what, tmp_path / "other.pt")
        with pytest.raises(CannotRead, match=words):
            load_hdemucs(tmp_path / "other.pt")


def test_code_in_a_file_does_not_run(tmp_path: Path) -> None:
    torch.save(tiny_network().state_dict() | {"x": Malice(tmp_path / "ran")}, tmp_path / "bad.pt")
    with pytest.raises(CannotRead, match="refused"):
        load_hdemucs(tmp_path / "bad.pt")
    assert not (tmp_path / "ran").exists()
