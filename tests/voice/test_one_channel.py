"""What a network hears of a sound, and what it says put in the sound's place."""

import numpy as np
import pytest

from avfusion.clip import Sound
from avfusion.errors import InputError
from avfusion.voice.one_channel import as_played, heard, resampled


@pytest.mark.parametrize(
    ("from_hz", "to_hz"), [(44100, 16000), (16000, 44100), (8000, 48000), (16000, 16000), (11127, 16000)]
)
def test_nothing_moves_when_the_rate_changes(from_hz: int, to_hz: int) -> None:
    wave = np.sin(2 * np.pi * 440 * np.arange(from_hz // 2) / from_hz).astype(np.float32)
    out = resampled(wave, from_hz, to_hz)
    assert out.size == -(-wave.size * to_hz // from_hz)
    expected = np.sin(2 * np.pi * 440 * np.arange(out.size) / to_hz)
    inner = slice(to_hz // 100, -to_hz // 100)
    assert np.abs(out - expected)[inner].max() < 5e-3


def test_a_network_hears_the_mean_of_the_channels() -> None:
    both = np.stack([np.full(100, 0.5), np.full(100, -0.1)]).astype(np.float32)
    assert np.allclose(heard(Sound(both, 16000), 16000), 0.2)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_what_is_no_number_is_refused(wrong: float) -> None:
    with pytest.raises(InputError, match="no numbers"):
        heard(Sound(np.array([[0.1, wrong]], np.float32), 16000), 16000)


@pytest.mark.parametrize("said", [0, 10, 399, 400, 401, 2000])
def test_what_is_said_has_the_length_of_the_sound(said: int) -> None:
    sound = Sound(np.ones((2, 441), np.float32), 44100)
    assert as_played(np.ones(said, np.float32), 40000, sound).samples.shape == (2, 441)


def test_a_voice_that_walks_from_left_to_right_still_does() -> None:
    count = 16000
    wave = np.random.default_rng(0).standard_normal(count).astype(np.float32)
    place = np.linspace(0, np.pi / 2, count, dtype=np.float32)
    out = as_played(wave, 16000, Sound(np.stack([wave * np.cos(place), wave * np.sin(place)]), 16000)).samples
    halves = np.square(out).reshape(2, 2, -1).mean(axis=2)
    assert halves[0, 0] > 4 * halves[1, 0]
    assert halves[1, 1] > 4 * halves[0, 1]
    assert np.allclose(np.square(out).sum(axis=0)[500:-500], 2 * np.square(wave)[500:-500], rtol=0.2)


def test_every_channel_keeps_its_share_also_beside_silence() -> None:
    count = 16000
    wave = np.random.default_rng(0).standard_normal(count).astype(np.float32)
    shares = np.array([0.2, 0.2, 1.0, 0.0, 0.1, 0.1], np.float32)[:, None]
    paused = wave * (np.arange(count) % 8000 < 4000)
    out = as_played(wave, 16000, Sound(shares * paused, 16000)).samples
    assert np.allclose(out, shares * out[2], atol=1e-6)
    assert np.abs(out[2]).max() > 1


def test_channels_that_cancel_are_heard_all_the_same() -> None:
    wave = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    against = np.stack([wave, -0.9 * wave])
    assert np.array_equal(heard(Sound(against, 16000), 16000), wave)
    # Of what only stands apart, the mean is heard.
    apart = np.random.default_rng(1).standard_normal((6, 1000)).astype(np.float32)
    for several in (apart, np.stack([0 * wave, wave])):
        assert np.allclose(heard(Sound(several, 16000), 16000), several.mean(axis=0))
