"""Flicker is about unsteadiness: standing still and moving are both steady."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from avfusion.clip import Mask
from avfusion.metrics.flicker import METER_EVERY, FlickerMeter, flicker


@pytest.fixture
def luma() -> NDArray[np.uint8]:
    noise = np.random.default_rng(3).integers(0, 256, (160, 220)).astype(np.float32)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3), None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)


@pytest.fixture
def mask() -> Mask:
    y, x = np.indices((160, 220))
    return (x - 100) ** 2 + (y - 80) ** 2 < 40**2


def test_the_same_alpha_twice_does_not_flicker(luma: NDArray[np.uint8], mask: Mask) -> None:
    assert flicker(mask, mask, luma, luma) == 0.0
    assert flicker(mask.astype(np.uint8) * 255, mask.astype(np.uint8) * 255, luma, luma) == 0.0


def test_an_alpha_that_moves_with_the_picture_flickers_far_less_than_one_that_stays(
    luma: NDArray[np.uint8], mask: Mask
) -> None:
    moved_luma, moved = np.roll(luma, 4, axis=1), np.roll(mask, 4, axis=1)
    assert flicker(mask, moved, luma, moved_luma) < 0.2 * flicker(mask, mask, luma, moved_luma)


def test_more_change_of_the_edge_is_more_flicker(luma: NDArray[np.uint8], mask: Mask) -> None:
    grown = [cv2.dilate(mask.astype(np.uint8), np.ones((size, size), np.uint8)) > 0 for size in (1, 3, 5, 9)]
    found = [flicker(mask, each, luma, luma) for each in grown]
    assert found[0] == 0.0
    assert found == sorted(found)
    assert found[-1] > found[1] > 0.01


def test_all_three_forms_of_alpha_agree(luma: NDArray[np.uint8], mask: Mask) -> None:
    later = np.roll(mask, 2, axis=0)
    as_bytes = flicker(mask.astype(np.uint8) * 255, later.astype(np.uint8) * 255, luma, luma)
    as_floats = flicker(mask.astype(np.float32), later.astype(np.float32), luma, luma)
    assert flicker(mask, later, luma, luma) == as_bytes == as_floats


def test_without_any_boundary_there_is_no_flicker(luma: NDArray[np.uint8]) -> None:
    full = np.ones((160, 220), bool)
    assert flicker(full, full, luma, luma) == 0.0


def test_the_meter_tells_a_steady_clip_from_a_wavering_one(luma: NDArray[np.uint8], mask: Mask) -> None:
    """It sees a sample of the pairs, and gives what `flicker` gives for them."""
    steady, wavering = FlickerMeter(), FlickerMeter()
    grown = np.asarray(cv2.dilate(mask.view(np.uint8), np.ones((3, 3), np.uint8)), np.uint8) * 255
    alphas = [mask.view(np.uint8) * np.uint8(255), grown]
    assert steady.score is None
    for index in range(3 * METER_EVERY):
        steady.observe(alphas[0], luma)
        wavering.observe(alphas[index % 2], luma)
    assert steady.score == 0
    assert wavering.score == pytest.approx(flicker(alphas[0], alphas[1], luma, luma))


def test_the_meter_works_on_small_pictures() -> None:
    meter = FlickerMeter()
    noise = np.random.default_rng(5).integers(0, 256, (1080, 1920), np.uint8)
    square = np.zeros((1080, 1920), np.uint8)
    square[300:700, 600:1200] = 255
    meter.observe(square, noise)
    meter.observe(square, noise)
    assert meter.score == pytest.approx(0, abs=1e-3)
