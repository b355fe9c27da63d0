"""The engine `online` on clips whose truth is known exactly, and on a recording; little learning, small pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from safetensors.torch import load_file

from avfusion.clip import Frame, Mask
from avfusion.errors import MaskSizeMismatch, NoPrompt, Stopped
from avfusion.metrics.vos import region_similarity, score_sequence
from avfusion.tracking import Example, Learner, Tracked
from avfusion.tracking.flow import Flow
from avfusion.tracking.learning import LearningSettings
from avfusion.tracking.network import NetworkSettings
from avfusion.tracking.online import Eye, Online, OnlineSettings
from avfusion.tracking.window import cut_mask, cut_planes, window_around
from tests.tracking.sprites import Scene, frame, texture

TINY = OnlineSettings(
    learning=LearningSettings(
        steps=60, more_steps=8, batch=2, rate=4e-3, most_pixels=6_000, network=NetworkSettings(levels=(16, 24, 32))
    )
)
SMALL = Scene(frames=10, height=120, width=180, radius_px=20, start=(50, 60), speed=(5, 1))


def quiet(done: int, total: int) -> None:
    pass


def listed(scene: Scene) -> tuple[list[Frame], list[Mask]]:
    frames, masks = zip(*scene.play(), strict=True)
    return list(frames), list(masks)


def follow(tracker: Online | Flow, frames: list[Frame], first: Mask) -> list[Tracked]:
    state = tracker.begin(frames[0], {1: first})
    return [state.step(each) for each in frames[1:]]


def mean_j(tracked: list[Tracked], masks: list[Mask]) -> float:
    return float(np.mean([region_similarity(each.masks[1], mask) for each, mask in zip(tracked, masks, strict=True)]))


def same(one: list[Tracked], other: list[Tracked]) -> bool:
    return all(np.array_equal(a.masks[1], b.masks[1]) for a, b in zip(one, other, strict=True))


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> tuple[Online, Path]:
    folder = tmp_path_factory.mktemp("learnt")
    frames, masks = listed(SMALL)
    return Online(TINY).learn([Example(frames[0], {1: masks[0]})], folder=folder, tell=quiet), folder


def test_it_learns_and_follows_a_moving_sprite(learnt: tuple[Online, Path]) -> None:
    frames, masks = listed(SMALL)
    assert isinstance(Online(TINY), Learner)
    found = mean_j(follow(learnt[0], frames, masks[0]), masks[1:])
    still = float(np.mean([region_similarity(masks[0], mask) for mask in masks[1:]]))
    assert found > max(0.85, still)


def test_time_may_run_backwards(learnt: tuple[Online, Path]) -> None:
    frames, masks = listed(SMALL)
    assert mean_j(follow(learnt[0], frames[::-1], masks[-1]), masks[-2::-1]) > 0.85


@pytest.mark.parametrize("seen", ["half", "nothing"])
def test_the_network_tells_the_object_from_its_surroundings(learnt: tuple[Online, Path], seen: str) -> None:
    """On a later frame, given half of the object or none of it: object pixels get higher odds than others."""
    frames, masks = listed(SMALL)
    eye = Eye(TINY, "cpu")
    eye.weights = load_file(next(learnt[1].glob("*.safetensors")))
    box = cv2.boundingRect(masks[6].view(np.uint8))
    window = window_around(box, masks[6].shape, margin=0.3, most_pixels=TINY.learning.most_pixels)
    truth = cut_mask(masks[6], window)
    guess = truth * (np.arange(truth.shape[1]) < truth.shape[1] // 2) * (seen == "half")
    odds = eye(cut_planes(frames[6].yuv, window), guess)
    on, off = odds[truth > 0.5][::7], odds[truth < 0.5][::7]
    assert np.mean(on[:, None] > off[None]) > 0.95


def test_following_leaves_what_was_learnt_alone(learnt: tuple[Online, Path]) -> None:
    """It goes on learning while it follows, each state for itself."""
    frames, masks = listed(SMALL)
    once, again = follow(learnt[0], frames, masks[0]), follow(learnt[0], frames, masks[0])
    assert same(once, again)
    assert [each.confidence for each in once] == [each.confidence for each in again]


def test_what_was_learnt_is_kept_and_found_again(learnt: tuple[Online, Path]) -> None:
    frames, masks = listed(SMALL)
    example = Example(frames[0], {1: masks[0]})
    told: list[int] = []
    again = Online(TINY).learn([example], folder=learnt[1], tell=lambda done, total: told.append(total))
    assert told == []
    assert same(follow(again, frames, masks[0]), follow(learnt[0], frames, masks[0]))


def test_begin_learns_by_itself_and_to_the_same_end(learnt: tuple[Online, Path]) -> None:
    frames, masks = listed(SMALL)
    assert same(follow(Online(TINY), frames[:4], masks[0]), follow(learnt[0], frames[:4], masks[0]))


def test_a_correction_is_learnt_on_top_of_what_is_known(learnt: tuple[Online, Path], tmp_path: Path) -> None:
    frames, masks = listed(SMALL)
    examples = [Example(frames[0], {1: masks[0]}), Example(frames[6], {1: masks[6]})]
    told: list[tuple[int, int]] = []
    on_top = Online(TINY).learn(examples, folder=learnt[1], tell=lambda *at: told.append(at))
    assert told[-1] == (TINY.learning.more_steps,) * 2
    at_once = Online(TINY).learn(examples, folder=tmp_path, tell=quiet)
    assert len(list(tmp_path.iterdir())) == 2
    assert same(follow(on_top, frames, masks[0]), follow(at_once, frames, masks[0]))


def test_stopping_leaves_nothing(tmp_path: Path) -> None:
    frames, masks = listed(SMALL)

    def stop(done: int, total: int) -> None:
        if done == 3:
            raise Stopped("stopped")

    with pytest.raises(Stopped):
        Online(TINY).learn([Example(frames[0], {1: masks[0]})], folder=tmp_path, tell=stop)
    assert list(tmp_path.iterdir()) == []


def test_several_objects_never_overlap() -> None:
    height, width = 90, 150
    plate = texture(5, height, width, (90, 130, 90))
    one, other = texture(6, height, width, (180, 80, 60)), texture(7, height, width, (60, 80, 180))
    y, x = np.indices((height, width))

    def picture(index: int) -> tuple[Frame, dict[int, Mask]]:
        left = (x - 45 - 3 * index) ** 2 + (y - 40) ** 2 < 18**2
        right = (x - 105 + 3 * index) ** 2 + (y - 50) ** 2 < 18**2
        rgb = plate.copy()
        rgb[right] = np.roll(other, -3 * index, axis=1)[right]
        rgb[left] = np.roll(one, 3 * index, axis=1)[left]
        return frame(index, rgb), {3: left, 7: right & ~left}

    first, masks = picture(0)
    state = Online(TINY).begin(first, masks)
    for index in range(1, 10):
        shown, truth = picture(index)
        tracked = state.step(shown)
        assert set(tracked.masks) == {3, 7}
        assert not (tracked.masks[3] & tracked.masks[7]).any()
        assert region_similarity(tracked.masks[3], truth[3]) > 0.7


@pytest.mark.parametrize("size", [(16, 16), (33, 47), (40, 200)])
def test_pictures_of_every_size_and_without_colour_can_be_followed(size: tuple[int, int]) -> None:
    height, width = size
    grey = np.repeat(texture(1, height, width, (120, 120, 120))[..., :1], 3, axis=2)
    mask = np.zeros(size, bool)
    mask[height // 4 : height // 2, width // 4 : width // 2] = True
    grey[mask] = 230
    settings = replace(TINY, learning=replace(TINY.learning, steps=6))
    state = Online(settings).begin(frame(0, grey), {1: mask})
    for index in range(1, 3):
        tracked = state.step(frame(index, grey))
        assert tracked.masks[1].shape == size
        assert 0 <= tracked.confidence[1] <= 1


def test_an_object_that_fills_the_picture_can_be_learnt() -> None:
    rgb = texture(1, 60, 80, (120, 120, 120))
    settings = replace(TINY, learning=replace(TINY.learning, steps=6))
    state = Online(settings).begin(frame(0, rgb), {1: np.ones((60, 80), bool)})
    assert state.step(frame(1, rgb)).masks[1].mean() > 0.8


def test_what_cannot_be_followed_is_refused_before_learning() -> None:
    shown = frame(0, texture(1, 60, 80, (120, 120, 120)))
    with pytest.raises(NoPrompt):
        Online().begin(shown, {1: np.zeros((60, 80), bool)})
    with pytest.raises(MaskSizeMismatch):
        Online().begin(shown, {1: np.ones((60, 81), bool)})


@pytest.mark.real_data
def test_a_recording_is_followed_from_its_first_mask(shared_data: Path) -> None:
    pairs = []
    for index, path in enumerate(sorted((shared_data / "vos" / "JPEGImages" / "dog").glob("*.jpg"))[:14]):
        truth = np.asarray(cv2.imread(str(shared_data / "vos" / "Annotations" / "dog" / f"{path.stem}.png"), 0))
        pairs.append((frame(index, cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)), truth > 0))
    frames, masks = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    tracked = follow(Online(TINY), frames, masks[0])
    score = score_sequence([(masks[0], masks[0]), *zip([each.masks[1] for each in tracked], masks[1:], strict=True)])
    assert score.j.mean > 0.75
