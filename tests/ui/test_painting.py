"""The brush: what it covers, adds and takes away. Plain values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from avfusion.clip import Clip, Drawn
from avfusion.media.probe import probe
from avfusion.ui.clicks import Selection, shown_size, undone
from avfusion.ui.painting import brushed, painted
from avfusion.ui.visit import Visit
from tests.ui.making import balls, write_clip


@pytest.fixture
def clip(tmp_path: Path) -> Clip:
    return probe(write_clip(tmp_path / "one.mp4", balls(2, 320, 180)))


def test_a_brush_covers_what_lies_within_half_its_width(clip: Clip) -> None:
    assert shown_size(clip) == (960, 540)
    rows, columns = np.ogrid[:180, :320]
    for places in ([(480.0, 270.0)], [(300.0, 270.0), (660.0, 270.0)]):
        mask = brushed(clip, places, 60)
        nearest_x = np.clip(columns * 3 + 1, places[0][0], places[-1][0])
        distance_px = np.hypot(columns * 3 + 1 - nearest_x, rows * 3 + 1 - 270)
        assert mask[distance_px < 27].all()
        assert not mask[distance_px > 33].any()


def test_strokes_add_and_rub_out_and_are_one_mask(clip: Clip) -> None:
    visit = Visit()
    visit.show(clip, Selection())

    def stroke(x: float, *, keep: bool) -> None:
        visit.selection = painted(visit, clip, 1, [(x, 270)], width_px=90, keep=keep, segmenter="auto")

    def area() -> int:
        (drawn,) = visit.selection.prompts
        assert isinstance(drawn, Drawn)
        assert drawn.frame == 1
        return int(drawn.mask.sum())

    stroke(300, keep=False)
    assert visit.selection.prompts == ()
    stroke(300, keep=True)
    one = area()
    assert one == pytest.approx(np.pi * 15**2, rel=0.05)
    stroke(600, keep=True)
    assert area() == pytest.approx(2 * one, abs=4)
    stroke(300, keep=False)
    assert area() == pytest.approx(one, abs=4)
    visit.selection = undone(visit.selection)
    assert area() == pytest.approx(2 * one, abs=4)
