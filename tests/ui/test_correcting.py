"""Step 2 beyond the first click, in a real browser: corrections, objects, strokes, the timeline, keys."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import expect

from avfusion.ui.colours import rgb_of
from tests.ui.making import BALL_RGB, OTHER_RGB, pair_at
from tests.ui.visitor import DESKTOP, PHONE, Visitor

pytestmark = pytest.mark.browser

Visit = Callable[..., Visitor]
WIDTH, HEIGHT, FRAMES = 320, 180, 24


def shown(visitor: Visitor) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(visitor.file_behind("#background-frame img"))))


def tint_at(visitor: Visitor, x: float, y: float, colour: tuple[int, int, int]) -> int:
    """Which object tints a place (parts of the picture) that is of that colour in the clip; 0 for none."""
    picture = shown(visitor)
    row, column = round(y * picture.shape[0]), round(x * picture.shape[1])
    seen = np.median(picture[row - 4 : row + 5, column - 4 : column + 5].reshape(-1, 3), axis=0)
    blends = [np.asarray(colour), *((np.asarray(colour) + rgb_of(number)) / 2 for number in (1, 2, 3))]
    return int(np.argmin([np.abs(seen - blend).max() for blend in blends]))


def tints(visitor: Visitor, frame: int) -> tuple[int, int]:
    """Which objects tint the orange and the green ball of pair.mp4, a little above their middles."""
    (x0, y0), (x1, y1) = pair_at(frame, FRAMES, WIDTH, HEIGHT)
    above = 18
    return (
        tint_at(visitor, x0 / WIDTH, (y0 - above) / HEIGHT, BALL_RGB),
        tint_at(visitor, x1 / WIDTH, (y1 - above) / HEIGHT, OTHER_RGB),
    )


def click_ball(visitor: Visitor, frame: int, which: int) -> None:
    x, y = pair_at(frame, FRAMES, WIDTH, HEIGHT)[which]
    visitor.click_at(x / WIDTH, y / HEIGHT)


def begin(visitor: Visitor, clips: Path) -> None:
    """pair.mp4 with a click on the orange ball of frame 0."""
    visitor.open(clips / "pair.mp4")
    click_ball(visitor, 0, 0)
    visitor.last_click("^1 kept")
    assert tints(visitor, 0) == (1, 0)


def test_a_correction_changes_its_frame_at_once_and_the_others_after_following(visitor: Visitor, clips: Path) -> None:
    begin(visitor, clips)
    visitor.follow()
    visitor.go_to(12)
    assert tints(visitor, 12) == (1, 0)
    click_ball(visitor, 12, 1)
    visitor.last_click("^1 kept")
    visitor.see("background-object-status", "Not yet followed up")
    expect(visitor.page.locator("#background-timeline .strip.stale")).to_have_count(1)
    assert tints(visitor, 12) == (1, 1)
    visitor.go_to(15)
    assert tints(visitor, 15) == (1, 0), "the last track stays visible"
    visitor.follow()
    visitor.see("background-follow-status", "Followed: ")
    assert tints(visitor, 15) == (1, 1)
    visitor.go_to(12)
    assert tints(visitor, 12) == (1, 1)
    visitor.go_to(0)
    assert tints(visitor, 0) == (1, 0), "the first click still holds on its frame"


@pytest.mark.proof
def test_what_is_dropped_on_a_later_frame_stays_away(visitor: Visitor, clips: Path) -> None:
    begin(visitor, clips)
    click_ball(visitor, 0, 1)
    visitor.last_click("^2 kept")
    visitor.follow()
    visitor.go_to(12)
    assert tints(visitor, 12) == (1, 1)
    visitor.choose("background-tool", "drop")
    click_ball(visitor, 12, 1)
    visitor.last_click("^1 dropped")
    assert tints(visitor, 12) == (1, 0)
    visitor.follow()
    visitor.go_to(20)
    assert tints(visitor, 20) == (1, 0)
    visitor.go_to(0)
    assert tints(visitor, 0) == (1, 1)


def test_undo_and_redo_go_all_the_way(visitor: Visitor, clips: Path) -> None:
    begin(visitor, clips)
    visitor.follow()
    visitor.go_to(12)
    click_ball(visitor, 12, 1)
    visitor.last_click("^1 kept")
    visitor.go_to(3)
    visitor.page.click("#background-undo")
    visitor.see("background-time", "Frame 12")
    assert tints(visitor, 12) == (1, 0)
    visitor.page.click("#background-undo")
    visitor.see("background-object-status", "Click what you want to keep")
    expect(visitor.page.locator("#background-undo")).to_be_disabled()
    visitor.page.click("#background-redo")
    visitor.last_click("^1 kept")
    assert tints(visitor, 0) == (1, 0)
    visitor.page.click("#background-redo")
    visitor.see("background-time", "Frame 12")
    visitor.see("background-object-status", "Not yet followed up")
    assert tints(visitor, 12)[1] == 1
    expect(visitor.page.locator("#background-redo")).to_be_disabled()
    visitor.page.click("#background-reset")
    visitor.see("background-object-status", "Click what you want to keep")
    visitor.page.click("#background-undo")
    visitor.see("background-time", "Frame 12")
    visitor.last_click("^1 kept")
    visitor.page.click("#background-undo")
    click_ball(visitor, 12, 0)
    visitor.last_click("^1 kept")
    expect(visitor.page.locator("#background-redo")).to_be_disabled()


def test_two_objects_are_tinted_kept_and_numbered(visitor: Visitor, clips: Path) -> None:
    begin(visitor, clips)
    visitor.page.click("#background-object-add")
    visitor.see("background-object-status", "Click object 2")
    click_ball(visitor, 0, 1)
    visitor.last_click("^2 kept")
    assert tints(visitor, 0) == (1, 2)
    visitor.page.click("#background-object-remove")
    visitor.last_click("^1 kept")
    assert tints(visitor, 0) == (1, 0)
    visitor.page.click("#background-undo")
    visitor.last_click("^2 kept")
    assert tints(visitor, 0) == (1, 2)
    visitor.follow()
    expect(visitor.page.locator("#background-timeline .row")).to_have_count(2)
    visitor.go_to(20)
    assert tints(visitor, 20) == (1, 2)
    visitor.choose("background-kind", "colour")
    visitor.run()
    visitor.see("background-report", "masks were used again")
    with av.open(io.BytesIO(visitor.file_behind("#background-result video"))) as container:
        last = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)][-1]
    for (x, y), colour in zip(pair_at(23, FRAMES, WIDTH, HEIGHT), (BALL_RGB, OTHER_RGB), strict=True):
        assert np.abs(last[y, x].astype(int) - colour).max() < 30
    assert np.abs(last[5, 5].astype(int) - (0x1E, 0x6B, 0x52)).max() < 8
    visitor.page.click("#background-masks")
    expect(visitor.page.locator("#background-files a[href$='.zip']").first).to_be_visible(timeout=20_000)
    with zipfile.ZipFile(io.BytesIO(visitor.file_behind("#background-files a[href$='.zip']"))) as archive:
        numbers = np.asarray(Image.open(archive.open("00023.png")))
    assert [numbers[y, x] for x, y in pair_at(23, FRAMES, WIDTH, HEIGHT)] == [1, 2]


def test_strokes_and_boxes_are_drawn_by_dragging(visitor: Visitor, clips: Path) -> None:
    visitor.open(clips / "pair.mp4")
    x0, x1 = (x for x, _ in pair_at(0, FRAMES, WIDTH, HEIGHT))
    visitor.choose("background-tool", "scribble")
    visitor.drag((x0 / WIDTH - 0.05, 0.5), (x0 / WIDTH + 0.05, 0.45))
    end = visitor.last_click("^1 stroke")
    assert end == pytest.approx((x0 + 16, 81), abs=2)
    assert tints(visitor, 0) == (1, 0)
    visitor.choose("background-stroke", "drop")
    visitor.drag((x1 / WIDTH - 0.05, 0.5), (x1 / WIDTH + 0.05, 0.5))
    visitor.last_click("^1 stroke, 1 dropping stroke|^1 dropping stroke")
    assert tints(visitor, 0) == (1, 0)
    visitor.page.click("#background-reset")
    visitor.see("background-object-status", "Click what you want to keep")
    visitor.choose("background-tool", "box")
    visitor.drag((0.68, 0.25), (0.92, 0.75))
    assert visitor.last_click("^1 box") == pytest.approx((0.68 * 320, 45, 0.92 * 320 + 1, 136), abs=2)
    assert tints(visitor, 0) == (0, 1)


def test_the_timeline_shows_doubt_and_leads_to_it(visitor: Visitor, clips: Path) -> None:
    visitor.open(clips / "vanishing.mp4")
    visitor.click_at(0.3, 0.5)
    visitor.last_click("^1 kept")
    expect(visitor.page.locator("#background-worst")).to_be_hidden()
    visitor.follow()
    strip = visitor.page.locator("#background-timeline .strip")
    expect(strip).to_have_attribute("aria-label", re.compile(r"object 1: clicks on frame 0, least sure on frame \d+"))
    visitor.page.click("#background-worst")
    visitor.see("background-object-status", "Least sure here: object 1, confidence")
    said = visitor.page.locator("#background-time").inner_text()
    found = re.search(r"Frame (\d+)", said)
    assert found, said
    assert int(found[1]) > 11
    box = strip.bounding_box()
    assert box is not None
    visitor.page.mouse.click(box["x"] + 0.77 * box["width"], box["y"] + box["height"] / 2)
    visitor.see("background-time", "Frame 18")
    assert visitor.page.locator("#background-scrub input[type=range]").input_value() == "18"


def test_in_and_out_points_limit_what_is_written(visitor: Visitor, clips: Path) -> None:
    visitor.open(clips / "rolling.mp4")
    visitor.click_at(0.3, 0.5)
    visitor.last_click("1 kept")
    visitor.go_to(5)
    visitor.page.click("#background-in")
    visitor.see("background-time", "only frames 5 to 23 count")
    visitor.go_to(14)
    visitor.page.click("#background-out")
    visitor.see("background-time", "only frames 5 to 14 count")
    visitor.choose("background-kind", "blur")
    visitor.run()
    visitor.see("background-report", "10 frames of 320 by 180")
    with av.open(io.BytesIO(visitor.file_behind("#background-result video"))) as container:
        assert container.streams.audio
        assert sum(1 for _ in container.decode(video=0)) == 10
    visitor.page.click("#background-whole")
    expect(visitor.page.locator("#background-time")).not_to_contain_text("count")
    expect(visitor.page.locator("#background-whole")).to_be_hidden()


@pytest.mark.proof
def test_stopping_to_follow_leaves_the_page_ready(visitor: Visitor, clips: Path) -> None:
    visitor.see("background-object-status", "the object fills")
    visitor.page.click("#background-reset")
    visitor.see("background-object-status", "Click what you want to keep")
    visitor.page.click("#background-follow")
    visitor.see("background-follow-status", "Nothing is selected yet")
    visitor.open(clips / "long.mp4")
    visitor.click_at(0.3, 0.5)
    visitor.last_click("1 kept")
    visitor.page.click("#background-follow")
    visitor.see("background-follow-status", "Following the object", timeout_s=60)
    expect(visitor.page.locator("#background-frame .live")).to_be_visible(timeout=20_000)
    visitor.page.click("#background-follow-stop")
    visitor.see("background-follow-status", "Stopped")
    expect(visitor.page.locator("#background-frame .live")).to_be_hidden()
    expect(visitor.page.locator("#background-follow")).to_be_enabled()
    visitor.click_at(0.31, 0.52)
    visitor.last_click("2 kept")


def test_keys(visitor: Visitor, clips: Path) -> None:
    begin(visitor, clips)
    page = visitor.page
    for keys, frame in ((["ArrowRight"] * 3, 3), (["Shift+ArrowRight"], 13), (["ArrowLeft", "Shift+ArrowLeft"], 2)):
        for key in keys:
            page.keyboard.press(key)
        visitor.see("background-time", f"Frame {frame}")
    for key, tool in (("d", "drop"), ("b", "box"), ("s", "scribble"), ("k", "keep")):
        page.keyboard.press(key)
        expect(page.locator(f"#background-tool input[value='{tool}']")).to_be_checked()
    page.keyboard.press("i")
    visitor.see("background-time", "only frames 2 to 23 count")
    page.keyboard.press("Shift+ArrowRight")
    visitor.see("background-time", "Frame 12")
    page.keyboard.press("o")
    visitor.see("background-time", "only frames 2 to 12 count")
    page.keyboard.press("n")
    visitor.see("background-object-status", "Click object 2")
    click_ball(visitor, 12, 1)
    visitor.last_click("^1 kept")
    page.keyboard.press("1")
    expect(page.locator("#background-objects input[value='1']")).to_be_checked()
    page.wait_for_timeout(1500)  # the page marks the choice at once, and hears from the server later
    page.keyboard.press("Control+z")
    expect(page.locator("#background-objects input")).to_have_count(1)
    page.keyboard.press("Control+Shift+Z")
    expect(page.locator("#background-objects input")).to_have_count(2)
    page.keyboard.press("t")
    expect(page.locator("#background-timeline .sure")).to_have_count(2, timeout=30_000)
    page.keyboard.press("w")
    said = page.locator("#background-object-status")
    expect(said).to_contain_text(re.compile("Least sure here: object|Nothing is doubtful"))
    page.keyboard.press("?")
    expect(page.locator("#background-shortcuts li").first).to_be_visible()


def test_keys_mean_nothing_where_somebody_types(visitor: Visitor, clips: Path) -> None:
    visitor.open(clips / "pair.mp4")
    visitor.page.locator("#background-format input").focus()
    visitor.page.keyboard.type("db")
    visitor.page.keyboard.press("ArrowRight")
    visitor.page.wait_for_timeout(300)
    expect(visitor.page.locator("#background-tool input[value='keep']")).to_be_checked()
    visitor.see("background-time", "Frame 0")


@pytest.mark.parametrize("size", [pytest.param(DESKTOP, marks=pytest.mark.proof), PHONE])
def test_everything_in_step_2_can_be_reached(visit: Visit, clips: Path, size: tuple[int, int]) -> None:
    visitor = visit(size)
    begin(visitor, clips)
    visitor.page.click("#background-object-add")
    visitor.see("background-object-status", "Click object 2")
    click_ball(visitor, 0, 1)
    visitor.last_click("^2 kept")
    visitor.follow()
    visitor.go_to(4)
    visitor.page.click("#background-in")
    visitor.see("background-time", "only frames 4")
    visitor.choose("background-tool", "scribble")
    visitor.page.click("#background-shortcuts summary")
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= size[0]
    parts = (
        "tool", "stroke", "undo", "redo", "reset", "frame", "scrub", "timeline", "follow", "worst", "objects",
        "object-add", "object-remove", "in", "out", "whole", "shortcuts",
    )  # fmt: skip
    for part in parts:
        box = visitor.page.locator(f"#background-{part}").bounding_box()
        assert box is not None, part
        assert box["x"] >= 0, part
        assert box["x"] + box["width"] <= size[0], part


def test_a_finger_taps_draws_and_scrolls(visit: Visit, clips: Path) -> None:
    visitor = visit(PHONE, touch=True)
    visitor.open(clips / "pair.mp4")
    visitor.page.locator("#background-frame img").scroll_into_view_if_needed()
    (x0, y0), _ = pair_at(0, FRAMES, WIDTH, HEIGHT)
    left, top, width, height = visitor.settled_box()
    visitor.page.touchscreen.tap(left + width * x0 / WIDTH, top + height * y0 / HEIGHT)
    assert visitor.last_click("^1 kept") == pytest.approx((x0, y0), abs=2)
    before = visitor.page.evaluate("scrollY")
    visitor.swipe((0.5, 0.8), (0.5, 0.1))
    visitor.page.wait_for_timeout(300)
    assert visitor.page.evaluate("scrollY") > before + 20, "with Keep a finger scrolls past the picture"
    visitor.last_click("^1 kept")
    visitor.choose("background-tool", "box")
    visitor.page.locator("#background-frame img").scroll_into_view_if_needed()
    before = visitor.page.evaluate("scrollY")
    visitor.swipe((0.1, 0.2), (0.35, 0.8))
    visitor.last_click("^1 kept, 1 box")
    assert visitor.page.evaluate("scrollY") == before
