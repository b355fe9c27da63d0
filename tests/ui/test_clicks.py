"""Places on the displayed picture and in the frame, and the log of clicks."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avfusion.clip import Box, Clip, Point
from avfusion.ui.clicks import Selection, clicked, shown_size, to_frame, to_shown, undone


def clip_of(width: int, height: int, aspect: Fraction = Fraction(1)) -> Clip:
    return Clip(
        path=Path("clip.mp4"), width_px=width, height_px=height, fps=Fraction(25), time_base=Fraction(1, 25),
        ticks=np.arange(3), end_tick=3, codec="h264", container="mov", pixel_format="yuv420p", pixel_aspect=aspect,
    )  # fmt: skip


clips = st.builds(
    clip_of, st.integers(16, 4096), st.integers(16, 4096), st.sampled_from([Fraction(1), Fraction(2), Fraction(12, 11)])
)


@given(clips)
def test_the_displayed_picture_has_square_pixels_and_a_sensible_size(clip: Clip) -> None:
    width, height = shown_size(clip)
    assert 959 <= max(width, height) <= 1280
    shape = clip.width_px * clip.pixel_aspect / clip.height_px
    assert abs(width - height * shape) <= 1 + shape


@given(clips, st.floats(0, 1, exclude_max=True), st.floats(0, 1, exclude_max=True))
def test_the_frame_pixel_lies_under_the_click(clip: Clip, right: float, down: float) -> None:
    shown_width, shown_height = shown_size(clip)
    x_shown, y_shown = int(right * shown_width), int(down * shown_height)
    x, y = to_frame(clip, x_shown, y_shown)
    assert x * shown_width <= x_shown * clip.width_px < (x + 1) * shown_width
    assert y * shown_height <= y_shown * clip.height_px < (y + 1) * shown_height


@given(clips, st.floats(0, 1, exclude_max=True), st.floats(0, 1, exclude_max=True))
def test_there_and_back(clip: Clip, right: float, down: float) -> None:
    x, y = int(right * clip.width_px), int(down * clip.height_px)
    back = to_frame(clip, *to_shown(clip, x, y))
    shown_width, shown_height = shown_size(clip)
    assert abs(back[0] - x) <= max(1, clip.width_px / shown_width)
    assert abs(back[1] - y) <= max(1, clip.height_px / shown_height)


@pytest.mark.parametrize("place", [(-3, -3), (10_000, 10_000)])
def test_a_click_outside_counts_at_the_edge(place: tuple[float, float]) -> None:
    assert to_frame(clip_of(640, 360), *place) in [(0.0, 0.0), (639.0, 359.0)]


def test_points_are_logged_in_order() -> None:
    log = clicked(Selection(), 3, 4, frame=2, tool="keep")
    log = clicked(log, 5, 6, frame=0, tool="drop")
    assert log.prompts == (Point(3, 4, True, 2), Point(5, 6, False, 0))
    assert log.on_frame(2) == (Point(3, 4, True, 2),)
    assert undone(log).prompts == (Point(3, 4, True, 2),)
    assert undone(undone(undone(log))) == Selection()


def test_a_box_takes_two_clicks_in_any_order_on_one_frame() -> None:
    begun = clicked(Selection(), 30, 40, frame=1, tool="box")
    assert begun.prompts == ()
    assert begun.corner is not None
    assert clicked(begun, 10, 50, frame=1, tool="box") == Selection((Box(10, 40, 31, 51, 1),))
    elsewhere = clicked(begun, 1, 2, frame=0, tool="box")
    assert elsewhere.prompts == ()
    assert elsewhere.corner is not None
    assert elsewhere.corner.frame == 0
    assert undone(begun) == Selection()
