"""Sources: several at once are told apart, and each is heard when it sounds."""

import numpy as np

from avfusion.sounding.evidence import EvidenceSettings, places_of
from avfusion.sounding.parts import Part
from avfusion.sounding.sources import Belief, heard, sources_in
from tests.sounding.test_evidence import RATE_HZ, energy_of, rhythm

SETTINGS = EvidenceSettings()


def test_two_sources_at_once_have_each_their_place_and_loudness() -> None:
    random = np.random.default_rng(3)
    one, other, silent = rhythm(random), rhythm(random), rhythm(random)
    places = places_of(energy_of(one, silent, other, random=random), RATE_HZ, SETTINGS)
    parts = (Part(np.hypot(one, other)), Part(one, is_split=True), Part(other, is_split=True))
    found = sources_in(parts, places, SETTINGS, Belief(), 3)
    by_column = {place.evidence.peak[1] // 8: place for place in found}
    assert sorted(by_column) == [0, 2]
    assert np.corrcoef(by_column[0].loudness, one)[0, 1] > 0.99
    assert np.corrcoef(by_column[2].loudness, other)[0, 1] > 0.99
    assert len(sources_in(parts, places, SETTINGS, Belief(), 1)) == 1


def test_nothing_is_believed_without_evidence() -> None:
    random = np.random.default_rng(3)
    places = places_of(energy_of(rhythm(random), random=random), RATE_HZ, SETTINGS)
    assert sources_in((Part(rhythm(random)),), places, SETTINGS, Belief(), 3) == ()


def test_pauses_are_not_heard_and_what_never_pauses_always_is() -> None:
    pauses = np.r_[np.zeros(50), np.ones(50), np.full(50, 0.02), np.full(50, 0.5)].astype(np.float32)
    np.testing.assert_array_equal(heard(pauses) >= 0.5, np.repeat([False, True, False, True], 50))
    steady = np.random.default_rng(0).uniform(0.5, 1, 200).astype(np.float32)
    assert (heard(steady) >= 0.5).all()


def test_a_room_is_not_heard_behind_strokes() -> None:
    random = np.random.default_rng(0)
    room = 0.08 * random.uniform(0.8, 1.2, 200)
    room[60:80] += 1
    assert np.flatnonzero(heard(room.astype(np.float32)) >= 0.5).tolist() == list(range(60, 80))


def test_more_windows_ask_for_more() -> None:
    once, often = Belief().among(1), Belief().among(10)
    assert once == Belief()
    assert often.weight > once.weight
    assert often.surprise > once.surprise
