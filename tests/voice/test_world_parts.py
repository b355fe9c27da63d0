"""The parts of world-knn, each beside its law: pitch, units, the search, the filter."""

import numpy as np
import pytest

from avfusion.voice.cepstrum import log_amplitude, mel_cepstra
from avfusion.voice.world_analysis import sample_of, track_pitch
from avfusion.voice.world_match import nearest_units, real_frames
from avfusion.voice.world_pitch import PitchRange, as_the_target, moved, range_of, track, without_octave_jumps
from avfusion.voice.world_speech import ALPHA, ORDER, band_of, listen
from avfusion.voice.world_synthesis import below_full_scale, difference, filtered, share_of_speech
from avfusion.voice.world_units import MOST_UNITS, units_of
from tests.voice.talking import LOW, talk

RATE = 16_000


def test_pitch_is_that_of_the_pulses() -> None:
    for hz in (70.0, 120.0, 260.0, 400.0):
        turns = 2 * np.pi * hz * np.arange(RATE) / RATE
        pulses = sum(np.cos(harmonic * turns) / harmonic for harmonic in range(1, 12))
        found = track(0.1 * pulses, RATE)
        assert (found[10:190] > 0).all()
        assert np.median(found[10:190]) == pytest.approx(hz, rel=0.01)


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050, 44_100, 48_000])
def test_pitch_has_as_many_frames_as_world_finds(rate_hz: int) -> None:
    for count in (rate_hz // 2, rate_hz // 2 + 7, rate_hz + rate_hz // 200, rate_hz + 79):
        noise = 0.1 * np.random.default_rng(0).standard_normal(count)
        assert len(track(noise, rate_hz)) == len(track_pitch(noise, rate_hz))


def test_octave_jumps_are_folded_back_and_melody_stays() -> None:
    melody = 150 * 2 ** (0.4 * np.sin(np.arange(400) / 30))
    melody[100:120] = 0
    jumping = melody.copy()
    jumping[200:215] *= 2
    jumping[300:308] /= 2
    assert np.allclose(without_octave_jumps(jumping), melody)
    assert np.allclose(without_octave_jumps(melody), melody)


def test_melody_moves_to_the_target_s_middle_and_spread() -> None:
    melody = 110 * np.exp(0.1 * np.sin(np.arange(2000) / 30))
    melody[:50] = 0
    source = range_of(melody)
    assert source is not None
    there = as_the_target(melody, source, PitchRange(np.log(200), 0.1, 2000))
    moved = range_of(there)
    assert moved is not None
    assert np.exp(moved.middle) == pytest.approx(200, rel=0.01)
    assert moved.spread == pytest.approx(0.1, rel=0.05)
    assert (there[:50] == 0).all()
    # A target that squeals in its few seconds does not make a caricature.
    assert range_of(as_the_target(melody, source, PitchRange(np.log(200), 0.9, 2000))).spread < 0.15  # type: ignore[union-attr]
    assert range_of(np.zeros(10)) is None


def test_semitones_stay_within_what_a_voice_says() -> None:
    assert np.allclose(moved(np.array([0.0, 100.0]), 12), [0, 200])
    assert moved(np.array([0.0, 100.0]), 96).max() <= 1_500
    assert moved(np.array([0.0, 100.0]), -96)[1] >= 30
    assert moved(np.array([0.0, 100.0]), -96)[0] == 0


def test_nearest_units_are_the_nearest() -> None:
    dice = np.random.default_rng(0)
    wanted, units = dice.normal(size=(700, 8)).astype(np.float32), dice.normal(size=(300, 8)).astype(np.float32)
    nearest, weights = nearest_units(wanted, units, 5)
    apart = np.linalg.norm(wanted[:, None] - units, axis=2)
    assert np.array_equal(np.sort(nearest, axis=1), np.sort(np.argsort(apart, axis=1)[:, :5], axis=1))
    inverse = 1 / np.take_along_axis(apart, nearest, axis=1) ** 2
    assert np.allclose(weights, inverse / inverse.sum(axis=1, keepdims=True), rtol=1e-3)
    assert nearest_units(wanted, units[:3], 5)[0].shape == (700, 3)


def test_a_course_that_the_target_once_took_is_taken_again_frame_by_frame() -> None:
    units = units_of([listen(talk(LOW, 8), RATE, RATE)])
    ends = np.flatnonzero(~units.follows)
    longest = int(np.diff(ends).argmax())
    stretch = np.arange(ends[longest] + 1, ends[longest + 1] + 1)
    assert len(stretch) > 40
    everything = np.tile(np.arange(len(units.cepstra)), (len(stretch), 1))
    path = real_frames(units.cepstra[stretch], everything, units.voiced[stretch], units)
    assert np.array_equal(path, stretch)


def test_long_targets_are_thinned_out_in_stretches() -> None:
    once = listen(talk(LOW, 8), RATE, RATE)
    many = units_of([once] * 40)
    assert 0.8 * MOST_UNITS < len(many.cepstra) <= MOST_UNITS
    assert many.features.shape[0] == len(many.voiced) == len(many.follows) == len(many.cepstra)
    # What follows is still the next moment: the envelope does not jump.
    steps = np.abs(np.diff(many.cepstra[:, 1:25], axis=0)).sum(axis=1)
    assert np.median(steps[many.follows[:-1]]) < 0.5 * np.median(steps[~many.follows[:-1]])


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 48_000])
def test_the_difference_makes_the_wanted_envelope_at_the_same_power(rate_hz: int) -> None:
    dice = np.random.default_rng(0)
    wanted = np.concatenate([np.zeros((6, 1)), dice.normal(0, 0.1, (6, ORDER))], axis=1)
    power, band_hz = np.exp(dice.normal(0, 0.3, (6, 513))), band_of(rate_hz)
    changed = power * np.exp(2 * difference(power, wanted, rate_hz, band_hz))
    inside = np.linspace(0, rate_hz / 2, 513) <= band_hz / 2
    assert np.allclose(changed[:, inside].sum(axis=1), power[:, inside].sum(axis=1))
    fine_hz, bins_hz = np.linspace(0, band_hz / 2, 8_193), np.linspace(0, rate_hz / 2, 513)[inside]
    shape = [2 * np.interp(bins_hz, fine_hz, row) for row in log_amplitude(wanted, 8_193, ALPHA[band_hz])]
    beside = np.log(changed[:, inside]) - shape
    assert np.abs(beside - beside.mean(axis=1, keepdims=True)).max() < 1e-3


def test_formants_move_by_the_semitones_asked_for() -> None:
    peak_hz, angle = 1_500, np.linspace(0, np.pi, 513)
    hill = np.exp(-0.5 * ((angle * RATE / 2 / np.pi - peak_hz) / 300) ** 2)
    wanted = mel_cepstra(np.exp(4 * hill)[None], ORDER, ALPHA[RATE])
    flat = np.ones((1, 513))
    for semitones in (-4, 0, 5):
        place = difference(flat, wanted, RATE, RATE, formant_semitones=semitones)[0].argmax() * RATE / 2 / 512
        assert place == pytest.approx(peak_hz * 2 ** (semitones / 12), rel=0.03)


@pytest.mark.parametrize("rate_hz", [8_000, 22_050, 48_000])
def test_the_filter_multiplies_and_delays_nothing(rate_hz: int) -> None:
    dice = np.random.default_rng(0)
    channels = dice.normal(0, 0.1, (2, 7_777))
    frames = 7_777 * 200 // rate_hz + 1
    whole = slice(0, 7_777)
    assert np.allclose(filtered(channels, rate_hz, np.zeros((frames, 257)), whole), channels, atol=1e-9)
    assert np.allclose(filtered(channels, rate_hz, np.full((frames, 257), np.log(0.5)), whole), channels / 2, atol=1e-9)
    click = np.zeros((1, 4_000))
    click[0, 2_000] = 1
    tilt = np.tile(np.linspace(0.5, -0.5, 257), (frames, 1))
    answer = filtered(click, rate_hz, tilt, slice(0, 4_000))[0]
    assert np.abs(answer).argmax() == 2_000
    assert np.allclose(answer[2_000 - 50 : 2_000], answer[2_050:2_000:-1], atol=1e-3)


@pytest.mark.parametrize("rate_hz", [11_025, 16_000, 44_100])
def test_a_part_is_filtered_as_it_is_in_the_whole(rate_hz: int) -> None:
    dice = np.random.default_rng(0)
    channels = dice.normal(0, 0.1, (1, 3 * rate_hz))
    change = dice.normal(0, 0.3, (601, 257))
    whole = filtered(channels, rate_hz, change, slice(0, 3 * rate_hz))
    for start, stop in ((0, 80), (80, 296), (296, 304), (304, 601)):
        first, last = max(0, start - 6), min(601, stop + 6)
        part = slice(sample_of(start, rate_hz), min(sample_of(stop, rate_hz), 3 * rate_hz))
        assert np.allclose(filtered(channels, rate_hz, change[first:last], part, first), whole[:, part], atol=1e-12)


def test_pauses_have_no_share_and_noise_without_pauses_is_all_speech() -> None:
    speech = listen(talk(LOW, 4), RATE, RATE)
    share = share_of_speech(speech)
    word = round(0.53 * 200)
    assert (share[word - 20 : word - 6] == 0).all()
    assert (share[speech.f0_hz > 0] > 0.3).all()
    steady = listen(0.1 * np.random.default_rng(0).standard_normal(RATE), RATE, RATE)
    assert (share_of_speech(steady) > 0.99).all()


def test_peaks_are_turned_down_smoothly_and_the_rest_is_left_alone() -> None:
    sound = np.stack([0.5 * np.sin(np.arange(RATE) / 7), 0.1 * np.sin(np.arange(RATE) / 7)])
    assert below_full_scale(sound, RATE) is sound
    loud = sound.copy()
    loud[:, 8_000:8_200] *= 5
    turned = below_full_scale(loud, RATE)
    assert np.abs(turned).max() <= 0.98 + 1e-9
    assert np.array_equal(turned[:, :7_800], sound[:, :7_800])
    inside = np.abs(loud[0]) > 0.05
    assert np.allclose(turned[0][inside] / loud[0][inside], turned[1][inside] / loud[1][inside])
    assert np.abs(np.diff(turned[0][inside] / loud[0][inside])).max() < 0.05
