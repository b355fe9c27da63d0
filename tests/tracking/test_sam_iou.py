"""`sam-iou` takes the mask that is where the object should be, whatever the order, and hides rather than guess."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from avfusion.clip import Drawn, Mask, Rgb
from avfusion.engines.catalogue import find
from avfusion.errors import MaskSizeMismatch, NoPrompt
from avfusion.media.probe import probe
from avfusion.metrics.vos import region_similarity
from avfusion.pipelines.track import track
from avfusion.segmentation.automatic import Found
from avfusion.segmentation.promptable import Promptable
from avfusion.tracking import Tracked
from avfusion.tracking.pursued import Limits, Pursued, moved
from avfusion.tracking.sam_iou import SamIou
from tests.engines.test_segmenters import put
from tests.pipelines.conftest import encode
from tests.segmentation.tiny_sam import tiny_sam
from tests.tracking.flood import FloodFill, Sprite, play, regions
from tests.tracking.sprites import Scene, frame


class Oracle(Promptable):
    """A SAM that is right about even sprites, and gives all its masks in an order that says nothing."""

    def everything(self, rgb: Rgb) -> list[Found]:
        masks = regions(rgb)
        np.random.default_rng(int(rgb.sum()) % 1000).shuffle(masks)
        size = (rgb.shape[0], rgb.shape[1])
        return [Found(np.packbits(mask, axis=1), size, (0, 0, 1, 1), 1.0, 1.0) for mask in masks]


PROMPTED = SamIou(Oracle("sam-iou", FloodFill()))
ENGINES = pytest.mark.parametrize("engine", [PROMPTED, PROMPTED.exhaustively()], ids=["prompted", "exhaustive"])


def follow(engine: SamIou, sprites: Sequence[Sprite], **more: object) -> list[tuple[Tracked, list[Mask]]]:
    """What the engine says of each frame after the first, and the truth."""
    shown = play(sprites, **more)  # type: ignore[arg-type]
    first, truth = next(shown)
    state = engine.begin(first, {number + 1: mask for number, mask in enumerate(truth)})
    return [(state.step(frame), masks) for frame, masks in shown]


@ENGINES
def test_what_moves_is_followed_to_the_pixel(engine: SamIou) -> None:
    for tracked, (truth,) in follow(engine, [Sprite((40, 70), (7, 1))], frames=18):
        np.testing.assert_array_equal(tracked.masks[1], truth)
        assert tracked.confidence[1] > 0.7


@ENGINES
def test_it_goes_behind_a_bar_and_is_found_when_it_comes_out(engine: SamIou) -> None:
    answers = follow(engine, [Sprite((40, 70), (6, 0))], frames=32, bar=(105, 50))
    for tracked, (truth,) in answers:
        visible = truth.sum() / (np.pi * 18**2)
        if visible == 0:
            assert not tracked.masks[1].any()
            assert tracked.confidence[1] == 0
        elif visible > 0.6:
            assert region_similarity(tracked.masks[1], truth) > 0.9
        assert not (tracked.masks[1] & ~truth).any()
    assert any(not truth.any() for _, (truth,) in answers)
    np.testing.assert_array_equal(answers[-1][0].masks[1], answers[-1][1][0])


@ENGINES
def test_two_of_the_same_looks_that_cross_are_not_swapped(engine: SamIou) -> None:
    sprites = [Sprite((40, 60), (8, 1)), Sprite((220, 76), (-8, -1))]
    answers = follow(engine, sprites, frames=22)
    for tracked, truth in answers:
        assert not (tracked.masks[1] & tracked.masks[2]).any()
        for number in (1, 2):
            assert not (tracked.masks[number] & ~(truth[0] | truth[1])).any()
    tracked, truth = answers[-1]
    for number in (1, 2):
        np.testing.assert_array_equal(tracked.masks[number], truth[number - 1])


@ENGINES
def test_what_vanishes_is_hidden_and_nothing_else_is_taken_for_it(engine: SamIou) -> None:
    other = Sprite((70, 100), (0, 0), colour=(40, 60, 220))
    answers = follow(engine, [Sprite((60, 60), (3, 0), gone=range(8, 40)), other], frames=24)
    for index, (tracked, truth) in enumerate(answers, start=1):
        np.testing.assert_array_equal(tracked.masks[2], truth[1])
        if index >= 8:
            assert not tracked.masks[1].any()
            assert tracked.confidence[1] == 0


@ENGINES
def test_what_comes_back_somewhere_else_is_found_by_its_looks(engine: SamIou) -> None:
    there, away = Sprite((60, 70), (0, 0), gone=range(6, 99)), Sprite((115, 80), (0, 0), gone=range(16))
    shown = list(play([there, away], frames=24))
    state = engine.begin(shown[0][0], {1: shown[0][1][0]})
    answers = [state.step(frame) for frame, _ in shown[1:]]
    assert not answers[9].masks[1].any()
    np.testing.assert_array_equal(answers[-1].masks[1], shown[-1][1][1])


def test_the_order_of_masks_does_not_matter() -> None:
    """The fault of the paper's code: the mask to compare with was overwritten while the others were compared."""
    random = np.random.default_rng(4)
    rgb = np.zeros((60, 80, 3), np.uint8)
    mask = np.zeros((60, 80), bool)
    mask[20:40, 30:50] = True
    masks = [moved(mask, *random.integers(-9, 10, 2).tolist()) for _ in range(7)] + [moved(mask, 2, 1)] * 2
    target = Pursued(rgb, mask, Limits(least_overlap=0.01))
    nothing = np.zeros_like(mask)
    best = max(region_similarity(mask, other) for other in masks)
    for _ in range(20):
        random.shuffle(masks)
        sighting = target.sighted(rgb, masks, nothing)
        assert sighting is not None
        assert sighting.fit == best


def test_a_mask_that_hardly_overlaps_is_not_taken() -> None:
    rgb = np.zeros((60, 80, 3), np.uint8)
    mask = np.zeros((60, 80), bool)
    mask[20:40, 30:50] = True
    target = Pursued(rgb, mask, Limits(least_overlap=0.3))
    nothing = np.zeros_like(mask)
    assert target.sighted(rgb, [moved(mask, 15, 0), ~mask, nothing], nothing) is None
    assert target.sighted(rgb, [moved(mask, 8, 0)], nothing) is not None
    assert target.sighted(rgb, [], nothing) is None


def test_a_mask_of_other_colours_is_not_taken() -> None:
    mask = np.zeros((60, 80), bool)
    mask[20:40, 30:50] = True
    red, blue = (np.full((60, 80, 3), colour, np.uint8) for colour in ((200, 30, 30), (30, 30, 200)))
    target = Pursued(red, mask, Limits())
    nothing = np.zeros_like(mask)
    assert target.sighted(red, [mask], nothing) is not None
    assert target.sighted(blue, [mask], nothing) is None


def test_corrections_are_taken_over_and_time_may_turn() -> None:
    shown = list(play([Sprite((40, 70), (7, 0))], frames=12))
    state = PROMPTED.begin(shown[0][0], {1: shown[0][1][0]})
    for picture, _ in shown[1:]:
        state.step(picture)
    assert state.correct({1: shown[-1][1][0]}, turns=True)
    for picture, truth in reversed(shown[:-1]):
        np.testing.assert_array_equal(state.step(picture).masks[1], truth[0])
    assert not state.correct({2: shown[0][1][0]}, turns=False)


def test_what_cannot_be_followed_is_said() -> None:
    picture, (mask,) = next(play([Sprite((40, 70), (0, 0))], frames=1))
    with pytest.raises(NoPrompt):
        PROMPTED.begin(picture, {1: np.zeros_like(mask)})
    with pytest.raises(MaskSizeMismatch, match="259x140"):
        PROMPTED.begin(picture, {1: mask[:, 1:]})
    state = PROMPTED.begin(picture, {1: mask})
    with pytest.raises(MaskSizeMismatch, match="another size"):
        state.step(frame(1, np.zeros((100, 100, 3), np.uint8)))


def test_tiny_weights_through_the_catalogue_and_a_track(tmp_path: Path) -> None:
    row = find("sam-iou", "tracking")
    assert row.sources == find("sam-vit-b", "segmentation").sources
    put(row.sources[0], lambda path: tiny_sam(path, side_px=64))
    shown = list(Scene(frames=4, height=72, width=96, radius_px=14, start=(40, 36)).play())
    clip = probe(encode(np.stack([picture.rgb for picture, _ in shown]), tmp_path / "clip.mp4", sound=False))
    answers = []
    for folder in ("one", "other"):
        found = track(clip, [Drawn(shown[0][1])], folder=tmp_path / folder, engine="sam-iou")
        assert found.engines["tracking"] == "sam-iou"
        answers.append(np.stack([found.track.mask(index) for index in range(4)]))
        np.testing.assert_array_equal(answers[0][0], shown[0][1])
    np.testing.assert_array_equal(*answers)
