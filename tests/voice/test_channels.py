"""A voice is looked for where one can be; channels that are none of its business stay as they were, bit for bit."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from avfusion.media.store import StoredSound, store
from avfusion.voice.channels import only, put_among, speaking_channels
from tests.voice.talking import LOW, talk

RATE_HZ = 16_000
VOICE = talk(LOW, 2)
RUMBLE = 0.5 * np.sin(2 * np.pi * 110 * np.arange(len(VOICE)) / RATE_HZ)


def kept(path: Path, samples: NDArray[np.floating], rate_hz: int = RATE_HZ) -> StoredSound:
    return store(path, [samples.astype(np.float32)], channels=len(samples), rate_hz=rate_hz)


@pytest.mark.parametrize(
    ("channels", "speaking"),
    [
        ([VOICE], (0,)),
        ([0.05 * VOICE, VOICE], (0, 1)),
        ([VOICE, 0.003 * VOICE], (0,)),
        ([VOICE, -VOICE], (0, 1)),
        ([0.1 * VOICE, 0.1 * VOICE, VOICE, RUMBLE, 0 * VOICE, 0.05 * VOICE], (0, 1, 2, 5)),
        ([0 * VOICE, 0 * VOICE], (0, 1)),
    ],
)
def test_deep_silent_and_faint_channels_do_not_speak(
    tmp_path: Path, channels: list[NDArray[np.floating]], speaking: tuple[int, ...]
) -> None:
    assert speaking_channels(kept(tmp_path / "s", np.stack(channels))) == speaking
    assert speaking_channels(kept(tmp_path / "s", np.stack(channels)[:, ::4], RATE_HZ // 4)) == speaking


def test_what_was_taken_out_goes_back_where_it_was(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).standard_normal((4, 70_000)).astype(np.float32)
    sound = kept(tmp_path / "s", samples)
    taken = only(sound, (1, 3), tmp_path / "taken")
    assert np.array_equal(taken.read(), samples[[1, 3]])
    assert np.array_equal(put_among(sound, (1, 3), taken, tmp_path / "back").read(), samples)
    turned = kept(tmp_path / "turned", -samples[[1, 3]])
    back = put_among(sound, (1, 3), turned, tmp_path / "back").read()
    assert np.array_equal(back, samples * np.array([1, -1, 1, -1], np.float32)[:, None])
    everything = (0, 1, 2, 3)
    assert only(sound, everything, tmp_path / "x") is sound
    assert put_among(sound, everything, turned, tmp_path / "x") is turned
