"""Made timbres: the course of a note, and that nobody could take one timbre for another."""

import numpy as np
import pytest
from numpy.typing import NDArray

from avfusion.datasets.timbres import TIMBRES, envelope, play

RATE_HZ = 16000
NONE = np.array([])


def note(timbre: str, seed: int, *, onset_s: float = 0.1, strength: float = 1.0) -> NDArray[np.float32]:
    random = np.random.default_rng(seed)
    onsets, strengths = np.array([onset_s]), np.array([strength])
    return play(timbre, onsets, strengths, samples=RATE_HZ, rate_hz=RATE_HZ, random=random)


def test_an_envelope_rises_in_10_ms_and_falls_to_a_third_in_120() -> None:
    course = envelope(np.array([0.5]), np.array([0.8]), samples=RATE_HZ, rate_hz=RATE_HZ)
    at = [round(time_s * RATE_HZ) for time_s in (0.499, 0.505, 0.51, 0.63)]
    assert course[at] == pytest.approx([0, 0.4, 0.8, 0.8 / np.e], abs=1e-3)
    assert course.max() == pytest.approx(0.8, abs=1e-3)


def test_the_stronger_of_two_notes_counts() -> None:
    both = envelope(np.array([0.1, 0.2]), np.array([1.0, 0.1]), samples=RATE_HZ, rate_hz=RATE_HZ)
    first = envelope(np.array([0.1]), np.array([1.0]), samples=RATE_HZ, rate_hz=RATE_HZ)
    second = envelope(np.array([0.2]), np.array([0.1]), samples=RATE_HZ, rate_hz=RATE_HZ)
    assert np.array_equal(both, np.maximum(first, second))


@pytest.mark.parametrize("timbre", TIMBRES)
def test_a_note_is_silent_before_its_onset_and_dies_away(timbre: str) -> None:
    wave = note(timbre, 1)
    assert not wave[: round(0.1 * RATE_HZ)].any()
    assert np.abs(wave[round(0.9 * RATE_HZ) :]).max() == 0  # after 0.75 s nothing is left of it
    assert wave[round(0.11 * RATE_HZ) : round(0.2 * RATE_HZ)].std() > 0.2


@pytest.mark.parametrize("timbre", TIMBRES)
def test_a_note_is_as_strong_as_wanted(timbre: str) -> None:
    assert np.allclose(note(timbre, 2, strength=0.25), 0.25 * note(timbre, 2), atol=1e-6)


def test_a_note_at_the_end_is_cut_off_and_one_after_it_is_left_out() -> None:
    late = note("bell", 3, onset_s=0.9)
    assert len(late) == RATE_HZ
    assert late[-1] != 0
    assert not note("bell", 3, onset_s=1.0).any()


def test_no_onsets_are_silence() -> None:
    random = np.random.default_rng(0)
    assert not play("saw", NONE, NONE, samples=100, rate_hz=RATE_HZ, random=random).any()
    assert not envelope(NONE, NONE, samples=100, rate_hz=RATE_HZ).any()


def fingerprint(wave: NDArray[np.float32]) -> NDArray[np.float64]:
    """What an ear tells timbres by: loudness by third of an octave, and how fast the whole of it ripples."""
    power = np.abs(np.fft.rfft(wave)) ** 2
    edges_hz = np.geomspace(60, RATE_HZ / 2, 22).astype(int)
    bands = np.add.reduceat(power[: RATE_HZ // 2], edges_hz[:-1])
    loud = np.abs(wave[1600:4800])
    ripple = np.add.reduceat(np.abs(np.fft.rfft(loud - loud.mean())) ** 2, [1, 4, 8, 16, 32, 64])
    return np.concatenate([np.log(bands / bands.sum() + 1e-4), np.log(ripple / ripple.sum() + 1e-3)])


def test_eight_timbres_are_told_apart_by_ear() -> None:
    """Each of new notes is most like a known note of its own timbre, at whatever pitch."""
    assert len(TIMBRES) >= 8
    known = [(timbre, fingerprint(note(timbre, seed))) for timbre in TIMBRES for seed in range(10)]
    for timbre in TIMBRES:
        for seed in range(100, 104):
            heard = fingerprint(note(timbre, seed))
            nearest = min(known, key=lambda one: float(np.sum((one[1] - heard) ** 2)))
            assert nearest[0] == timbre
