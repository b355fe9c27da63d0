"""The robot user clicks inside what is wrong, in the middle of the largest part of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from avfusion.clip import Mask
from avfusion.errors import MaskSizeMismatch
from avfusion.metrics.robot import next_click

SMALL = arrays(np.bool_, (9, 12))


@given(prediction=SMALL, truth=SMALL)
def test_a_click_lies_on_a_wrong_pixel_and_says_what_is_true_there(prediction: Mask, truth: Mask) -> None:
    click = next_click(prediction, truth)
    if click is None:
        assert np.array_equal(prediction, truth)
        return
    x, y, keep = click
    assert truth[int(y), int(x)] == keep
    assert prediction[int(y), int(x)] != keep


@given(mask=SMALL)
def test_equal_masks_need_no_click(mask: Mask) -> None:
    assert next_click(mask, mask.copy()) is None


@given(prediction=SMALL, truth=SMALL, data=st.data())
def test_the_click_is_as_deep_as_any_pixel_of_its_region(prediction: Mask, truth: Mask, data: st.DataObject) -> None:
    """Nearest pixel that is not wrong in the same way, measured pixel by pixel."""
    click = next_click(prediction, truth)
    if click is None:
        return
    x, y, keep = click
    wrong = np.pad((truth & ~prediction) if keep else (prediction & ~truth), 1)
    region, grown = np.zeros_like(wrong), np.zeros_like(wrong)
    grown[int(y) + 1, int(x) + 1] = True
    while not np.array_equal(region, grown):
        region = grown.copy()
        for axis in (0, 1):
            for step in (-1, 1):
                grown |= np.roll(region, step, axis) & wrong
    outside = np.argwhere(~region)

    def depth(pixel: np.ndarray) -> float:
        return float(np.hypot(*(outside - pixel).T).min())

    other = data.draw(st.sampled_from(np.argwhere(region).tolist()))
    assert depth(np.array([int(y) + 1, int(x) + 1])) >= depth(np.array(other)) - 1e-4


def test_the_first_click_is_the_middle_of_the_object() -> None:
    truth = np.zeros((40, 60), bool)
    truth[10:21, 20:51] = True
    x, y, keep = next_click(np.zeros_like(truth), truth) or (0, 0, False)
    assert keep
    assert y == 15
    assert 25 <= x <= 45


def test_the_largest_mistake_comes_first_whatever_its_kind() -> None:
    truth = np.zeros((40, 60), bool)
    truth[5:15, 5:15] = True
    prediction = np.zeros_like(truth)
    prediction[5:15, 5:13] = True
    prediction[25:35, 40:50] = True
    assert next_click(prediction, truth) == (44.0, 29.0, False)
    prediction[25:35, 40:50] = False
    x, _, keep = next_click(prediction, truth) or (0, 0, False)
    assert keep
    assert x in (13, 14)


def test_at_the_rim_of_the_picture_the_rim_is_an_outline() -> None:
    truth = np.zeros((21, 40), bool)
    truth[:, :11] = True
    x, _, _ = next_click(np.zeros_like(truth), truth) or (0, 0, False)
    assert x == 5


def test_masks_of_two_sizes_are_refused() -> None:
    with pytest.raises(MaskSizeMismatch, match="3x2"):
        next_click(np.zeros((2, 3), bool), np.zeros((2, 4), bool))
