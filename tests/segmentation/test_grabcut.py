"""The engine `grabcut` on pictures whose truth is known, and on first frames of recordings."""

from __future__ import annotations

import itertools
from pathlib import Path

import cv2
import numpy as np
import pytest

from avfusion.clip import Box, Drawn, Mask, Point, Prompt, Rgb, Scribble, Words
from avfusion.errors import MaskSizeMismatch, NoPrompt, PromptOutside, UsageError
from avfusion.metrics.robot import next_click
from avfusion.metrics.vos import region_similarity
from avfusion.segmentation import Motion
from avfusion.segmentation.grabcut import GrabCut
from benchmarks.clicks import first_frames, photos


def picture(height: int = 240, width: int = 400, seed: int = 0) -> tuple[Rgb, Mask]:
    """A textured disk on a ground of another texture, and where it is."""
    random = np.random.default_rng(seed)
    y, x = np.indices((height, width))
    mask = (x - 0.4 * width) ** 2 + (y - 0.5 * height) ** 2 < (0.22 * height) ** 2
    noise = cv2.GaussianBlur(random.normal(size=(height, width, 3)), (0, 0), 2)
    colour = np.where(mask[..., None], (170, 90, 60), (80, 120, 90))
    return np.clip(colour + 40 * noise / noise.std() * 0.5, 0, 255).astype(np.uint8), mask


def two_disks() -> tuple[Rgb, Mask, Mask]:
    rgb, left = picture()
    y, x = np.indices(left.shape)
    right = (x - 300) ** 2 + (y - 120) ** 2 < 40**2
    rgb[right] = np.clip(rgb[right] + np.array([-30, -40, 100]), 0, 255).astype(np.uint8)
    return rgb, left, right


@pytest.mark.parametrize("seed", range(3))
def test_one_click_finds_a_disk(seed: int) -> None:
    rgb, truth = picture(seed=seed)
    found = GrabCut().segment(rgb, [Point(160, 120)])
    assert region_similarity(found.masks[1], truth) > 0.9
    assert 0 < found.confidence[1] <= 1


@pytest.mark.parametrize("seed", range(3))
def test_a_box_finds_a_disk_and_nothing_outside_it(seed: int) -> None:
    rgb, truth = picture(seed=seed)
    x, y, width, height = cv2.boundingRect(truth.view(np.uint8))
    mask = GrabCut().segment(rgb, [Box(x - 6, y - 6, x + width + 6, y + height + 6)]).masks[1]
    assert region_similarity(mask, truth) > 0.9
    mask[y - 6 : y + height + 6, x - 6 : x + width + 6] = False
    assert not mask.any()


def test_clicked_pixels_are_honoured_wherever_they_are() -> None:
    rgb, _ = picture()
    random = np.random.default_rng(1)
    for _ in range(6):
        places = [(int(random.integers(400)), int(random.integers(240))) for _ in range(6)]
        prompts = [Point(x, y, keep=index % 2 == 0) for index, (x, y) in enumerate(places)]
        mask = GrabCut().segment(rgb, prompts).masks[1]
        for prompt in prompts:
            assert mask[int(prompt.y), int(prompt.x)] == prompt.keep


def test_strokes_are_honoured() -> None:
    rgb, truth = picture()
    keep, drop = Scribble(((130, 120), (190, 120))), Scribble(((20, 20), (380, 20), (380, 220)), keep=False)
    mask = GrabCut().segment(rgb, [keep, drop]).masks[1]
    assert mask[118:123, 130:190].all()
    assert not mask[20, 20:380].any()
    assert region_similarity(mask, truth) > 0.9


def test_a_drop_click_takes_off_a_neighbour_of_the_same_colour() -> None:
    rgb, truth = picture()
    y, x = np.indices(truth.shape)
    twin = (x - 235) ** 2 + (y - 120) ** 2 < 30**2
    rgb[twin] = np.roll(rgb, 75, axis=1)[twin]
    both = GrabCut().segment(rgb, [Point(160, 120), Point(245, 120)]).masks[1]
    one = GrabCut().segment(rgb, [Point(160, 120), Point(245, 120, keep=False)]).masks[1]
    assert both[twin].mean() > 0.9
    assert one[twin & ~truth].mean() < 0.3


def test_objects_do_not_overlap_and_keep_their_numbers() -> None:
    rgb, left, right = two_disks()
    found = GrabCut().segment(rgb, [Point(160, 120, object=2), Point(300, 120, object=5)])
    assert set(found.masks) == set(found.confidence) == {2, 5}
    assert not (found.masks[2] & found.masks[5]).any()
    assert region_similarity(found.masks[2], left) > 0.85
    assert region_similarity(found.masks[5], right) > 0.85


def test_a_drawn_mask_is_taken_as_it_is_and_comes_before_what_is_guessed() -> None:
    rgb, left, right = two_disks()
    drawn = np.zeros_like(left)
    drawn[10:200:3, 100:200] = True
    assert np.array_equal(GrabCut().segment(rgb, [Drawn(drawn)]).masks[1], drawn)
    both = GrabCut().segment(rgb, [Drawn(drawn), Point(300, 120, object=2)])
    assert np.array_equal(both.masks[1], drawn)
    assert region_similarity(both.masks[2], right) > 0.85


def test_the_same_prompts_give_the_same_mask() -> None:
    rgb, _ = picture()
    first, second = (GrabCut().segment(rgb, [Point(160, 120), Point(20, 20, keep=False)]).masks[1] for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.parametrize("size", [(2, 2), (9, 300), (64, 48), (1081, 1921)])
def test_pictures_of_every_size_are_answered_at_their_size(size: tuple[int, int]) -> None:
    rgb, _ = picture(*size)
    mask = GrabCut().segment(rgb, [Point(0.4 * size[1], 0.5 * size[0])]).masks[1]
    assert mask.shape == size
    assert mask.dtype == bool
    assert mask.any()


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_a_click_on_a_picture_of_one_colour_is_still_honoured(shade: int) -> None:
    mask = GrabCut().segment(np.full((80, 120, 3), shade, np.uint8), [Point(60, 40)]).masks[1]
    assert mask[40, 60]


def test_what_cannot_be_used_is_refused() -> None:
    rgb, _ = picture()
    with pytest.raises(PromptOutside):
        GrabCut().segment(rgb, [Point(400, 10)])
    with pytest.raises(NoPrompt):
        GrabCut().segment(rgb, [Point(10, 10, keep=False)])
    with pytest.raises(UsageError, match="grabcut"):
        GrabCut().segment(rgb, [Words("the disk")])


def robot(rgb: Rgb, truth: Mask, clicks: int, motion: Motion | None = None) -> list[float]:
    """Overlap after each click of the robot user, each answer corrected by the next click."""
    mask, overlaps, log = np.zeros(truth.shape, bool), list[float](), list[Prompt]()
    for count in range(clicks):
        click = next_click(mask, truth)
        if click is not None:
            log.append(Point(*click))
            mask = GrabCut().segment(rgb, log, prior={1: mask} if count else None, motion=motion).masks[1]
        overlaps.append(region_similarity(mask, truth))
    return overlaps


def blobs(seed: int) -> tuple[Rgb, Mask]:
    """A textured object of two parts in two colours, partly before a third thing, on a textured ground."""
    random = np.random.default_rng(seed)
    noise = cv2.GaussianBlur(random.normal(size=(200, 300, 3)), (0, 0), 2)
    colour = np.full((200, 300, 3), 110.0)
    truth = np.zeros((200, 300), np.uint8)
    x, y = int(random.integers(100, 200)), int(random.integers(80, 120))
    for away, is_object in (((-55, 15), 0), ((0, 0), 1), ((30, -20), 1)):
        shape = np.zeros_like(truth)
        axes = (int(random.integers(30, 45)), int(random.integers(25, 40)))
        cv2.ellipse(shape, (x + away[0], y + away[1]), axes, float(random.integers(180)), 0, 360, 1, -1)
        colour[shape > 0] = 110 + random.choice([-1, 1], 3) * random.uniform(30, 70, 3)
        truth[shape > 0] = is_object
    return np.clip(colour + 12 * noise / noise.std(), 0, 255).astype(np.uint8), truth > 0


@pytest.mark.parametrize("seed", range(6))
def test_more_clicks_do_not_make_it_worse(seed: int) -> None:
    rgb, truth = blobs(seed)
    overlaps = robot(rgb, truth, 8)
    assert overlaps[-1] > 0.8
    for before, after in itertools.pairwise(overlaps):
        assert after > before - 0.03


def test_a_click_that_holds_already_changes_nothing() -> None:
    rgb, truth = picture()
    known = np.roll(truth, 7, axis=1)
    clicks = [Point(160, 120), Point(20, 20, keep=False)]
    assert np.array_equal(GrabCut().segment(rgb, clicks, prior={1: known}).masks[1], known)


def test_a_click_corrects_near_itself_and_keeps_the_rest() -> None:
    rgb, truth = picture()
    known = truth.copy()
    known[:, 165:] = False
    known[10:30, 340:390] = True
    mask = GrabCut().segment(rgb, [Point(185, 120)], prior={1: known}).masks[1]
    assert region_similarity(mask[:, :330], truth[:, :330]) > 0.9
    assert mask[10:30, 340:390].all()


def test_a_drop_click_alone_corrects_what_is_known_and_may_empty_it() -> None:
    rgb, left, right = two_disks()
    mask = GrabCut().segment(rgb, [Point(300, 120, keep=False)], prior={1: left | right}).masks[1]
    assert region_similarity(mask, left) > 0.9
    emptied = GrabCut().segment(rgb, [Point(300, 120, keep=False)], prior={1: right}).masks[1]
    assert np.count_nonzero(emptied) < 0.1 * np.count_nonzero(right)


def test_a_click_on_something_else_takes_it_from_the_object_that_had_it() -> None:
    rgb, left, right = two_disks()
    found = GrabCut().segment(rgb, [Point(300, 120, object=2)], prior={1: left | right})
    assert region_similarity(found.masks[1], left) > 0.9
    assert region_similarity(found.masks[2], right) > 0.85
    assert not (found.masks[1] & found.masks[2]).any()


def test_a_new_object_leaves_alone_what_is_known_of_others() -> None:
    rgb, left, right = two_disks()
    found = GrabCut().segment(rgb, [Point(300, 120, object=2)], prior={1: left})
    assert set(found.masks) == {2}
    assert not (found.masks[2] & left).any()
    assert region_similarity(found.masks[2], right) > 0.85


def test_a_box_starts_its_object_anew() -> None:
    rgb, left, right = two_disks()
    mask = GrabCut().segment(rgb, [Box(255, 75, 345, 165)], prior={1: left}).masks[1]
    assert region_similarity(mask, right) > 0.9


@pytest.mark.parametrize("seed", range(4))
def test_a_click_outside_a_box_that_is_too_small_brings_in_the_rest(seed: int) -> None:
    rgb, truth = blobs(seed)
    x, y, width, height = cv2.boundingRect(truth.view(np.uint8))
    box = Box(x, y, x + 0.6 * width, y + height)
    boxed = GrabCut().segment(rgb, [box]).masks[1]
    click = next_click(boxed, truth)
    assert click is not None
    both = GrabCut().segment(rgb, [box, Point(*click)]).masks[1]
    assert region_similarity(both, truth) > region_similarity(boxed, truth) + 0.05


def test_strokes_correct_as_clicks_do() -> None:
    rgb, truth = picture()
    known = truth.copy()
    known[:, 165:] = False
    known[180:220, 20:300] = True
    log = [Scribble(((175, 105), (175, 135))), Scribble(((40, 200), (280, 200)), keep=False)]
    mask = GrabCut().segment(rgb, log, prior={1: known}).masks[1]
    assert region_similarity(mask, truth) > 0.85


def test_motion_tells_apart_what_looks_alike() -> None:
    """A patch of the very texture around it: only its motion shows it."""
    random = np.random.default_rng(3)
    noise = cv2.GaussianBlur(random.normal(size=(240, 400, 3)), (0, 0), 2)
    rgb = np.clip(120 + 30 * noise / noise.std(), 0, 255).astype(np.uint8)
    truth = np.zeros((240, 400), bool)
    truth[60:180, 150:290] = True
    motion = np.zeros((120, 200, 2), np.float32)
    motion[truth[::2, ::2]] = (9, -4)
    seen, still = (GrabCut().segment(rgb, [Point(220, 120)], motion=m).masks[1] for m in (motion, None))
    assert region_similarity(seen, truth) > 0.6
    assert region_similarity(seen, truth) > region_similarity(still, truth) + 0.2


def test_motion_too_small_to_mean_anything_changes_nothing() -> None:
    rgb, _ = picture()
    trembling = np.random.default_rng(0).normal(0, 0.1, (60, 100, 2)).astype(np.float32)
    with_it, without = (GrabCut().segment(rgb, [Point(160, 120)], motion=m).masks[1] for m in (trembling, None))
    assert np.array_equal(with_it, without)


def test_what_is_known_must_have_the_size_of_the_picture() -> None:
    rgb, _ = picture()
    with pytest.raises(MaskSizeMismatch, match="400x240"):
        GrabCut().segment(rgb, [Point(160, 120)], prior={1: np.zeros((240, 401), bool)})


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["vos", "photos"])
def test_on_recordings(shared_data: Path, name: str) -> None:
    """First frames with their motion, and photos: the least that clicks of the robot user and a true box must give."""
    cases = first_frames(shared_data / "vos", moving=True) if name == "vos" else photos(shared_data / "photos")
    overlaps, boxed = list[list[float]](), list[float]()
    for case in cases:
        overlaps.append(robot(case.rgb, case.truth, 5, case.motion))
        x, y, width, height = cv2.boundingRect(case.truth.view(np.uint8))
        found = GrabCut().segment(case.rgb, [Box(x, y, x + width, y + height)], motion=case.motion).masks[1]
        boxed.append(region_similarity(found, case.truth))
    one, _, three, _, five = np.mean(overlaps, axis=0)
    assert one >= 0.5
    assert three >= 0.65
    assert five >= 0.75
    assert np.mean(boxed) >= 0.7
