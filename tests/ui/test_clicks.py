"""Places on the displayed picture and in the frame, and the log of clicks."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avfusion.clip import Box, Clip, Point, Scribble
from avfusion.ui.clicks import (
    Selection,
    Tool,
    changed_frame,
    choosing,
    clicked,
    dragged,
    emptied,
    fresh,
    redone,
    shown_size,
    stroke_width_px,
    to_frame,
    to_shown,
    undone,
    with_another,
    without_object,
)


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


# Undo, redo and objects: laws that hold whatever the visitor does


def tool_at(x: float, tool: Tool) -> Callable[[Selection], Selection]:
    return lambda log: clicked(log, x, 2 * x, frame=int(x) % 5, tool=tool)


actions = st.one_of(
    st.builds(tool_at, st.integers(0, 50).map(float), st.sampled_from(["keep", "drop", "box", "scribble"])),
    st.builds(lambda number: partial(choosing, number=number), st.integers(1, 3)),
    st.builds(lambda number: partial(without_object, number=number), st.integers(1, 3)),
    st.sampled_from([with_another, emptied, undone, redone]),
)
histories = st.lists(actions, max_size=25)


def played(history: list[Callable[[Selection], Selection]]) -> Selection:
    log = Selection()
    for action in history:
        log = action(log)
    return log


@given(histories)
def test_undo_goes_back_to_the_very_beginning_and_redo_all_the_way_back(
    history: list[Callable[[Selection], Selection]],
) -> None:
    log = played(history)
    end = redone_wholly(log)
    back = end
    for _ in range(len(end.past) + 1):
        back = undone(back)
    assert back.prompts == ()
    assert back.past == ()
    assert redone_wholly(back).prompts == end.prompts


def redone_wholly(log: Selection) -> Selection:
    while log.future:
        log = redone(log)
    return log


@given(histories, st.sampled_from(["keep", "drop"]))
def test_a_new_click_forgets_what_was_undone(history: list[Callable[[Selection], Selection]], tool: Tool) -> None:
    log = undone(played(history))
    new = clicked(log, 7, 8, frame=3, tool=tool)
    assert redone(new) == new
    assert undone(new).prompts == log.prompts
    assert redone(undone(new)) == new


@given(histories, st.integers(1, 3))
def test_an_object_that_is_removed_comes_back_by_undo(
    history: list[Callable[[Selection], Selection]], number: int
) -> None:
    log = played(history)
    without = without_object(log, number)
    assert number not in without.marked
    assert [prompt for prompt in log.prompts if prompt.object != number] == list(without.prompts)
    assert without.chosen in without.objects
    if number in log.marked:
        assert undone(without).prompts == log.prompts


@given(histories)
def test_clicks_go_to_the_chosen_object(history: list[Callable[[Selection], Selection]]) -> None:
    log = played(history)
    assert log.chosen in log.objects
    assert clicked(log, 1, 2, frame=0, tool="keep").prompts[-1].object == log.chosen
    new = with_another(log)
    assert new.chosen not in new.marked
    assert with_another(new) == new


def test_a_drag_is_a_stroke_or_a_box_and_else_a_click() -> None:
    drag = partial(dragged, Selection(chosen=2), frame=4, width_px=3)
    places = [(5.0, 6.0), (5.0, 6.0), (9.0, 2.0), (3.0, 8.0)]
    stroke = Scribble(((5, 6), (9, 2), (3, 8)), False, 3, 4, 2)
    assert drag(places, tool="scribble", keep=False).prompts == (stroke,)
    assert drag(places, tool="box", keep=True).prompts == (Box(3, 6, 6, 9, 4, 2),)
    assert drag(places, tool="keep", keep=False).prompts == (Point(5, 6, True, 4, 2),)
    assert drag(places[:2], tool="scribble", keep=False).prompts == (Point(5, 6, False, 4, 2),)


@given(clips)
def test_a_stroke_is_as_wide_on_the_page_whatever_the_clip(clip: Clip) -> None:
    shown_px = stroke_width_px(clip) * shown_size(clip)[0] / clip.width_px
    assert shown_px == pytest.approx(10) or stroke_width_px(clip) == 1


def test_where_a_log_has_changed() -> None:
    log = clicked(clicked(Selection(), 1, 1, frame=7, tool="keep"), 2, 2, frame=3, tool="keep")
    assert changed_frame(log, undone(log)) == changed_frame(undone(log), log) == 3
    assert changed_frame(log, log) is None
    assert changed_frame(log, choosing(log, 2)) is None
    assert changed_frame(log, emptied(log)) == 3


@given(st.lists(st.integers(0, 3), max_size=6), st.lists(st.integers(0, 3), max_size=6))
def test_what_is_new_in_a_log(one: list[int], other: list[int]) -> None:
    log, known = ([Point(float(x), 0) for x in places] for places in (one, other))
    new = fresh(log, known)
    shared = len(log) - len(new)
    assert [*log[:shared], *new] == log
    assert log[:shared] == known[:shared]
    assert shared in (len(log), len(known)) or log[shared] != known[shared]
