"""The prompts on one frame are played one after the other, with what is known and what moves there."""

from __future__ import annotations

import numpy as np
import pytest

from avfusion.clip import Box, Clip, Drawn, Point, Scribble
from avfusion.errors import NoPrompt
from avfusion.media.probe import probe
from avfusion.metrics.vos import region_similarity
from avfusion.pipelines.frame import look, mask_frame
from avfusion.segmentation.grabcut import GrabCut
from tests.pipelines.conftest import Made, encode


@pytest.fixture
def clip(made: Made) -> Clip:
    return probe(made.clip)


def test_an_answer_is_that_of_the_log_played_from_its_start(clip: Clip) -> None:
    log = [Point(140, 95, frame=10), Point(20, 20, keep=False, frame=10), Scribble(((120, 90), (125, 92)), frame=10)]
    view = look(clip, 10)
    asked_at_once = mask_frame(clip, log, frame=10)
    step_by_step = [mask_frame(clip, log[: count + 1], frame=10) for count in range(3)][-1]
    played = GrabCut().segment(view.rgb, log, motion=view.motion)
    for other in (step_by_step, played):
        assert np.array_equal(asked_at_once.masks[1], other.masks[1])
        assert asked_at_once.confidence == pytest.approx(other.confidence)


def test_one_more_click_costs_one_answer_and_undo_none(clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    segment = GrabCut.segment

    def counted(self: GrabCut, *arguments: object, **more: object) -> object:
        asked.append(arguments)
        return segment(self, *arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(GrabCut, "segment", counted)
    log = [Point(140 + place, 95, frame=10) for place in range(4)]
    first = mask_frame(clip, log[:3], frame=10)
    assert len(asked) == 3
    mask_frame(clip, log, frame=10)
    assert len(asked) == 4
    undone = mask_frame(clip, log[:3], frame=10)
    assert len(asked) == 4
    assert np.array_equal(undone.masks[1], first.masks[1])


def test_answers_are_the_callers_own(clip: Clip) -> None:
    log = [Point(140, 95, frame=10)]
    first = mask_frame(clip, log, frame=10).masks[1]
    kept = first.copy()
    first[:] = False
    assert np.array_equal(mask_frame(clip, log, frame=10).masks[1], kept)


def test_two_clips_two_frames_and_two_priors_are_never_mixed_up(made: Made, clip: Clip) -> None:
    other = probe(made.scene)
    click = [Point(140, 95)]
    truth = made.truth[0]
    answers = [
        mask_frame(clip, click, frame=0).masks[1],
        mask_frame(other, click, frame=0).masks[1],
        mask_frame(clip, click, frame=0, prior={1: truth}).masks[1],
        mask_frame(clip, click, frame=0, prior={1: np.roll(truth, 40, axis=1)}).masks[1],
    ]
    for place, answer in enumerate(answers):
        for later in answers[place + 1 :]:
            assert not np.array_equal(answer, later)


def test_clicks_correct_what_is_known_from_other_frames(made: Made, clip: Clip) -> None:
    truth = made.truth[10]
    half = truth & (np.arange(truth.shape[1]) < 140)
    x = float(np.flatnonzero(truth.any(0)).max() - 15)
    y = float(np.flatnonzero(truth[:, int(x)]).mean())
    mask = mask_frame(clip, [Point(x, y, frame=10)], frame=10, prior={1: half}).masks[1]
    assert region_similarity(mask, truth) > region_similarity(half, truth) + 0.2
    emptied = mask_frame(clip, [Scribble(((5, 5), (5, 9)), keep=False, frame=10)], frame=10, prior={1: half}).masks[1]
    assert np.array_equal(emptied, half)


def test_a_drop_click_needs_no_keep_click_where_something_is_known(made: Made, clip: Clip) -> None:
    wrong = np.zeros_like(made.truth[0])
    wrong[10:30, 10:40] = True
    mask = mask_frame(clip, [Point(25, 20, keep=False)], frame=0, prior={1: wrong}).masks[1]
    assert not mask[20, 25]
    assert mask.sum() < wrong.sum() / 2
    with pytest.raises(NoPrompt, match="object 1"):
        mask_frame(clip, [Point(25, 20, keep=False)], frame=0)


def test_a_drop_click_may_come_before_the_first_keep_click(clip: Clip) -> None:
    mask = mask_frame(clip, [Point(20, 20, keep=False), Point(90, 95)], frame=0).masks[1]
    assert mask[95, 90]
    assert not mask[20, 20]


def test_only_the_objects_that_are_named_come_back(made: Made, clip: Clip) -> None:
    truth = made.truth[0]
    found = mask_frame(clip, [Point(250, 20, object=3)], frame=0, prior={1: truth, 2: ~truth})
    assert set(found.masks) == set(found.confidence) == {3}
    assert found.masks[3][20, 250]


def test_a_box_starts_anew_and_a_click_after_it_corrects(made: Made, clip: Clip) -> None:
    truth = made.truth[0]
    prior = {1: np.zeros_like(truth)}
    prior[1][:20] = True
    box = Box(50, 55, 130, 135)
    boxed = mask_frame(clip, [box], frame=0, prior=prior).masks[1]
    assert region_similarity(boxed, truth) > 0.85
    both = mask_frame(clip, [box, Point(52, 57, keep=False)], frame=0, prior=prior).masks[1]
    assert region_similarity(both, truth) > region_similarity(boxed, truth) - 0.02


def test_drawn_masks_that_differ_are_told_apart(made: Made, clip: Clip) -> None:
    one, other = made.truth[0], made.truth[5]
    assert np.array_equal(mask_frame(clip, [Drawn(one)], frame=0).masks[1], one)
    assert np.array_equal(mask_frame(clip, [Drawn(other)], frame=0).masks[1], other)


def test_the_ball_moves_against_the_camera_and_the_scene_does_not(made: Made, clip: Clip) -> None:
    """The ball goes 5 px to the right each frame; the scene, and with it the camera's motion, 2 px to the right."""
    motion = look(clip, 10).motion
    assert motion is not None
    inside = np.argwhere(made.truth[10])[::50]
    rows, columns = (inside * np.array(motion.shape[:2]) // np.array(made.truth[10].shape)).T
    assert np.median(motion[rows, columns, 0]) == pytest.approx(3, abs=0.7)
    assert np.median(np.abs(motion[:20, :, 0])) < 0.3


def test_nothing_is_believed_across_a_cut_and_a_still_has_no_motion(made: Made, tmp_path) -> None:
    frames = np.stack([np.random.default_rng(seed).integers(0, 255, (90, 160, 3), np.uint8) for seed in range(3)])
    clip = probe(encode(frames, tmp_path / "cuts.mp4", sound=False))
    assert look(clip, 1).motion is None
    assert look(probe(made.picture), 0).motion is None
