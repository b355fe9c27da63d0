"""Colour match and the cut-out on nothing."""

from fractions import Fraction

import numpy as np
import pytest

from avfusion.clip import Frame
from avfusion.compositing.cutout import cut_out
from avfusion.compositing.match import ColourMatch
from avfusion.matting import Matte
from avfusion.media.pictures import RgbaPicture


def planes(luma, cb, cr, spread, seed):
    random = np.random.default_rng(seed)

    def plane(shape, mean):
        return np.clip(random.normal(mean, spread, shape), 0, 255).astype(np.uint8)

    return plane((64, 64), luma), plane((32, 32), cb), plane((32, 32), cr)


@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_the_object_moves_towards_the_scene_by_the_strength(strength):
    own, scene = planes(80, 120, 140, 3, 1), planes(160, 140, 118, 3, 2)
    match = ColourMatch(strength, matrix=1, full_range=False)
    match.observe(own, np.ones((64, 64), bool), scene)
    for before, after, wanted in zip(own, match.planes(own), scene, strict=True):
        moved = (after.mean() - before.mean()) / (wanted.mean() - before.mean())
        assert moved == pytest.approx(strength, abs=0.06)


def test_planes_and_pixels_change_alike():
    own, scene = planes(100, 128, 128, 6, 3), planes(150, 128, 128, 6, 4)
    match = ColourMatch(1.0, matrix=1, full_range=True)
    match.observe(own, np.ones((64, 64), bool), scene)
    grey = np.full((4, 4, 3), 100, np.uint8)
    table = np.full((4, 4), 100, np.uint8), np.full((2, 2), 128, np.uint8), np.full((2, 2), 128, np.uint8)
    assert np.abs(match.rgb(grey).astype(int) - match.planes(table)[0][..., None]).max() <= 2


def test_a_step_of_the_scene_does_not_pump():
    own = planes(100, 128, 128, 6, 5)
    match = ColourMatch(1.0, matrix=1, full_range=True)
    match.observe(own, np.ones((64, 64), bool), planes(100, 128, 128, 6, 6))
    first = match.planes(own)[0].mean()
    match.observe(own, np.ones((64, 64), bool), planes(220, 128, 128, 6, 7))
    assert abs(match.planes(own)[0].mean() - first) < 10


def test_an_empty_mask_changes_nothing():
    own = planes(100, 128, 128, 6, 8)
    match = ColourMatch(1.0, matrix=1, full_range=True)
    match.observe(own, np.zeros((64, 64), bool), planes(200, 128, 128, 6, 9))
    assert match.planes(own) is own


def test_nothing_of_the_old_background_stays_in_a_cut_out():
    scene = np.zeros((80, 80, 4), np.uint8)
    scene[..., :3] = (10, 200, 30)
    scene[30:50, 30:50, :3] = (220, 40, 40)
    alpha = np.zeros((80, 80), np.uint8)
    alpha[30:50, 30:50] = 255
    made = cut_out(Frame(0, Fraction(0), RgbaPicture(scene)), Matte(alpha))
    assert np.array_equal(made[..., 3], alpha)
    assert np.all(made[35:45, 35:45, :3] == (220, 40, 40))
    near, far = made[29, 30:50, :3], made[:20, :20, :3]
    assert np.abs(near.astype(int) - (220, 40, 40)).max() <= 2
    assert far.max() == 0
