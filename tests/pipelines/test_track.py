"""A track follows from the log of prompts: key frames hold, corrections bind, only what they affect is done again."""

import contextlib
import itertools

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from avfusion.clip import Box, Drawn, Point, Scribble
from avfusion.errors import MaskSizeMismatch, Stopped, UsageError
from avfusion.media.masks import read_mask
from avfusion.media.probe import probe
from avfusion.metrics.vos import score_objects
from avfusion.pipelines.davis import Davis
from avfusion.pipelines.keys import keys_of, reach
from avfusion.pipelines.track import track
from tests.pipelines.conftest import encode, noise


def overlap(found, truth):
    return (found & truth).sum() / max(1, (found | truth).sum())


def tracked(clip, prompts, folder, **more):
    """The tracking, and how many frames the tracker had to go for it."""
    tracking = track(clip, prompts, folder=folder, **more)
    return tracking, tracking.frames_tracked


def masks_of(tracking, number=1):
    return np.stack([tracking.track.mask(frame, number) for frame in range(tracking.track.frame_count)])


@pytest.fixture(scope="module")
def clip(made):
    return probe(made.clip)


def shifted(mask, by):
    return np.roll(mask, by, axis=1)


def test_a_correction_holds_on_its_frame_and_reaches_both_ways(made, clip, tmp_path):
    first = [Drawn(made.truth[0])]
    before, steps = tracked(clip, first, tmp_path)
    assert steps == clip.frame_count - 1
    corrected = shifted(made.truth[12], 30)
    after, steps = tracked(clip, [*first, Drawn(corrected, frame=12)], tmp_path)
    assert np.array_equal(after.track.mask(12), corrected)
    assert np.array_equal(after.track.mask(0), made.truth[0])
    # Back to frame 1 and on to the end, each after coming from frame 0: what lies before it needs nothing.
    assert steps == 2 * (12 + 11)
    changed = [overlap(after.track.mask(frame), before.track.mask(frame)) for frame in (2, 6, 11)]
    assert changed[0] > changed[1] > changed[2]
    assert after.keys == {1: (0, 12)}
    assert after.track.confidence[1][12] == 1


def test_undo_costs_nothing_and_gives_the_same_masks(made, clip, tmp_path):
    first, second = Drawn(made.truth[0]), Drawn(shifted(made.truth[12], 20), frame=12)
    one, _ = tracked(clip, [first], tmp_path)
    wanted = masks_of(one)
    two, _ = tracked(clip, [first, second], tmp_path)
    again = masks_of(two)
    undone, steps = tracked(clip, [first], tmp_path)
    assert steps == 0
    assert np.array_equal(masks_of(undone), wanted)
    redone, steps = tracked(clip, [first, second], tmp_path)
    assert steps == 0
    assert np.array_equal(masks_of(redone), again)


def test_the_same_log_gives_the_same_masks_in_an_empty_folder(made, clip, tmp_path):
    log = [Drawn(made.truth[0]), Point(90 + 5 * 9, 107, frame=9), Point(5, 5, keep=False, frame=16)]
    for count in (1, 2, 3):
        stepwise, _ = tracked(clip, log[:count], tmp_path / "stepwise")
    at_once, _ = tracked(clip, log, tmp_path / "at-once")
    assert np.array_equal(masks_of(stepwise), masks_of(at_once))


def test_a_correction_touches_only_its_own_span(made, clip, tmp_path):
    log = [Drawn(made.truth[frame], frame=frame) for frame in (0, 8, 16)]
    before, _ = tracked(clip, log, tmp_path)
    wanted = masks_of(before)
    after, steps = tracked(clip, [*log, Drawn(shifted(made.truth[12], 9), frame=12)], tmp_path)
    found = masks_of(after)
    assert np.array_equal(found[:9], wanted[:9])
    assert np.array_equal(found[16:], wanted[16:])
    assert not np.array_equal(found[12], wanted[12])
    # To frames 9 and 15, coming from the key frames 16 and 8.
    assert steps == 2 * (4 + 3)


def test_clicks_on_a_later_frame_correct_what_was_tracked(made, clip, tmp_path):
    """The first mask is the ball and a patch beside it; a stroke that drops the patch later leaves the ball."""
    patch = np.zeros_like(made.truth[0])
    patch[60:130, 128:150] = True
    wrong = made.truth[0] | patch
    drop = Scribble(((160, 70), (160, 120)), keep=False, width_px=12, frame=4)
    found, _ = tracked(clip, [Drawn(wrong), drop], tmp_path)
    assert not found.track.mask(4)[70:121, 157:163].any()
    assert overlap(found.track.mask(4), made.truth[4]) > 0.75
    assert overlap(found.track.mask(20), made.truth[20]) > 0.6


def test_objects_may_come_later_and_never_overlap(made, clip, tmp_path):
    other = Box(10, 10, 60, 60, frame=10, object=2)
    found, _ = tracked(clip, [Drawn(made.truth[0], object=1), other], tmp_path)
    assert found.track.objects == (1, 2)
    for frame in range(clip.frame_count):
        assert not (found.track.mask(frame, 1) & found.track.mask(frame, 2)).any()
    assert overlap(found.track.mask(20, 1), made.truth[20]) > 0.8
    assert found.track.mask(10, 2).any()
    alone, _ = tracked(clip, [Drawn(made.truth[0], object=1)], tmp_path / "alone")
    assert overlap(found.track.mask(20, 1), alone.track.mask(20, 1)) > 0.9


def test_what_is_nowhere_can_be_said_to_be_nowhere(made, clip, tmp_path):
    """A drop click where nothing is held to be the object: it stays nowhere, and nothing fails."""
    gone = Drawn(np.zeros_like(made.truth[0]), frame=12)
    found, _ = tracked(clip, [Drawn(made.truth[0]), gone, Point(5, 5, keep=False, frame=18)], tmp_path)
    assert not found.track.mask(12).any()
    assert not found.track.mask(18).any()
    assert overlap(found.track.mask(3), made.truth[3]) > 0.7


def test_only_the_span_is_followed(made, clip, tmp_path):
    found, steps = tracked(clip, [Drawn(made.truth[10], frame=10)], tmp_path, span=(8, 15))
    assert steps == 2 + 4
    held = [found.track.mask(frame).any() for frame in range(clip.frame_count)]
    assert held == [8 <= frame < 15 for frame in range(clip.frame_count)]
    assert found.worst() is None or 8 <= found.worst().frame < 15
    outside, _ = tracked(clip, [Drawn(made.truth[2], frame=2)], tmp_path / "outside", span=(8, 15))
    assert overlap(outside.track.mask(14), made.truth[14]) > 0.8
    with pytest.raises(UsageError, match="frames 20 to 24"):
        tracked(clip, [Drawn(made.truth[2])], tmp_path, span=(20, 25))


def test_stopping_leaves_runs_that_can_be_gone_on_from(made, clip, tmp_path):
    asked = itertools.count()
    with pytest.raises(Stopped):
        # Once for each frame when cuts are looked for, and then while the tracker goes.
        track(clip, [Drawn(made.truth[0])], folder=tmp_path, should_stop=lambda: next(asked) > clip.frame_count + 5)
    assert not list((tmp_path / "runs").iterdir())
    found, _ = tracked(clip, [Drawn(made.truth[0])], tmp_path)
    assert overlap(found.track.mask(20), made.truth[20]) > 0.8


# Shots


@pytest.fixture(scope="module")
def cuts(made, tmp_path_factory):
    """The ball, then another scene, then the ball again, a little further: 12 frames each."""
    with contextlib.closing(probe(made.clip).frames()) as frames:
        ball = np.stack([frame.rgb for frame in frames])
    other = np.stack([noise(40 + k // 3, (180, 320), np.array([90.0, 90, 160]), [240, 200, 255]) for k in range(12)])
    folder = tmp_path_factory.mktemp("cuts")
    return probe(encode(np.concatenate([ball[:12], other.astype(np.uint8), ball[12:]]), folder / "cuts.mp4"))


def test_a_track_ends_at_a_cut_and_goes_on_where_the_object_is_found_again(made, cuts, tmp_path):
    found, _ = tracked(cuts, [Drawn(made.truth[0])], tmp_path)
    assert found.shots == (0, 12, 24)
    assert overlap(found.track.mask(11), made.truth[11]) > 0.8
    for frame in range(12, 24):
        assert not found.track.mask(frame).any()
        assert found.track.confidence[1][frame] == 0
    assert overlap(found.track.mask(30), made.truth[18]) > 0.7
    assert 12 <= found.worst().frame < 24
    assert f"least sure at frame {found.worst().frame} (0%)" in found.notes[-1]


def test_backwards_it_ends_there_too(made, cuts, tmp_path):
    found, _ = tracked(cuts, [Drawn(made.truth[20], frame=32)], tmp_path)
    assert not any(found.track.mask(frame).any() for frame in range(12, 24))
    assert overlap(found.track.mask(3), made.truth[3]) > 0.7


@pytest.mark.real_data
def test_no_mask_bleeds_across_the_cuts_of_a_real_clip(shared_data, tmp_path):
    clip = probe(shared_data / "clips" / "hard_cuts.mp4")
    found, _ = tracked(clip, [Box(100, 40, 260, 250, frame=70)], tmp_path, span=(60, 230))
    assert found.shots == (60, 138, 219)
    assert found.track.mask(137).any()
    for cut in (138, 219):
        confidence = found.track.confidence[1][cut]
        assert found.track.mask(cut).any() == (confidence > 0.2)


# Keys, as plain values


def far(clip, prompts, start=0, stop=24):
    keys = keys_of(clip, prompts)
    return {(keys[place].frame, way): end for (place, way), end in reach(keys, start, stop).items()}


def test_each_key_is_followed_to_the_next_of_its_object(clip):
    assert far(clip, [Point(1, 1)]) == {(0, "forwards"): 23}
    assert far(clip, [Point(1, 1, frame=7)]) == {(7, "forwards"): 23, (7, "backwards"): 0}
    assert far(clip, [Point(1, 1), Point(1, 1, frame=9)]) == {
        (0, "forwards"): 9,
        (9, "backwards"): 1,
        (9, "forwards"): 23,
    }
    two = [Point(1, 1), Point(5, 5, frame=9, object=2)]
    assert far(clip, two) == {(0, "forwards"): 23, (9, "backwards"): 0, (9, "forwards"): 23}


def test_keys_come_in_the_order_of_the_log(clip):
    log = [Point(1, 1, frame=9), Point(1, 1), Point(2, 2, frame=9, object=2)]
    assert [(key.frame, key.objects, len(key.prompts)) for key in keys_of(clip, log)] == [(9, (1, 2), 2), (0, (1,), 1)]


# Real objects


@pytest.mark.real_data
def test_objects_that_enter_later_are_tracked_from_where_they_are_marked(shared_data, tmp_path):
    judo = shared_data / "multi" / "judo"
    clip = Davis("judo", tuple(sorted((judo / "frames").glob("*.jpg"))), ()).clip()
    drawn = {}
    for path in sorted((judo / "masks").glob("*.png")):
        labels = read_mask(path)
        number = int(labels.max())
        drawn[path.stem] = Drawn(labels == number, frame=int(path.stem), object=number)
    with pytest.raises(MaskSizeMismatch, match=r"853 x 480 pixels and the clip 854 x 480"):
        track(clip, list(drawn.values()), folder=tmp_path)
    del drawn["00005"]
    found, _ = tracked(clip, list(drawn.values()), tmp_path)
    assert found.track.objects == (1, 3, 4)
    for prompt in drawn.values():
        assert overlap(found.track.mask(prompt.frame, prompt.object), prompt.mask) > 0.97
        assert found.track.mask(15, prompt.object).any()
    for frame in range(clip.frame_count):
        count = sum(found.track.mask(frame, number).astype(int) for number in found.track.objects)
        assert count.max() <= 1


@pytest.mark.real_data
def test_three_real_objects_keep_who_they_are(shared_data, tmp_path):
    dogs = shared_data / "multi" / "dogs_jump"
    clip = probe(dogs / "clip.mp4")
    truth = [read_mask(path) for path in sorted((dogs / "labels").glob("*.png"))]
    found, _ = tracked(clip, [Drawn(truth[0] == number, object=number) for number in (1, 2, 3)], tmp_path)
    scores = score_objects((found.track.labels(frame), truth[frame]) for frame in range(clip.frame_count))
    assert np.mean([score.j.mean for score in scores.values()]) > 0.55
    for frame in range(clip.frame_count):
        masks = [found.track.mask(frame, number) for number in (1, 2, 3)]
        overlaps = np.array([[overlap(mask, truth[frame] == number) for number in (1, 2, 3)] for mask in masks])
        # Whoever is given whose mask so that all fit best, everybody gets their own.
        assert linear_sum_assignment(overlaps, maximize=True)[1].tolist() == [0, 1, 2], frame


def test_an_object_without_pixels_is_named(made, clip, tmp_path):
    log = [Drawn(made.truth[0], object=1), Drawn(np.zeros_like(made.truth[0]), object=2)]
    found, _ = tracked(clip, log, tmp_path)
    assert any("Object 2 has no pixels" in note for note in found.notes)
    assert not any("Object 1 has no pixels" in note for note in found.notes)
