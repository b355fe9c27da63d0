"""The engine `flow` on clips whose truth is known exactly, and on recordings with ground truth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from avfusion.clip import Frame, Mask
from avfusion.errors import MaskSizeMismatch, NoPrompt
from avfusion.metrics.vos import region_similarity, score_sequence
from avfusion.tracking import Tracked
from avfusion.tracking.flow import Flow
from tests.tracking.sprites import Scene, frame, texture


def follow(clip: Iterable[tuple[Frame, Mask]]) -> tuple[list[Tracked], list[Mask]]:
    """What Flow says from the second frame on, and the truth."""
    pairs = list(clip)
    state = Flow().begin(pairs[0][0], {1: pairs[0][1]})
    return [state.step(each) for each, _ in pairs[1:]], [mask for _, mask in pairs[1:]]


def scores(tracked: list[Tracked], truth: list[Mask]) -> list[float]:
    return [region_similarity(each.masks[1], mask) for each, mask in zip(tracked, truth, strict=True)]


def test_on_a_still_clip_the_mask_stays() -> None:
    tracked, truth = follow(Scene(frames=12, speed=(0, 0), pan=0).play())
    assert min(scores(tracked, truth)) > 0.97


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"pan": 0},
        {"speed": (-3, 0), "start": (200, 90), "pan": -3},
        {"noise": 8},
        {"blur": 1.2},
        {"speed": (12, 0), "pan": 1, "frames": 14},
        {"height": 181, "width": 279},
        {"seed": 40},
    ],
    ids=["plain", "still camera", "other way", "noise", "blur", "fast", "odd size", "other texture"],
)
def test_a_moving_sprite_over_a_moving_plate_is_followed(change: dict[str, object]) -> None:
    tracked, truth = follow(replace(Scene(), **change).play())
    assert np.mean(scores(tracked, truth)) > 0.9
    assert min(scores(tracked, truth)) > 0.85


def test_time_may_run_backwards() -> None:
    tracked, truth = follow(reversed(list(Scene().play())))
    assert np.mean(scores(tracked, truth)) > 0.9


def test_a_sprite_that_passes_behind_a_pole_comes_out_again() -> None:
    tracked, truth = follow(Scene(frames=36, pole=130, pan=0, speed=(4, 0)).play())
    found = scores(tracked, truth)
    assert np.mean(found) > 0.8
    assert np.mean(found[-5:]) > 0.9


def test_a_sprite_that_hides_completely_is_found_again_and_its_absence_is_noticed() -> None:
    scene = Scene(frames=40, radius_px=11, start=(70, 90), speed=(3, 0), pan=0, pole=120, pole_px=30)
    tracked, truth = follow(scene.play())
    hidden = [index for index, mask in enumerate(truth) if not mask.any()]
    assert hidden
    assert max(tracked[index].confidence[1] for index in hidden) < 0.5
    assert np.mean(scores(tracked, truth)[-5:]) > 0.7


def test_confidence_falls_and_the_mask_empties_when_the_object_vanishes() -> None:
    tracked, _ = follow(Scene(frames=20, gone_from=12, speed=(1, 0), pan=0).play())
    before, after = tracked[:11], tracked[13:]
    assert min(each.confidence[1] for each in before) > 0.7
    assert max(each.confidence[1] for each in after) < 0.3
    assert not tracked[-1].masks[1].any()


def test_several_objects_never_overlap_and_keep_their_numbers() -> None:
    height, width = 160, 260
    plate = texture(5, height, width, (90, 130, 90))
    one, other = texture(6, height, width, (180, 80, 60)), texture(7, height, width, (60, 80, 180))
    y, x = np.indices((height, width))

    def picture(index: int) -> tuple[Frame, dict[int, Mask]]:
        left = (x - 70 - 3 * index) ** 2 + (y - 60) ** 2 < 28**2
        right = (x - 190 + 3 * index) ** 2 + (y - 95) ** 2 < 28**2
        rgb = plate.copy()
        rgb[right] = np.roll(other, -3 * index, axis=1)[right]
        rgb[left] = np.roll(one, 3 * index, axis=1)[left]
        return frame(index, rgb), {3: left, 7: right & ~left}

    first, masks = picture(0)
    state = Flow().begin(first, masks)
    for index in range(1, 22):
        shown, truth = picture(index)
        tracked = state.step(shown)
        assert set(tracked.masks) == {3, 7}
        assert all(mask.shape == (height, width) and mask.dtype == bool for mask in tracked.masks.values())
        assert not (tracked.masks[3] & tracked.masks[7]).any()
        assert region_similarity(tracked.masks[3], truth[3]) > 0.85
    assert region_similarity(tracked.masks[7], truth[7]) > 0.75


def test_the_same_clip_gives_the_same_masks() -> None:
    first, second = (follow(Scene(frames=8, noise=5).play())[0] for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert np.array_equal(one.masks[1], other.masks[1])
        assert one.confidence == other.confidence


@pytest.mark.parametrize("size", [(16, 16), (40, 300), (33, 47), (720, 1280)])
def test_pictures_of_every_size_can_be_followed(size: tuple[int, int]) -> None:
    height, width = size
    rgb = texture(1, height, width, (120, 120, 120))
    mask = np.zeros(size, bool)
    mask[height // 4 : height // 2, width // 4 : width // 2] = True
    rgb[mask] = (200, 60, 50)
    state = Flow().begin(frame(0, rgb), {1: mask})
    for index in range(1, 4):
        assert region_similarity(state.step(frame(index, rgb)).masks[1], mask) > 0.75


def test_an_object_that_fills_the_picture_can_be_followed() -> None:
    rgb = texture(1, 120, 160, (120, 120, 120))
    state = Flow().begin(frame(0, rgb), {1: np.ones((120, 160), bool)})
    assert state.step(frame(1, rgb)).masks[1].mean() > 0.95


def test_what_cannot_be_followed_is_refused() -> None:
    shown = frame(0, texture(1, 60, 80, (120, 120, 120)))
    with pytest.raises(NoPrompt):
        Flow().begin(shown, {})
    with pytest.raises(NoPrompt):
        Flow().begin(shown, {1: np.zeros((60, 80), bool)})
    with pytest.raises(MaskSizeMismatch, match="81x60"):
        Flow().begin(shown, {1: np.ones((60, 81), bool)})
    state = Flow().begin(shown, {1: np.ones((60, 80), bool)})
    with pytest.raises(MaskSizeMismatch):
        state.step(frame(1, texture(1, 60, 82, (120, 120, 120))))


@pytest.mark.real_data
@pytest.mark.parametrize(("sequence", "least"), [("car-shadow", 0.7), ("rollerblade", 0.75), ("horsejump-high", 0.7)])
def test_recordings_are_followed_from_their_first_mask(shared_data: Path, sequence: str, least: float) -> None:
    def recorded() -> Iterable[tuple[Frame, Mask]]:
        for index, path in enumerate(sorted((shared_data / "vos" / "JPEGImages" / sequence).glob("*.jpg"))):
            truth = cv2.imread(str(shared_data / "vos" / "Annotations" / sequence / f"{path.stem}.png"), 0)
            yield frame(index, cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)), truth > 0

    tracked, truth = follow(recorded())
    pairs = [(truth[0], truth[0])] + [(each.masks[1], mask) for each, mask in zip(tracked, truth, strict=True)]
    assert score_sequence(pairs).j.mean > least
