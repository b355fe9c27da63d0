"""The Background tab in a real browser."""

from __future__ import annotations

import io
import json
import re
import time
import zipfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

from avfusion.ui import example
from tests.ui.conftest import Server
from tests.ui.making import patches, write_clip
from tests.ui.visitor import DESKTOP, PHONE, Visitor, visitor_in

pytestmark = pytest.mark.browser

Visit = Callable[..., Visitor]
TABLET = (768, 1024)


def video_in(data: bytes) -> tuple[int, bool, str]:
    """(frames that decode, whether there is sound, pixel format)."""
    with av.open(io.BytesIO(data)) as container:
        pixels = container.streams.video[0].codec_context.pix_fmt
        has_sound = bool(container.streams.audio)
        return sum(1 for _ in container.decode(video=0)), has_sound, str(pixels)


# Looking


def test_the_page_opens_with_the_example(visitor: Visitor) -> None:
    assert example.is_there()
    visitor.see("background-facts", "example.mp4")
    visitor.see("background-object-status", "the object fills")
    assert visitor.page.locator("#background-picture img").is_visible()
    fetched = "performance.getEntriesByType('resource').reduce((sum, one) => sum + one.decodedBodySize, 0)"
    assert visitor.page.evaluate(fetched) < 8e6  # the example clip is 2.5 MB of it


@pytest.mark.parametrize("size", [PHONE, *(pytest.param(size, marks=pytest.mark.proof) for size in (DESKTOP, TABLET))])
def test_nothing_sticks_out_at_the_side(visit: Visit, clips: Path, size: tuple[int, int]) -> None:
    visitor = visit(size)
    visitor.open(clips / "rolling.mp4")
    visitor.page.click("#background-options button")
    for kind in ("clip", "colour", "blur", "transparent", "picture"):
        visitor.choose("background-kind", kind)
        width = visitor.page.evaluate("document.documentElement.scrollWidth")
        assert width <= size[0]
    visitor.page.click("#engines-tab-button")
    visitor.see("engines-table", "grabcut")
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= size[0]


def frame_number(visitor: Visitor) -> int:
    """Which frame of greys.mp4 the displayed picture is."""
    shown = np.asarray(Image.open(io.BytesIO(picture_behind(visitor))))
    return round((float(np.median(shown)) - 40) / 8)


def picture_behind(visitor: Visitor) -> bytes:
    return visitor.file_behind("#background-frame img")


def test_scrubbing_shows_the_frame_and_its_time(visitor: Visitor, clips: Path) -> None:
    visitor.open(clips / "greys.mp4")
    assert frame_number(visitor) == 0
    visitor.page.click("#background-next")
    visitor.see("background-time", "Frame 1")
    visitor.see("background-time", "0.040 s")
    assert frame_number(visitor) == 1
    visitor.page.locator("#background-scrub input[type=range]").fill("17")
    visitor.see("background-time", "Frame 17")
    assert frame_number(visitor) == 17
    visitor.page.click("#background-previous")
    visitor.see("background-time", "Frame 16")
    assert frame_number(visitor) == 16


# Clicking

PLACES = ((62, 41), (640, 360), (1207, 655))
"""In a picture of 1280 by 720."""


SHAPES = {"wide": (1280, 720), "tall": (360, 640), "anamorphic": (320, 360)}


def places_in(shape: str) -> list[tuple[int, int]]:
    """The middles of the red squares in the full frame, from top to bottom."""
    width, height = SHAPES[shape]
    relative = [(y / 720, x / 1280) if shape == "tall" else (x / 1280, y / 720) for x, y in PLACES]
    return [(round(x * width), round(y * height)) for x, y in relative]


@pytest.fixture(scope="module")
def patch_clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Red squares in a wide clip, in a tall one, and in one whose pixels are twice as wide as high."""
    folder = tmp_path_factory.mktemp("patches")
    made = {}
    for shape, (width, height) in SHAPES.items():
        picture = patches(width, height, places_in(shape), 16 if shape == "wide" else 8)
        aspect = Fraction(2) if shape == "anamorphic" else None
        made[shape] = write_clip(folder / f"{shape}.mp4", [picture, picture], aspect=aspect)
    return made


# Sizes between the two, and those that other tests hold the page to, are proofs.
@pytest.mark.parametrize("size", [DESKTOP, *(pytest.param(size, marks=pytest.mark.proof) for size in (TABLET, PHONE))])
def test_a_click_lands_on_the_pixel_that_was_clicked(
    visit: Visit, patch_clips: dict[str, Path], size: tuple[int, int]
) -> None:
    visitor = visit(size)
    for shape, (full_width, full_height) in SHAPES.items():
        visitor.open(patch_clips[shape])
        squares, shown_width, shown_height = red_squares(picture_behind(visitor))
        for number, (place, square) in enumerate(zip(places_in(shape), squares, strict=True), 1):
            _, _, width, height = visitor.settled_box()
            visitor.click_at((square[0] + 0.5) / shown_width, (square[1] + 0.5) / shown_height)
            clicked = visitor.last_click(f"^{number} kept")
            # a mouse points at whole pixels of the screen
            assert abs(clicked[0] - place[0]) <= 1 + full_width / width
            assert abs(clicked[1] - place[1]) <= 1 + full_height / height


def red_squares(data: bytes) -> tuple[list[list[float]], int, int]:
    """Middles of the red squares from top to bottom in a displayed picture, and its width and height."""
    shown = np.asarray(Image.open(io.BytesIO(data)))
    is_red = (shown[..., 0] > 200) & (shown[..., 1] < 120)
    _, _, _, middles = cv2.connectedComponentsWithStats(is_red.astype(np.uint8))
    return sorted(middles[1:].tolist(), key=lambda place: place[1]), shown.shape[1], shown.shape[0]


def test_keep_drop_box_undo_and_reset(visitor: Visitor, clips: Path) -> None:
    visitor.open(clips / "rolling.mp4")
    visitor.see("background-object-status", "Click what you want to keep")
    visitor.click_at(0.3, 0.5)
    visitor.last_click("^1 kept")
    with_one = picture_behind(visitor)
    visitor.choose("background-tool", "drop")
    visitor.click_at(0.9, 0.1)
    assert visitor.last_click("^1 kept, 1 dropped")[1] == pytest.approx(18, abs=2)
    assert picture_behind(visitor) != with_one
    visitor.page.click("#background-undo")
    visitor.last_click("^1 kept, the last")
    assert picture_behind(visitor) == with_one
    visitor.page.click("#background-reset")
    visitor.see("background-object-status", "Click what you want to keep")
    visitor.choose("background-tool", "box")
    visitor.click_at(0.5, 0.9)
    visitor.see("background-object-status", "opposite corner")
    visitor.click_at(0.1, 0.1)
    assert visitor.last_click("^1 box") == pytest.approx((32, 18, 161, 163), abs=2)
    visitor.page.click("#background-undo")
    visitor.see("background-object-status", "Click what you want to keep")


def test_two_fast_clicks_both_count(visitor: Visitor, clips: Path) -> None:
    visitor.open(clips / "rolling.mp4")
    visitor.click_at(0.3, 0.5)
    visitor.click_at(0.35, 0.55)
    visitor.click_at(0.3, 0.6)
    visitor.last_click("^3 kept")


# Running


def test_a_run_gives_a_clip_that_plays_and_its_masks(visitor: Visitor, clips: Path) -> None:
    visitor.open(clips / "rolling.mp4")
    visitor.click_at(0.3, 0.5)
    visitor.last_click("1 kept")
    visitor.choose("background-kind", "colour")
    visitor.run()
    visitor.see("background-report", "24 frames of 320 by 180")
    visitor.see("background-report", "segmentation grabcut, tracking flow")
    shown = visitor.page.locator("#background-result video")
    shown.evaluate("e => { e.muted = true; return e.play(); }")
    playing = "() => { const e = document.querySelector('#background-result video'); return e.currentTime > 0.1; }"
    visitor.page.wait_for_function(playing)
    assert shown.evaluate("e => e.readyState") >= 2
    assert shown.evaluate("e => e.duration") == pytest.approx(0.96, abs=0.05)
    assert video_in(visitor.file_behind("#background-result video"))[:2] == (24, True)
    assert video_in(visitor.file_behind("#background-original video"))[:2] == (24, True)
    with visitor.page.expect_download() as download:
        visitor.page.click("#background-download")
    assert download.value.suggested_filename == "rolling-1e6b52.mp4"
    assert video_in(Path(download.value.path()).read_bytes())[:2] == (24, True)
    corner = first_picture(Path(download.value.path()))[5, 5]
    assert np.abs(corner.astype(int) - (0x1E, 0x6B, 0x52)).max() < 8
    check_masks(visitor)


def first_picture(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24")


def check_masks(visitor: Visitor) -> None:
    for what in ("masks", "rle", "matte"):
        visitor.page.click(f"#background-{what}")
        ending = {"masks": ".zip", "rle": ".json", "matte": ".mp4"}[what]
        link = visitor.page.locator(f"#background-files a[href$='{ending}']").first
        expect(link).to_be_visible(timeout=20_000)
        data = visitor.file_behind(f"#background-files a[href$='{ending}']")
        if what == "masks":
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                assert len(archive.namelist()) == 24
                mask = np.asarray(Image.open(archive.open("00000.png")))
                assert mask[90, 96] == 1
                assert mask[5, 5] == 0
        elif what == "rle":
            assert len(json.loads(data)["images"]) == 24
        else:
            assert video_in(data)[:2] == (24, False)


def test_transparent_keeps_its_alpha_and_does_not_track_twice(visitor: Visitor, clips: Path) -> None:
    visitor.open(clips / "rolling.mp4")
    visitor.click_at(0.3, 0.5)
    visitor.last_click("1 kept")
    visitor.choose("background-kind", "blur")
    visitor.run()
    visitor.choose("background-kind", "transparent")
    expect(visitor.page.locator("#background-format input")).to_have_value(re.compile("WebM"))
    visitor.page.click("#background-format input")
    visitor.page.get_by_role("option", name=re.compile("MOV")).click()
    visitor.page.click("#background-run")
    visitor.see("background-download", "Download mov", timeout_s=60)
    visitor.see("background-report", "masks were used again")
    with visitor.page.expect_download() as download:
        visitor.page.click("#background-download")
    data = Path(download.value.path()).read_bytes()
    frames, has_sound, pixels = video_in(data)
    assert (frames, has_sound) == (24, True)
    assert "yuva" in pixels
    assert video_in(visitor.file_behind("#background-result video"))[0] == 24


def test_stop_stops_within_a_second_and_leaves_no_file(visitor: Visitor, server: Server, clips: Path) -> None:
    before = server.job_files()
    visitor.open(clips / "long.mp4")
    visitor.click_at(0.3, 0.5)
    visitor.last_click("1 kept")
    visitor.page.click("#background-run")
    visitor.see("background-progress", "Following the object")
    visitor.see("background-progress", "frames/s")
    expect(visitor.page.locator("#background-preview img")).to_be_visible(timeout=20_000)
    visitor.page.click("#background-stop")
    visitor.see("background-status", "Stopped")
    time.sleep(1)
    assert server.job_files() == before
    expect(visitor.page.locator("#background-stop")).to_be_hidden()
    expect(visitor.page.locator("#background-run")).to_be_enabled()
    expect(visitor.page.locator("#background-progress .progress")).to_have_count(0)


def test_a_run_ends_when_its_visitor_goes(visit: Visit, server: Server, clips: Path) -> None:
    before = server.job_files()
    leaver = visit()
    leaver.open(clips / "long.mp4")
    leaver.click_at(0.3, 0.5)
    leaver.last_click("1 kept")
    leaver.page.click("#background-run")
    leaver.see("background-progress", "frames/s")
    leaver.page.close()
    deadline_s = time.monotonic() + 15
    while server.job_files() != before and time.monotonic() < deadline_s:
        time.sleep(0.1)
    assert server.job_files() == before


def test_two_visitors_do_not_see_each_other(visit: Visit, clips: Path) -> None:
    one, other = visit(), visit(PHONE)
    one.open(clips / "rolling.mp4")
    one.click_at(0.3, 0.5)
    one.last_click("^1 kept")
    other.open(clips / "greys.mp4")
    other.see("background-object-status", "Click what you want to keep")
    assert other.page.locator("#background-results").is_hidden()
    one.choose("background-kind", "blur")
    one.page.click("#background-run")
    other.page.click("#background-next")
    other.see("background-time", "Frame 1")
    one.see("background-status", "Done", timeout_s=60)
    assert other.page.locator("#background-results").is_hidden()
    assert other.page.locator("#background-status").inner_text().strip() == ""
    assert frame_number(other) == 1


# What goes wrong


def test_a_text_file_is_refused_in_words(visitor: Visitor, tmp_path: Path) -> None:
    text = tmp_path / "diary.mp4"
    text.write_text("This is not a film.")
    visitor.upload(text)
    visitor.see("background-facts", "diary.mp4: not a video")
    assert str(tmp_path) not in visitor.page.locator("#background-facts").inner_text()
    visitor.page.click("#background-run")
    visitor.see("background-status", "Choose a clip first")
    visitor.complaints = [text for text in visitor.complaints if "ERR_REQUEST_RANGE" not in text]


@pytest.mark.proof
def test_a_cut_off_clip_is_used_as_far_as_it_goes(visitor: Visitor, clips: Path, tmp_path: Path) -> None:
    whole = (clips / "rolling.mp4").read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole[: len(whole) * 2 // 3])
    visitor.upload(cut)
    visitor.see("background-facts", "cut.mp4")
    assert visitor.page.locator("#background-facts").inner_text().count("\n") <= 8


def test_run_without_a_click_says_what_is_missing(visitor: Visitor, clips: Path) -> None:
    visitor.open(clips / "rolling.mp4")
    visitor.page.click("#background-run")
    visitor.see("background-status", "Nothing is selected yet")
    expect(visitor.page.locator("#background-run")).to_be_enabled()


def test_a_background_has_to_be_chosen(visitor: Visitor, clips: Path) -> None:
    visitor.open(clips / "rolling.mp4")
    visitor.click_at(0.3, 0.5)
    visitor.last_click("1 kept")
    visitor.page.click("#background-picture button[aria-label='Remove Image']")
    visitor.page.click("#background-run")
    visitor.see("background-status", "Choose a picture for the background")


def test_a_background_that_is_no_picture(visitor: Visitor, clips: Path, tmp_path: Path) -> None:
    text = tmp_path / "beach.png"
    text.write_text("This is not a picture.")
    visitor.open(clips / "rolling.mp4")
    visitor.click_at(0.3, 0.5)
    visitor.last_click("1 kept")
    visitor.page.click("#background-picture button[aria-label='Remove Image']")
    visitor.page.set_input_files("#background-picture input[type=file]", text)
    expect(visitor.page.locator("#background-picture img")).to_have_count(1)
    visitor.page.click("#background-run")
    visitor.see("background-status", "Is the background a picture")
    expect(visitor.page.locator("#background-run")).to_be_enabled()
    expect(visitor.page.locator("#background-stop")).to_be_hidden()


def test_stop_counts_before_the_turn_has_come(visit: Visit, server: Server, clips: Path) -> None:
    before = server.job_files()
    runners = [visit(), visit()]
    for runner in runners:
        runner.open(clips / "long.mp4")
        runner.click_at(0.3, 0.5)
        runner.last_click("1 kept")
    for runner in runners:
        runner.page.click("#background-run")
    runners[0].see("background-progress", "frames/s")
    for runner in reversed(runners):
        runner.page.click("#background-stop")
        runner.see("background-status", "Stopped")
    time.sleep(1)
    assert server.job_files() == before
    runners[1].choose("background-kind", "blur")
    runners[1].open(clips / "rolling.mp4")
    runners[1].click_at(0.3, 0.5)
    runners[1].last_click("1 kept")
    runners[1].run()


def test_the_files_go_with_the_session(browser: Browser, clips: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    # Gradio waits an hour for a visitor to come back, and in its own tests a second.
    server = Server(tmp_path_factory.mktemp("short"), GRADIO_IS_E2E_TEST="1")
    try:
        context = browser.new_context()
        visitor = visitor_in(context, server.address)
        visitor.open(clips / "rolling.mp4")
        visitor.page.click("#compare-tab-button")
        visitor.page.set_input_files("#compare-file input[type=file]", clips / "greys.mp4")
        visitor.see("compare-facts", "greys.mp4")
        found = (server.home / "jobs").glob("*/clip-*/*.mp4")
        assert sorted(file.name for file in found) == ["greys.mp4", "rolling.mp4"]
        context.close()
        deadline_s = time.monotonic() + 20
        while list((server.home / "jobs").iterdir()) and time.monotonic() < deadline_s:
            time.sleep(0.1)
        assert list((server.home / "jobs").iterdir()) == []
    finally:
        server.close()
