"""The frame to click next."""

import numpy as np

from avfusion.pipelines.timeline import drifted, worst

SURE = np.ones(40, np.float32)


def doubting(*frames, by=0.6):
    values = SURE.copy()
    values[list(frames)] -= by
    return values


def test_a_sure_track_needs_no_click():
    assert worst({1: SURE}, {1: (0,)}, (0, 40)) is None


def test_the_middle_of_a_doubtful_stretch():
    found = worst({1: doubting(*range(20, 27))}, {1: (0,)}, (0, 40))
    assert (found.frame, found.object) == (23, 1)
    assert abs(found.confidence - 0.4) < 1e-6


def test_a_stretch_counts_more_than_a_blink():
    assert worst({1: doubting(8, by=0.9) - (SURE - doubting(*range(20, 27)))}, {1: (0,)}, (0, 40)).frame == 23


def test_what_the_user_has_just_said_is_not_asked_again():
    assert worst({1: doubting(0, 1, 2, 3)}, {1: (0,)}, (0, 40)).frame == 4
    assert worst({1: doubting(20)}, {1: tuple(range(0, 40, 4))}, (0, 40)) is None


def test_the_object_that_is_in_most_doubt():
    found = worst({1: doubting(*range(10, 17), by=0.3), 2: doubting(*range(28, 35))}, {1: (0,), 2: (0,)}, (0, 40))
    assert (found.frame, found.object) == (31, 2)


def test_only_within_the_span():
    assert worst({1: doubting(*range(20, 27))}, {1: (0,)}, (0, 15)) is None
    assert worst({1: doubting(*range(20, 27))}, {1: (0,)}, (24, 40)).frame == 24


def test_trust_is_lost_on_the_way_and_not_all_of_it():
    ways = [drifted(0.8, away) for away in (0, 10, 100, 1000, 100_000)]
    assert ways[0] == 0.8
    assert ways == sorted(ways, reverse=True)
    assert ways[-1] >= 0.4
    assert drifted(0.0, 5) == 0
