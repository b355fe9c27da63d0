"""Lines by step as SVG: what is drawn of many steps, which axis they get, and that anything can be drawn."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avfusion.media.curve import POINTS, Line, Plot, figure, means, smoothed

Points = list[tuple[float, float]]


def line(values: list[float], *, name: str = "loss", key: str = "a", is_smooth: bool = False) -> Line:
    steps = np.arange(1, len(values) + 1, dtype=np.float64)
    return Line(name, steps, np.array(values, np.float64), key, is_smooth)


def points(html: str, kind: str) -> Points:
    (drawn,) = re.findall(rf'class="{kind}" d="M([^"]+)"', html)
    return [(float(x), float(y)) for x, y in (point.split() for point in drawn.split("L"))]


def ticks(html: str) -> list[float]:
    (beside,) = re.findall(r'<div class="beside">(.*?)</div>', html)
    return [float(tick) for tick in re.findall(r">([^<]+)</span>", beside)]


def test_nothing_is_drawn_of_nothing() -> None:
    assert figure(Plot("Losses", ())) == ""
    assert figure(Plot("Losses", (line([]),))) == ""


def test_of_many_steps_means_are_drawn_and_a_falling_loss_goes_down() -> None:
    drawn = points(figure(Plot("Losses", (line([100 / step for step in range(1, 2001)]),))), "line-a")
    assert len(drawn) == POINTS
    heights = [y for _, y in drawn]
    assert heights == sorted(heights)
    assert drawn[-1][0] == pytest.approx(1000, rel=2e-3)
    np.testing.assert_allclose(means(np.arange(6.0), np.array([0, 2, 6])), [0.5, 3.5])


@pytest.mark.parametrize(
    ("values", "scale", "expected"),
    [
        ([1, 2, 3, 4], "fitting", [1, 2, 3, 4]),
        ([1, 30, 400], "fitting", [1, 10, 100]),
        ([0, 30, 400], "fitting", [0, 100, 200, 300, 400]),
        ([-1, 0, 1], "fitting", [-1, -0.5, 0, 0.5, 1]),
        ([0.2, 0.25], "log", [0.2]),
        ([1e-4, 1e4], "log", [1e-4, 1e-2, 1, 100, 1e4]),
        ([0, 5e3], "log", [1e-5, 1e-3, 0.1, 10, 1e3]),
    ],
)
def test_a_wide_range_is_drawn_on_a_logarithmic_axis(values: list[float], scale: str, expected: list[float]) -> None:
    drawn = figure(Plot("Losses", (line(values),), scale=scale))  # type: ignore[arg-type]
    assert ticks(drawn) == expected


def test_a_smooth_line_lies_within_what_lies_behind_it() -> None:
    values = np.abs(np.random.default_rng(0).standard_normal(3000)) + 1
    drawn = figure(Plot("Losses", (line(values.tolist(), is_smooth=True),)))
    middle, around = points(drawn, "line-a"), points(drawn, "band-a")
    assert len(around) == 2 * len(middle) == 2 * POINTS
    highest, lowest = around[:POINTS], around[: POINTS - 1 : -1]
    for (x, y), (x_high, high), (x_low, low) in zip(middle, highest, lowest, strict=True):
        assert x == x_high == x_low
        assert high <= low
        assert min(point[1] for point in highest) <= y <= max(point[1] for point in lowest)
    assert np.diff([y for _, y in middle]).std() < 0.2 * np.diff([y for _, y in highest]).std()


@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=500))
def test_smoothing_keeps_the_length_the_range_and_what_is_straight(values: list[float]) -> None:
    found = smoothed(np.array(values))
    room = 1e-6 * max(values)
    assert len(found) == len(values)
    assert min(values) - room <= found.min()
    assert found.max() <= max(values) + room
    np.testing.assert_allclose(smoothed(np.arange(float(len(values)))), np.arange(float(len(values))), atol=1e-9)


@given(
    st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=900), st.sampled_from(["log", "linear", "fitting"]),
    st.booleans(),
)  # fmt: skip
def test_anything_is_drawn_within_the_picture(values: list[float], scale: str, is_smooth: bool) -> None:
    drawn = figure(Plot("Losses", (line(values, is_smooth=is_smooth),), scale=scale))  # type: ignore[arg-type]
    for x, y in points(drawn, "line-a") + (points(drawn, "band-a") if is_smooth else []):
        assert 0 <= x <= 1000
        assert 0 <= y <= 100
    assert len(ticks(drawn)) <= 9


def test_lines_are_named_and_told_apart_and_a_dot_lies_on_its_line() -> None:
    lines = (line([0.1, 0.5], name="M_J"), line([0.2, 0.9], name="a < b", key="b"))
    drawn = figure(Plot("Scores", lines, scale="linear", about="Both rise & rise.", last=4, dots=((2, 0.5),)))
    assert '<span class="key-a">M_J 0.5</span><span class="key-b">a &lt; b 0.9</span>' in drawn
    assert '<svg viewBox="0 0 1000 100" preserveAspectRatio="none" role="img"><title>Scores by step</title>' in drawn
    assert "<desc>Both rise &amp; rise.</desc>" in drawn
    ((left, top),) = re.findall(r'class="dot" style="left:([\d.]+)%;top:([\d.]+)%"', drawn)
    assert points(drawn, "line-a")[-1] == (10 * float(left), float(top)) == (500, pytest.approx(float(top)))
