"""A piece is worked on in stretches: what comes of it is what comes of the whole, and memory is that of a stretch."""

import tracemalloc

import numpy as np
import pytest

from avfusion.clip import Sound
from avfusion.metrics.voice import analyse, compare
from avfusion.voice import world_put_on
from avfusion.voice.world import one_channel
from avfusion.voice.world_pitch import track
from avfusion.voice.world_put_on import put_on, stretches
from avfusion.voice.world_speech import Speech, listen
from avfusion.voice.world_synthesis import voiced_share
from tests.voice.talking import LOW, mono, talk

RATE = 16_000


def heard(samples: np.ndarray, rate_hz: int) -> tuple[Sound, np.ndarray, Speech]:
    sound = mono(samples, rate_hz)
    one = one_channel(sound)
    return sound, one, listen(one, rate_hz, 16_000)


def other_voice(speech: Speech) -> np.ndarray:
    """Cepstra that differ from moment to moment."""
    cepstra = speech.cepstra.copy()
    cepstra[:, 1:9] *= 1 + 0.4 * np.sin(np.arange(len(cepstra)) / 9)[:, None]
    return cepstra


def test_stretches_follow_each_other_and_are_cut_where_nothing_is_voiced() -> None:
    dice = np.random.default_rng(0)
    f0 = np.repeat(dice.integers(0, 2, 400), dice.integers(1, 30, 400)) * 120.0
    found = list(stretches(f0))
    assert [start for start, _ in found] == [0, *(stop for _, stop in found[:-1])]
    assert found[-1][1] == len(f0)
    for _, cut in found[:-1]:
        assert f0[cut - 1] == f0[cut] == 0
    assert max(stop - start for start, stop in found) <= 400
    assert min(stop - start for start, stop in found[:-1]) >= 200


def test_a_voice_that_does_not_break_is_not_cut() -> None:
    sung = np.full(1_000, 200.0)
    assert list(stretches(sung)) == [(0, 1_000)]
    sung[730:733] = 0
    assert list(stretches(sung)) == [(0, 731), (731, 1_000)]
    assert list(stretches(np.zeros(900)))[-1][1] == 900
    assert list(stretches(np.zeros(3))) == [(0, 3)]


@pytest.mark.parametrize("rate_hz", [16_000, 22_050, 44_100])
def test_a_pitch_that_stays_gives_the_same_wherever_it_is_cut(rate_hz: int, monkeypatch: pytest.MonkeyPatch) -> None:
    sound, one, speech = heard(talk(LOW, 8, rate_hz), rate_hz)
    made = put_on(sound, one, speech, other_voice(speech), speech.f0_hz).samples
    assert len(list(stretches(speech.f0_hz))) > 2
    assert np.abs(made - sound.samples).max() > 0.05
    monkeypatch.setattr(world_put_on, "_LONGEST_FRAMES", 10_000)
    assert np.allclose(put_on(sound, one, speech, other_voice(speech), speech.f0_hz).samples, made, atol=1e-6)


@pytest.mark.parametrize("rate_hz", [16_000, 22_050, 44_100])
def test_what_is_said_again_in_stretches_is_the_same_voice(rate_hz: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its pulses fall elsewhere; when it is said, how loud and with which envelopes is the same."""
    sound, one, speech = heard(talk(LOW, 8, rate_hz), rate_hz)
    asked = sound, one, speech, other_voice(speech), 1.3 * speech.f0_hz
    cut = put_on(*asked).samples[0]
    monkeypatch.setattr(world_put_on, "_LONGEST_FRAMES", 10_000)
    whole = put_on(*asked).samples[0]
    assert compare(analyse(cut, rate_hz), analyse(whole, rate_hz)).distortion_db < 1
    said_hz, wanted_hz = track(cut.astype(float), rate_hz), 1.3 * speech.f0_hz
    both = (said_hz > 0) & (wanted_hz > 0)
    assert both.sum() > 0.98 * (wanted_hz > 0).sum()
    assert np.percentile(np.abs(np.log2(said_hz[both] / wanted_hz[both])), 95) < 0.03
    step = rate_hz // 10
    loud = [np.square(part[: len(part) // step * step]).reshape(-1, step).mean(axis=1) for part in (cut, whole)]
    heard_parts = loud[1] > 1e-5
    assert np.abs(10 * np.log10(loud[0] / loud[1]))[heard_parts].max() < 2
    unvoiced = voiced_share(speech, slice(0, len(cut))) == 0
    assert np.allclose(cut[unvoiced], whole[unvoiced], atol=1e-6)


def test_memory_is_that_of_a_stretch() -> None:
    """Four times as long needs less than half as much again, where spectra of all of it would need four times."""
    peaks = []
    for words in (8, 32):
        sound, one, speech = heard(talk(LOW, words), RATE)
        cepstra = other_voice(speech)
        tracemalloc.start()
        put_on(sound, one, speech, cepstra, 1.3 * speech.f0_hz)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]
