"""Pieces cut at quiet places and put together again are the sound; joins neither click nor dip."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from avfusion.media.store import StoredSound, store
from avfusion.voice.blocks import Blocks, converted, pieces

RATE_HZ = 8000
SHORT = Blocks(longest_s=2.0, search_s=1.0, context_s=0.25)


def kept(path: Path, samples: NDArray[np.float32]) -> StoredSound:
    return store(path, [samples], channels=samples.shape[0], rate_hz=RATE_HZ)


def noise(count: int, seed: int = 0) -> NDArray[np.float32]:
    return (0.1 * np.random.default_rng(seed).standard_normal((1, count))).astype(np.float32)


@pytest.mark.parametrize("count", [0, 1, 100, 2 * RATE_HZ, 2 * RATE_HZ + 1, 70_001])
@pytest.mark.parametrize("channels", [1, 2])
def test_an_engine_that_changes_nothing_gives_the_sound_back(tmp_path: Path, count: int, channels: int) -> None:
    samples = np.repeat(noise(count), channels, axis=0)
    out = list(converted(kept(tmp_path / "s", samples), lambda piece: piece, SHORT))
    assert np.allclose(np.concatenate(out, axis=1), samples, atol=1e-7)


def test_cuts_lie_where_it_is_quiet(tmp_path: Path) -> None:
    samples = noise(10 * RATE_HZ)
    pauses = [1.4, 2.9, 4.5, 6.0, 7.7, 9.3]
    for at in pauses:
        samples[:, int(at * RATE_HZ) : int((at + 0.2) * RATE_HZ)] *= 0.001
    found = list(pieces(kept(tmp_path / "s", samples), SHORT))
    assert found[0][0] == 0
    assert found[-1][1] == 10 * RATE_HZ
    assert all(stop == start for (_, stop), (start, _) in pairwise(found))
    assert all(stop - start <= 2 * RATE_HZ for start, stop in found)
    for _, stop in found[:-1]:
        assert any(at < stop / RATE_HZ < at + 0.2 for at in pauses)


def test_two_unlike_pieces_meet_at_equal_power(tmp_path: Path) -> None:
    sound = kept(tmp_path / "s", noise(60 * RATE_HZ))
    dice = np.random.default_rng(1)

    def anew(piece: NDArray[np.float32]) -> NDArray[np.float32]:
        return (0.1 * dice.standard_normal(piece.shape)).astype(np.float32)

    out = np.concatenate(list(converted(sound, anew, Blocks(2.0, 1.0, 0.25, fade_s=0.2))), axis=1)
    joins = [stop for _, stop in pieces(sound, SHORT)][:-1]
    at_joins = np.concatenate([out[0, stop - 200 : stop + 200] for stop in joins])
    assert len(joins) > 25
    assert abs(np.sqrt(np.mean(at_joins**2)) / 0.1 - 1) < 0.05


def test_each_piece_sees_its_neighbours(tmp_path: Path) -> None:
    sound = kept(tmp_path / "s", noise(5 * RATE_HZ))
    seen: list[int] = []

    def looked(piece: NDArray[np.float32]) -> NDArray[np.float32]:
        seen.append(piece.shape[1])
        return piece

    list(converted(sound, looked, SHORT))
    around = [stop - start + 2 * 2000 for start, stop in pieces(sound, SHORT)]
    assert seen == [around[0] - 2000, *around[1:-1], around[-1] - 2000]


def test_an_engine_that_changes_the_length_is_a_bug(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="came back as"):
        list(converted(kept(tmp_path / "s", noise(100)), lambda piece: piece[:, :-1], SHORT))
