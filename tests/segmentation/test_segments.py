"""What words mean among names, and what a box takes."""

import numpy as np
import pytest

from avfusion.clip import Box, Point
from avfusion.segmentation.asked import Asked
from avfusion.segmentation.segments import Segments, called, pick, pieces

NAMES = ["person", "dining table-merged", "wall-brick", "wall-stone", "car, auto", "bus", "person", "glass", "bench"]


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        ("person", [0, 6]),
        ("People", [0, 6]),
        ("the persons", [0, 6]),
        ("table", [1]),
        ("dining table", [1]),
        ("wall", [2, 3]),
        ("stone wall", [3]),
        ("autos", [4]),
        ("bus", [5]),
        ("glasses, cars and a person", [0, 4, 6]),
        ("benches", [8]),
    ],
)
def test_words_name_every_label_that_they_fit(words: str, numbers: list[int]) -> None:
    vocabulary = [*NAMES, "glasses"]
    assert called(NAMES, vocabulary, words, "some") == numbers


def test_a_box_takes_segments_that_lie_in_it_by_more_than_half() -> None:
    number = np.repeat(np.array([[0, 0, 1, 1, -1, 2]], np.int32), 4, axis=0)
    segments = Segments(number, ("a", "b", "c"), (0.5, 1.0, 0.2))
    mask, confidence = pick(segments, Asked(box=Box(1, 0, 4, 4)))
    np.testing.assert_array_equal(mask, number == 1)
    assert confidence == 1.0
    mask, confidence = pick(segments, Asked(box=Box(0, 0, 4, 4), clicks=(Point(0, 0, keep=False), Point(5, 1))))
    np.testing.assert_array_equal(mask, number >= 1)
    assert confidence == pytest.approx((1.0 * 8 + 0.2 * 4) / 12)
    mask, confidence = pick(segments, Asked(clicks=(Point(4, 0),)))
    assert not mask.any()
    assert confidence == 0


def test_pieces_hang_together() -> None:
    mask = np.array([[1, 0, 1], [0, 1, 0], [0, 0, 0], [1, 1, 0]], bool)
    parts = pieces(mask)
    assert parts.max() == 1
    np.testing.assert_array_equal(parts >= 0, mask)
    assert parts[0, 0] == parts[1, 1] == parts[0, 2] != parts[3, 0]
