"""What a diffusion network is shown: on its grid, in proportion, all of the hole hidden; and the way back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avfusion.inpainting.diffusion_fit import Fit, fit_around, fit_whole, on_cells

SIDES = st.integers(1, 300)


def a_hole(height: int, width: int, seed: int) -> np.ndarray:
    dice = np.random.default_rng(seed)
    (top, bottom), (left, right) = (sorted(dice.integers(0, length, 2)) for length in (height, width))
    hole = np.zeros((height, width), bool)
    hole[top : bottom + 1, left : right + 1] = True
    return hole


def check(fit: Fit, hole: np.ndarray) -> None:
    height, width = fit.bottom - fit.top, fit.right - fit.left
    assert all(length % fit.grid_px == 0 for length in fit.network_size)
    assert fit.shown(np.zeros((*hole.shape, 3), np.uint8)).shape[:2] == fit.network_size
    scale = max(fit.height_px, fit.width_px) / max(height, width)
    assert abs(fit.height_px - height * scale) <= 1
    assert abs(fit.width_px - width * scale) <= 1
    assert hole[fit.top : fit.bottom, fit.left : fit.right].sum() == hole.sum()


@given(SIDES, SIDES, st.integers(0, 99))
def test_around_a_hole(height: int, width: int, seed: int) -> None:
    hole = a_hole(height, width, seed)
    fit = fit_around(hole, side_px=64, grid_px=8)
    check(fit, hole)
    assert max(fit.height_px, fit.width_px) == 64


@given(SIDES, SIDES, st.integers(0, 99))
def test_a_whole_picture(height: int, width: int, seed: int) -> None:
    hole = a_hole(height, width, seed)
    fit = fit_whole(height, width, area_px=96 * 64, grid_px=16)
    check(fit, hole)
    rows, columns = fit.network_size
    assert rows * columns <= 96 * 64 or min(fit.height_px, fit.width_px) <= 16
    assert (fit.height_px, fit.width_px) <= (height, width)


@given(SIDES, SIDES, st.integers(0, 99))
def test_nothing_of_the_hole_is_shown_and_all_of_it_comes_back(height: int, width: int, seed: int) -> None:
    """A picture that is white in the hole: black where it is hidden, nothing white is left; then made grey again."""
    hole = a_hole(height, width, seed)
    fit = fit_around(hole, side_px=64, grid_px=8)
    hidden = on_cells(fit.hidden(hole), 8)
    assert (hidden >= fit.hidden(hole)).all()
    # What is left are a cubic's rings.
    shown = fit.shown(np.where(hole[..., None], 255, 0).astype(np.uint8).repeat(3, axis=2))
    assert shown[~hidden].max(initial=0) <= 30
    picture = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    grey = np.full((*fit.network_size, 3), 128 / 255, np.float32)
    out = fit.pasted(picture, hole, grey, hidden, 0)
    assert (out[hole] == 128).all()
    assert np.array_equal(out[~hole], picture[~hole])


def test_at_its_own_size_a_picture_is_shown_as_it_is() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (64, 48, 3), np.uint8)
    hole = np.zeros((64, 48), bool)
    hole[:, 3:40] = True
    fit = fit_around(hole, side_px=64, grid_px=8)
    assert np.array_equal(fit.shown(picture), picture)
    assert np.array_equal(fit.hidden(hole), hole)


def test_a_small_hole_is_seen_among_enough_of_its_surroundings() -> None:
    hole = np.zeros((1080, 1920), bool)
    hole[500:520, 900:930] = True
    fit = fit_around(hole, side_px=512, grid_px=8)
    assert (fit.bottom - fit.top, fit.right - fit.left) == (256, 256)
    assert fit.top < 500 - 32
    assert fit.right > 930 + 32


@pytest.mark.parametrize("feather_px", [0, 1, 6])
def test_what_was_made_fades_in_from_the_colours_around_the_hole(feather_px: float) -> None:
    picture = np.full((64, 64, 3), 50, np.uint8)
    hole = np.zeros((64, 64), bool)
    hole[10:50, 10:50] = True
    picture[hole] = 255
    fit = fit_whole(64, 64, area_px=64 * 64, grid_px=8)
    made = np.full((64, 64, 3), 150 / 255, np.float32)
    row = fit.pasted(picture, hole, made, on_cells(hole, 8), feather_px)[30, :, 0].astype(int)
    assert (row[:10] == 50).all()
    assert (row[50:] == 50).all()
    half = row[10:30]
    assert (np.diff(half) >= 0).all()
    assert np.array_equal(half, row[30:50][::-1])
    assert half[0] == round(50 + 100 / (feather_px + 1))
    assert (half[int(feather_px) :] == 150).all(), "and never white, which is what had to go"


def test_a_picture_that_already_goes_with_its_surroundings_is_left_as_it_was_made() -> None:
    spots = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    hole = np.zeros((64, 64), bool)
    hole[10:50, 10:50] = True
    picture = np.where(hole[..., None], 0, spots).astype(np.uint8)
    fit = fit_whole(64, 64, area_px=64 * 64, grid_px=8)
    assert np.array_equal(fit.pasted(picture, hole, spots.astype(np.float32) / 255, hole, 8), spots)


def test_a_hole_of_everything_has_no_border_to_fade_in_from() -> None:
    fit = fit_whole(16, 16, area_px=256, grid_px=8)
    hole = np.ones((16, 16), bool)
    out = fit.pasted(np.zeros((16, 16, 3), np.uint8), hole, np.ones((16, 16, 3), np.float32), hole, 8)
    assert (out == 255).all()
