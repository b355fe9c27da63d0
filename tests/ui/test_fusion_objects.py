"""Objects of two tabs as one list."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from avfusion.clip import Clip, Drawn, Point
from avfusion.media.probe import probe
from avfusion.ui.clicks import Selection
from avfusion.ui.fusion_cards import drawn
from avfusion.ui.fusion_objects import gather, is_same_clip
from avfusion.ui.inpaint_visit import InpaintVisit
from avfusion.ui.visit import Visit
from tests.ui.making import balls, write_clip


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return probe(write_clip(tmp_path_factory.mktemp("objects") / "ball.mp4", balls(4, 64, 48)))


def visits(clip: Clip, other: Clip | None = None) -> tuple[Visit, InpaintVisit]:
    background, inpaint = Visit(), InpaintVisit()
    background.show(clip, Selection((Point(9, 9), Point(30, 30, object=3))))
    if other is not None:
        inpaint.show(other, Selection((Point(50, 40, object=2),)))
    return background, inpaint


def test_without_a_clip_there_are_none() -> None:
    assert gather(Visit(), InpaintVisit()).marked == ()


def test_what_inpaint_marks_gets_numbers_of_its_own_and_goes(clip: Clip) -> None:
    objects = gather(*visits(clip, clip))
    assert objects.keys == ("background-1", "background-3", "inpaint-2")
    assert objects.going == {"inpaint-2"}
    assert objects.numbers(objects.going) == (4,)
    assert {prompt.object for prompt in objects.prompts} == {1, 3, 4}
    assert objects.prompts[-1] == Point(50, 40, object=4)


def test_what_is_marked_in_another_clip_does_not_count(clip: Clip, tmp_path: Path) -> None:
    other = probe(write_clip(tmp_path / "ball.mp4", balls(5, 64, 48)))
    assert gather(*visits(clip, other)).keys == ("background-1", "background-3")


@pytest.mark.parametrize("mask", [False, True])
def test_what_is_marked_the_same_in_both_is_one_object_that_goes(clip: Clip, mask: bool) -> None:
    background, inpaint = visits(clip, clip)
    same = Drawn(np.ones((48, 64), bool)) if mask else Point(9, 9)
    background.selection = Selection((same, Point(30, 30, object=3)))
    inpaint.selection = Selection((replace(same, object=7),))
    objects = gather(background, inpaint)
    assert objects.keys == ("background-1", "background-3")
    assert objects.going == {"background-1"}


def test_a_copy_of_a_clip_is_the_same_clip_and_a_shorter_one_is_not(clip: Clip, tmp_path: Path) -> None:
    copy = probe(Path(shutil.copy(clip.path, tmp_path)))
    assert is_same_clip(clip, copy)
    copy.path.unlink()
    assert not is_same_clip(clip, copy)


def test_what_goes_is_chequered_and_what_stays_is_tinted(clip: Clip) -> None:
    shown = np.full((720, 960, 3), 40, np.uint8)
    labels = np.zeros((48, 64), np.uint8)
    labels[8:40, 4:28], labels[8:40, 36:60] = 1, 2
    out = drawn(shown, clip, labels, {2})
    hole = out[200:500, 600:840].astype(int)
    assert hole.std(axis=(0, 1)).min() > 10  # squares
    assert np.abs(hole[..., 0] - hole[..., 2]).max() <= 2  # without a colour
    kept = out[200:500, 100:400].astype(int)
    assert np.ptp(kept.reshape(-1, 3), axis=0).max() == 0
    assert np.abs(kept[0, 0] - 40).max() > 30
    assert (out[:60] == 40).all()
