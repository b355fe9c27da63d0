"""Alpha and foreground colour against pictures whose truth is known, because the test painted them."""

from fractions import Fraction
from itertools import pairwise

import cv2
import numpy as np
import pytest

from avfusion.clip import Frame
from avfusion.matting import Matting, hard_matte
from avfusion.media.pictures import RgbaPicture

HEIGHT, WIDTH = 360, 480


def frame_of(rgb, index=0):
    opaque = np.full((*rgb.shape[:2], 1), 255, np.uint8)
    return Frame(index, Fraction(index, 25), RgbaPicture(np.concatenate([rgb, opaque], axis=2)))


def textured(colour, spread, seed):
    noise = np.random.default_rng(seed).normal(0, spread, (HEIGHT, WIDTH, 1)).astype(np.float32)
    return np.clip(np.asarray(colour, np.float32) + cv2.GaussianBlur(noise, (0, 0), 1.5)[..., None] * 3, 0, 255)


def soft_disc(sigma):
    disc = np.zeros((HEIGHT, WIDTH), np.float32)
    cv2.circle(disc, (WIDTH // 2, HEIGHT // 2), 110, 1.0, -1, cv2.LINE_AA)
    return cv2.GaussianBlur(disc, (0, 0), sigma)


def painted(alpha, front, back):
    return np.rint(alpha[..., None] * front + (1 - alpha[..., None]) * back).astype(np.uint8)


def error_in_band(alpha, truth):
    band = cv2.dilate(((truth > 0.01) & (truth < 0.99)).astype(np.uint8), np.ones((5, 5))) > 0
    return float(np.abs(alpha.astype(np.float32) / 255 - truth)[band].mean())


@pytest.fixture(params=[1.0, 2.0], ids=["slightly soft", "out of focus"])
def scene(request):
    alpha = soft_disc(request.param)
    front, back = textured((200, 120, 60), 6, 1), textured((40, 90, 130), 6, 2)
    return alpha, front, back


def test_hard_alpha_is_the_mask():
    mask = np.zeros((5, 7), bool)
    mask[1:3, 2:6] = True
    assert np.array_equal(hard_matte(mask).alpha, np.where(mask, 255, 0))


@pytest.mark.parametrize("edges", ["soft", pytest.param("closed-form", marks=pytest.mark.proof)])
def test_soft_alpha_comes_nearer_to_the_truth_than_the_mask_or_its_blur(scene, edges):
    truth, front, back = scene
    mask = truth > 0.5
    found = Matting(edges).matte(frame_of(painted(truth, front, back)), mask).alpha
    blurred = cv2.GaussianBlur(mask.astype(np.float32) * 255, (0, 0), 4)
    assert error_in_band(found, truth) < 0.5 * error_in_band(hard_matte(mask).alpha, truth)
    assert error_in_band(found, truth) < error_in_band(blurred, truth)
    assert error_in_band(found, truth) < 0.06


def test_alpha_mends_a_mask_that_is_a_pixel_off(scene):
    truth, front, back = scene
    mask = cv2.erode((truth > 0.5).astype(np.uint8), np.ones((3, 3))).astype(bool)
    found = Matting("soft").matte(frame_of(painted(truth, front, back)), mask).alpha
    assert error_in_band(found, truth) < 0.6 * error_in_band(hard_matte(mask).alpha, truth)


def test_the_old_background_does_not_tint_the_edge(scene):
    truth, front, back = scene
    matte = Matting("soft").matte(frame_of(painted(truth, front, back)), truth > 0.5)
    rows, columns = np.nonzero((matte.alpha > 60) & (matte.alpha < 200))
    own = matte.foreground[rows - matte.top, columns - matte.left].astype(np.float32)
    seen = painted(truth, front, back)[rows, columns].astype(np.float32)
    wanted = front[rows, columns]
    assert np.abs(own - wanted).mean() < 0.35 * np.abs(seen - wanted).mean()


def test_alpha_is_the_mask_outside_the_band(scene):
    truth, front, back = scene
    mask = truth > 0.5
    alpha = Matting("soft").matte(frame_of(painted(truth, front, back)), mask).alpha
    near = cv2.dilate(mask.view(np.uint8), np.ones((9, 9))) != cv2.erode(mask.view(np.uint8), np.ones((9, 9)))
    assert np.array_equal(alpha[~near], np.where(mask, 255, 0)[~near])


@pytest.mark.parametrize("edges", ["soft", "hard"])
@pytest.mark.parametrize("value", [0, 1])
def test_a_mask_of_one_value_gives_alpha_of_one_value(edges, value):
    rgb = textured((90, 90, 90), 10, 3).astype(np.uint8)
    mask = np.full((HEIGHT, WIDTH), bool(value))
    assert np.all(Matting(edges).matte(frame_of(rgb), mask).alpha == 255 * value)


def test_a_trembling_mask_trembles_less_in_alpha():
    truth = soft_disc(1.0)
    rgb = painted(truth, textured((120, 110, 100), 8, 4), textured((105, 110, 100), 8, 5))
    masks = [truth > level for level in (0.2, 0.8, 0.2, 0.8, 0.2, 0.8)]

    def changes(mattes):
        return np.mean([np.abs(b.astype(int) - a).mean() for a, b in pairwise(mattes[2:])])

    one = Matting("soft")
    steady = [one.matte(frame_of(rgb, index), mask).alpha.copy() for index, mask in enumerate(masks)]
    alone = [Matting("soft").matte(frame_of(rgb), mask).alpha for mask in masks]
    assert changes(steady) < 0.7 * changes(alone)


def test_what_moves_leaves_no_trail():
    """Where the picture changes, the previous alpha must not shine through."""
    one = Matting("soft")
    for shift in (0, 40):
        truth = np.roll(soft_disc(1.0), shift, axis=1)
        rgb = painted(truth, textured((220, 200, 90), 6, 6), textured((30, 40, 90), 6, 7))
        moved = one.matte(frame_of(rgb, shift), truth > 0.5).alpha
    assert error_in_band(moved, truth) < 0.06


# Steadiness along the motion


def moving(step, speed, *, pan=0):
    """(picture, alpha): a disc that goes `speed` px a frame over a ground that goes `pan`, its edge smeared by half."""
    alpha = np.zeros((HEIGHT, WIDTH), np.float32)
    moments = max(1, abs(speed - pan) // 2)
    for moment in range(moments):
        part = np.zeros_like(alpha)
        x = 130 + speed * step + (moment / moments - 0.5) * moments
        cv2.circle(part, (round(x * 8), 180 * 8), 90 * 8, 1.0, -1, cv2.LINE_AA, 3)
        alpha += part / moments
    alpha = cv2.GaussianBlur(alpha, (0, 0), 1.0)
    front = np.roll(textured((200, 80, 60), 10, 1), speed * step, axis=1)
    back = np.roll(textured((70, 120, 90), 10, 2), pan * step, axis=1)
    return painted(alpha, front, back), alpha


def trembling(alpha, step):
    return np.roll(alpha > 0.5, (step % 3 - 1, step // 2 % 3 - 1), axis=(0, 1))


@pytest.mark.parametrize("speed", [0, 3, 8, 16])
def test_the_edge_of_what_moves_is_as_right_as_that_of_what_stands(speed):
    matting = Matting()
    errors = []
    for step in range(10):
        rgb, truth = moving(step, speed)
        matte = matting.matte(frame_of(rgb, step), trembling(truth, step))
        errors.append(error_in_band(matte.alpha, truth))
    assert np.mean(errors[1:]) < 0.05


@pytest.mark.parametrize("pan", [0, 4])
def test_a_trembling_mask_is_calmed_when_the_camera_pans_too(pan):
    """Object and ground go together; what is left is the trembling of the mask, in alpha and in the colour."""
    matting = Matting()
    alphas, lone, colours, lone_colours = [], [], [], []
    for step in range(10):
        rgb, truth = moving(step, pan, pan=pan)
        frame, mask = frame_of(rgb, step), trembling(truth, step)
        for kept, tints, matte in (
            (alphas, colours, matting.matte(frame, mask)),
            (lone, lone_colours, Matting().matte(frame, mask)),
        ):
            whole = rgb.copy()
            height, width = matte.foreground.shape[:2]
            whole[matte.top : matte.top + height, matte.left : matte.left + width] = matte.foreground
            kept.append(np.roll(matte.alpha, -pan * step, axis=1).astype(np.float32))
            tints.append(np.roll(whole, -pan * step, axis=1).astype(np.float32))

    def waver(pictures):
        return np.mean([np.abs(later - earlier).mean() for earlier, later in pairwise(pictures[1:])])

    assert waver(alphas) < 0.7 * waver(lone)
    assert waver(colours) < waver(lone_colours)
