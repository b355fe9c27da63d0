"""The strip under the scrubber."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from avfusion.pipelines.timeline import Worst
from avfusion.ui.colours import hex_of
from avfusion.ui.timeline import Timeline, described, strip, why


def parsed(line: Timeline) -> ElementTree.Element:
    return ElementTree.fromstring(strip(line))


def places(line: Timeline, kind: str) -> list[float]:
    """Where the marks of a kind are, in percent."""
    found = [part.get("style", "") for part in parsed(line).iter("i") if part.get("class") == kind]
    return [float(re.findall(r"left:([\d.]+)", style)[0]) for style in found]


def outline(line: Timeline) -> list[tuple[float, float]]:
    """(right end, height 0..1) of each bar of the first object."""
    path = next(part for part in parsed(line).iter("path") if part.get("class") == "sure").get("d", "")
    return [(float(right), 1 - float(top) / 10) for top, right in re.findall(r"V([\d.]+)H([\d.]+)", path)]


@given(st.integers(1, 3000), st.data())
def test_marks_stand_on_the_frames_they_are_about(count: int, data: st.DataObject) -> None:
    frame = data.draw(st.integers(0, count - 1))
    line = Timeline(count, frame, {1: [frame]}, {}, shots=(0, frame))
    for kind in ("cursor", "key"):
        (place,) = places(line, kind)
        assert int(place / 100 * count) == frame, "a press on the mark leads to its frame"
    if frame:
        (cut,) = places(line, "cut")
        assert abs(cut / 100 * count - frame) < 0.02 * count / 100 + 1e-6


@given(st.integers(1, 2000), st.integers(0, 10**6))
def test_no_doubtful_frame_is_lost_between_bars(count: int, seed: int) -> None:
    values = np.random.default_rng(seed).uniform(0, 1, count).astype(np.float32)
    bars = outline(Timeline(count, 0, {1: [0]}, {1: values}))
    assert len(bars) <= 400
    assert bars[-1][0] == count
    left = 0
    for right, height in bars:
        assert abs(height - values[left : int(right)].min()) <= 0.0051
        left = int(right)


def test_only_what_was_followed_has_bars() -> None:
    values = np.full(100, 0.9, np.float32)
    bars = outline(Timeline(100, 0, {1: [30]}, {1: values}, tracked=(20, 40)))
    assert [right for right, _ in bars] == list(range(21, 41))


def test_each_object_has_a_row_in_its_colour() -> None:
    line = Timeline(10, 0, {1: [0], 3: []}, {1: np.ones(10, np.float32)})
    rows = [part.get("style", "") for part in parsed(line).iter("div") if part.get("class") == "row"]
    assert rows == [f"--object:{hex_of(1)}", f"--object:{hex_of(3)}"]


def test_the_ends_that_do_not_count_are_shaded() -> None:
    shades = [part.get("style") for part in parsed(Timeline(10, 0, {1: []}, {}, span=(2, 7))).iter("i")][:2]
    assert shades == ["left:0;width:20.000%", "left:70.000%;right:0"]
    assert places(Timeline(10, 0, {1: []}, {}), "out") == []


def test_the_strip_in_words() -> None:
    values = np.array([1, 0.9, 0.31, 0.8], np.float32)
    line = Timeline(4, 1, {1: [0], 2: []}, {1: values}, shots=(0, 2), span=(1, 4))
    said = described(line)
    for part in (
        "4 frames, frame 1 shown", "object 1: clicks on frame 0, least sure on frame 2 (31 %)",
        "object 2: no clicks yet", "cuts before frame 2", "only frames 1 to 3 count",
    ):  # fmt: skip
        assert part in said
    assert parsed(line).get("role") == "img"
    assert parsed(line).get("aria-label") == said
    assert "object 2, confidence 31 %" in why(Worst(5, 2, 0.31))
