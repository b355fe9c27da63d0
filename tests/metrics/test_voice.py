"""Scores of voices beside computations of another kind, and their laws."""

import math

import numpy as np
import pytest
from scipy.signal import resample

from avfusion.metrics.voice import (
    CepstralRule,
    SpokenFrames,
    analyse,
    compare,
    distances,
    keeping,
    lag,
    warping_path,
)
from tests.voice.talking import HIGH, LOW, talk

RATE = 16_000


def cheapest_by_recursion(cost: np.ndarray) -> float:
    """What the best path costs, cell by cell as the textbook has it."""
    total = np.full(cost.shape, np.inf)
    for i in range(cost.shape[0]):
        for j in range(cost.shape[1]):
            before = [total[a, b] for a, b in ((i - 1, j), (i, j - 1), (i - 1, j - 1)) if a >= 0 and b >= 0]
            total[i, j] = cost[i, j] + min(before, default=0.0)
    return float(total[-1, -1])


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (9, 1), (12, 17), (23, 8)])
def test_the_path_is_the_cheapest(shape: tuple[int, int]) -> None:
    cost = np.random.default_rng(shape[0]).random(shape)
    rows, columns = warping_path(cost)
    assert (rows[0], columns[0]) == (0, 0)
    assert (rows[-1], columns[-1]) == (shape[0] - 1, shape[1] - 1)
    steps = np.stack([np.diff(rows), np.diff(columns)])
    assert ((steps >= 0) & (steps <= 1)).all()
    assert (steps.sum(axis=0) > 0).all()
    assert cost[rows, columns].sum() == pytest.approx(cheapest_by_recursion(cost))


def test_distances_are_euclidean() -> None:
    dice = np.random.default_rng(0)
    a, b = dice.normal(size=(5, 24)), dice.normal(size=(7, 24))
    by_hand = [[math.dist(x, y) for y in b] for x in a]
    assert np.allclose(distances(a, b), by_hand)


def frames(cepstra: np.ndarray, f0: float = 100.0, speech: np.ndarray | None = None) -> SpokenFrames:
    count = len(cepstra)
    return SpokenFrames(np.full(count, f0), cepstra, np.ones(count, bool) if speech is None else speech)


def test_a_known_distance_in_decibels() -> None:
    """Envelopes that differ by 1 dB in one cosine: c3 by ln(10) / 20, and the measure takes sqrt(2) of that."""
    ours = np.zeros((10, 24))
    theirs = ours.copy()
    theirs[:, 3] = math.log(10) / 20
    assert compare(frames(ours), frames(theirs)).distortion_db == pytest.approx(1 / math.sqrt(2))


def test_frames_that_are_too_quiet_do_not_count() -> None:
    dice = np.random.default_rng(0)
    theirs = dice.normal(size=(30, 24))
    ours = np.concatenate([theirs, dice.normal(size=(20, 24))])
    assert compare(frames(ours, speech=np.arange(50) < 30), frames(theirs)).distortion_db == pytest.approx(0, abs=1e-6)
    assert compare(frames(ours), frames(theirs)).distortion_db > 1
    spoken = talk(LOW, 2)
    loud = np.concatenate([spoken, 10 ** (-30 / 20) * spoken])
    kept = analyse(loud, RATE, CepstralRule(quiet_db=20)).speech
    assert kept[: len(kept) // 2 - 5].mean() > 0.3
    assert not kept[len(kept) // 2 + 5 :].any()


def test_a_voice_beside_itself() -> None:
    spoken = analyse(talk(LOW, 3), RATE)
    likeness = compare(spoken, spoken)
    assert likeness.distortion_db == pytest.approx(0, abs=1e-5)
    assert likeness.variance_ratio == pytest.approx(1)
    assert likeness.f0_rmse_hz == 0
    assert likeness.f0_correlation == pytest.approx(1)
    assert likeness.f0_ratio == pytest.approx(1)
    assert "c1..c24, alpha 0.41" in str(likeness.rule)
    assert "20 dB" in str(likeness.rule)


def test_loudness_and_tempo_do_not_count_and_the_speaker_does() -> None:
    same = analyse(talk(LOW, 3), RATE)
    louder = analyse(2 * talk(LOW, 3), RATE)
    other = analyse(talk(HIGH, 3), RATE)
    # Other samples of the same envelope are some way off; another throat is further.
    assert compare(louder, same).distortion_db < 0.1
    assert compare(other, same).distortion_db > 3
    assert compare(other, same).f0_ratio == pytest.approx(HIGH.pitch_hz / LOW.pitch_hz, rel=0.05)


def test_smoothing_shows_in_the_variance() -> None:
    theirs = np.random.default_rng(0).normal(size=(300, 24))
    assert compare(frames(0.5 * theirs), frames(theirs)).variance_ratio == pytest.approx(0.25)


@pytest.mark.parametrize("rate_hz", [16_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("delay_s", [-0.02, 0.0, 0.0013, 0.007, 0.1])
def test_what_is_delayed_has_that_lag(rate_hz: int, delay_s: float) -> None:
    spoken = talk(LOW, 4, rate_hz)
    moved = np.roll(spoken, round(delay_s * rate_hz))
    assert lag(spoken, moved, rate_hz) == pytest.approx(delay_s, abs=2e-4)


def test_another_voice_at_the_same_time_has_no_lag() -> None:
    assert abs(lag(talk(LOW, 6), talk(HIGH, 6), RATE)) < 1.5e-3


def test_what_runs_slow_drifts() -> None:
    spoken = talk(LOW, 20)
    slow = resample(spoken, round(1.005 * len(spoken)))[: len(spoken)]
    kept = keeping(spoken, slow, RATE)
    # Each moment is later by 0.005 of its time; the middles of the first and last third lie 2/3 apart.
    assert kept.drift_s == pytest.approx(0.005 * len(spoken) / RATE * 2 / 3, rel=0.1)
    assert keeping(spoken, spoken, RATE).drift_s == pytest.approx(0, abs=1e-9)


def test_duration_and_loudness() -> None:
    spoken = talk(LOW, 4)
    kept = keeping(spoken, 0.5 * np.pad(spoken, (0, 800)), RATE)
    assert kept.duration_error_s == pytest.approx(0.05)
    assert kept.loudness_error_db == pytest.approx(-20 * math.log10(2), abs=0.3)


def test_nothing_to_measure_by() -> None:
    kept = keeping(np.zeros(RATE), np.zeros(RATE), RATE)
    assert math.isnan(kept.lag_s)
    assert math.isnan(kept.loudness_error_db)
    assert math.isnan(lag(np.zeros(0), np.zeros(0), RATE))
