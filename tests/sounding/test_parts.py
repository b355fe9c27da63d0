"""The sound taken apart: what differs in its spectrum comes out by itself."""

import numpy as np

from avfusion.sounding.parts import take_apart


def test_two_spectra_in_turn_are_told_apart() -> None:
    random = np.random.default_rng(1)
    courses = np.repeat(random.random((2, 40)) > 0.6, 5, axis=1) * random.uniform(0.5, 1, (2, 200))
    spectra = np.zeros((2, 32))
    spectra[0, 3:9], spectra[1, 15:25] = random.uniform(0.5, 1, 6), random.uniform(0.5, 1, 10)
    power = ((courses.T @ spectra) ** 2).T.astype(np.float32)
    split = [part.course for part in take_apart(power, 2) if part.is_split]
    likeness = np.abs(np.corrcoef(np.vstack([courses, split]))[:2, 2:])
    assert likeness.max(axis=1).min() > 0.98
    assert likeness.min() < 0.5


def test_the_parts_add_up_to_the_whole_in_power_where_they_do_not_overlap() -> None:
    power = np.zeros((32, 60), np.float32)
    power[4, :30], power[20, 30:] = 1.0, 0.25
    whole, _, *split = take_apart(power, 2)
    np.testing.assert_allclose(whole.course, [1.0] * 30 + [0.5] * 30, rtol=1e-6)
    np.testing.assert_allclose(np.sum([part.course**2 for part in split], axis=0), power.sum(axis=0), rtol=0.02)


def test_onsets_are_where_it_grows() -> None:
    power = np.zeros((32, 50), np.float32)
    power[:, 20:30] = 1.0
    assert take_apart(power, 1)[1].course.argmax() == 20
    assert take_apart(power, 1)[1].course[21:].max() == 0


def test_the_same_sound_gives_the_same_parts() -> None:
    power = np.random.default_rng(0).random((32, 50)).astype(np.float32)
    for one, other in zip(take_apart(power, 3), take_apart(power, 3), strict=True):
        np.testing.assert_array_equal(one.course, other.course)


def test_silence_has_parts_of_nothing() -> None:
    for part in take_apart(np.zeros((32, 50), np.float32), 3):
        assert np.isfinite(part.course).all()
        assert part.course.max() < 1e-6
