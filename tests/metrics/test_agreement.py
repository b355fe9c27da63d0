"""Overlap of masks and of whole pictures cut into segments, against plain counting; who agrees where."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from avfusion.metrics.agreement import best_match_iou, matrix, objects_iou, packed_iou, share

SHAPE = (7, 9)
MASKS = arrays(bool, SHAPE)
LABELS = arrays(np.uint8, SHAPE, elements=st.integers(0, 4))


def packed(mask: np.ndarray) -> np.ndarray:
    return np.packbits(mask)


@given(MASKS, MASKS)
def test_packed_masks_have_the_iou_of_the_masks(first: np.ndarray, second: np.ndarray) -> None:
    union = (first | second).sum()
    wanted = (first & second).sum() / union if union else 1.0
    assert packed_iou(packed(first), packed(second)) == pytest.approx(wanted)
    assert packed_iou(packed(second), packed(first)) == packed_iou(packed(first), packed(second))


@given(MASKS)
def test_a_mask_is_like_itself_and_unlike_what_it_leaves_out(mask: np.ndarray) -> None:
    assert packed_iou(packed(mask), packed(mask)) == 1
    assert packed_iou(packed(mask), packed(~mask)) == 0


def test_objects_count_one_by_one_and_a_missing_one_counts_as_nothing() -> None:
    left, right = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    left[:, :4], right[:, 5:] = True, True
    both = {1: packed(left), 2: packed(right)}
    swapped = {1: packed(right), 2: packed(left)}
    assert objects_iou(both, both) == 1
    assert objects_iou(both, swapped) == 0  # though all of them together cover the same pixels
    assert objects_iou(both, {1: packed(left)}) == 0.5
    assert objects_iou({}, {}) == 1


@given(LABELS, LABELS)
def test_segments_are_matched_as_by_plain_counting_whatever_their_numbers(
    first: np.ndarray, second: np.ndarray
) -> None:
    def one_way(ours: np.ndarray, theirs: np.ndarray) -> float:
        numbers = [number for number in np.unique(ours) if number]
        others = [number for number in np.unique(theirs) if number]
        best = [
            max(((ours == one) & (theirs == two)).sum() / ((ours == one) | (theirs == two)).sum() for two in others)
            for one in numbers
        ]
        return float(np.average(best, weights=[(ours == one).sum() for one in numbers]))

    found = best_match_iou(first, second)
    if first.any() and second.any():
        assert found == pytest.approx((one_way(first, second) + one_way(second, first)) / 2)
    else:
        assert found == float(not first.any() and not second.any())
    assert found == pytest.approx(best_match_iou(second, first))
    assert best_match_iou(first, first) == pytest.approx(1)
    renumbered = np.array([0, 3, 1, 4, 2], np.uint8)[first]
    assert best_match_iou(renumbered, second) == pytest.approx(found)


@given(st.lists(MASKS, min_size=1, max_size=5))
def test_the_share_is_how_many_say_object(masks: list[np.ndarray]) -> None:
    found = share(masks, SHAPE)
    assert found.dtype == np.float32
    assert np.allclose(found, np.mean(masks, axis=0))
    alike = share([masks[0]] * 3, SHAPE)
    assert np.array_equal(alike, masks[0].astype(np.float32))


def test_nobody_says_object_where_nobody_answers() -> None:
    assert not share([], SHAPE).any()


def test_the_matrix_is_symmetric_with_ones_on_its_diagonal() -> None:
    found = matrix({(0, 1): 0.25, (0, 2): 0.5, (1, 2): 0.75}, 3)
    assert np.array_equal(found, found.T)
    assert np.array_equal(np.diag(found), np.ones(3))
    assert found[1, 2] == 0.75
