"""What the page says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from avfusion.clip import Box, Point, Scribble
from avfusion.engines.catalogue import choose
from avfusion.errors import CannotRead, UsageError
from avfusion.jobs.home import home
from avfusion.pipelines.progress import Progress
from avfusion.pipelines.report import Report
from avfusion.ui import words
from avfusion.ui.clicks import Corner, Selection
from avfusion.ui.rendering import as_hex, chosen_background


def test_nothing_from_outside_becomes_markup() -> None:
    said = words.problem(CannotRead("/srv/x/<b>.mp4: broken"), Path("/srv/x/<b>.mp4"))
    assert "&lt;b&gt;.mp4: broken" in said
    assert "/srv" not in said


def test_progress_is_between_nothing_and_all() -> None:
    said = words.progress(Progress("rendering", 30, 40, 12.345, 95.0))
    for part in ("width:75%", 'aria-valuenow="75"', "frame 30 of 40", "12.3 frames/s", "2 min"):
        assert part in said
    assert "0%" in words.progress(Progress("tracking", 0, 0, 0.0, None))
    learning = words.progress(Progress("learning", 30, 40, 12.345, None))
    assert "Learning the object" in learning
    assert "step 30 of 40 · 12.3 steps/s" in learning


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.2, "1 s"), (59.6, "60 s"), (150, "2 min"), (3600 * 2 + 300, "2 h 5 min")]
)
def test_durations_are_rough(seconds: float, said: str) -> None:
    assert words.duration(seconds) == said


@pytest.mark.parametrize(("seconds", "said"), [(0.04, "0:00.0"), (75.46, "1:15.5"), (59.96, "1:00.0")])
def test_clock(seconds: float, said: str) -> None:
    assert words.clock(seconds) == said


def test_what_is_selected() -> None:
    half = np.array([[1, 0]], np.uint8)
    log = Selection((Point(3, 4, frame=1), Point(5, 6, keep=False, frame=1), Box(1, 2, 3, 4, frame=7)))
    assert "1 kept, 1 dropped, the last at 5,6; the object fills 50 %" in words.selected(log, 1, half)
    assert "clicks on frame 7" in words.selected(log, 1, half)
    assert "1 box, the last at 1,2,3,4" in words.selected(log, 7, half)
    assert "clicks on frame 1, 7." in words.selected(log, 0, None).lower()
    assert "opposite corner" in words.selected(Selection((), Corner(1, 2, 3)), 3, None)
    assert "Click what you want" in words.selected(Selection((), Corner(1, 2, 3)), 4, None)


def test_what_is_selected_of_several_objects_and_strokes() -> None:
    half = np.array([[1, 2, 0, 0]], np.uint8)
    strokes = (Scribble(((1, 2), (3, 4.5))), Scribble(((7, 8),), keep=False))
    log = Selection((Point(3, 4), *strokes, Point(5, 6, object=2)))
    assert "2 kept, 1 stroke, 1 dropping stroke, the last at 5,6; the objects fill 50 %" in words.selected(log, 0, half)
    assert "the last at 7,8" in words.selected(Selection(strokes), 0, None)
    assert "Click object 3" in words.selected(Selection(log.prompts, chosen=3), 0, half)
    assert words.selected(log, 0, half, words.news(False, False)).endswith(
        "Not yet followed up on the other frames.</p>"
    )
    assert words.news(True, False) == words.news(False, True) == ""


def test_the_report_names_engines_and_times() -> None:
    report = Report(
        "swap", Path("/srv/out.mp4"), 50, 640, 360, 2.0, {"tracking": "sam"}, {"tracking": 1.25}, ("A note.",),
        revisions={"tracking": "0123456789abcdef"}, devices={"tracking": "cuda"},
    )  # fmt: skip
    said = words.report(report, total_s=2.5)
    for part in (
        "50 frames of 640 by 360",
        "20 frames/s",
        "tracking sam (weights 0123456789ab)",
        "tracking 1.2 s (cuda)",
        "A note.",
    ):
        assert part in said
    assert "/srv" not in said


@pytest.mark.parametrize(
    ("picked", "hex"),
    [("#1e6b52", "#1e6b52"), ("rgb(30, 107, 82)", "#1e6b52"), ("rgba(29.8, 107.2, 300, 0.5)", "#1e6bff")],
)
def test_colours_from_the_picker(picked: str, hex: str) -> None:
    assert as_hex(picked) == hex


def test_each_kind_of_background() -> None:
    assert chosen_background("blur", "p.jpg", "v.mp4", "#123456") == "blur"
    assert chosen_background("transparent", None, None, "") == "transparent"
    assert chosen_background("colour", None, None, "#123456") == "#123456"
    assert chosen_background("picture", "p.jpg", "v.mp4", "") == "p.jpg"
    assert chosen_background("clip", "p.jpg", "v.mp4", "") == "v.mp4"
    with pytest.raises(UsageError, match="Choose a clip"):
        chosen_background("clip", "p.jpg", None, "")


def test_the_folders_of_a_visit_are_nobodys_business() -> None:
    said = words.problem(CannotRead(f"{home()}/jobs/{'a' * 32}/clip-9/text <1>.mp4: not a video."))
    assert ">text &lt;1&gt;.mp4: not a video.<" in said


def test_the_choice_of_an_engine_is_no_news() -> None:
    why = choose("inpainting").why
    assert why
    assert words.notes((why,)) == ""
    instead = f"{why} cuda failed: flow works on cpu instead, as you allowed."
    assert words.notes((instead, "Something else.")).count("<li>") == 2


def test_little_time_left_is_not_told() -> None:
    def told(left_s: float) -> str:
        return words.progress(Progress("tracking", 5, 10, 3.0, left_s))

    assert "about 2 s left" in told(2.2)
    assert "left" not in told(1.4)
