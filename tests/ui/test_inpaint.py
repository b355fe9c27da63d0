"""The Inpaint tab in a real browser."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.ui.conftest import Server
from tests.ui.making import BALL_RGB, Picture, ball_at, balls
from tests.ui.visitor import DESKTOP, PHONE, Visitor

pytestmark = pytest.mark.browser

Visit = Callable[..., Visitor]
SPOT = (240, 60)
"""The middle of a red spot in a picture of 320 by 180."""


class Inpainter:
    """A visitor in the Inpaint tab."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor, self.page, self.see = visitor, visitor.page, visitor.see
        self.page.click("#inpaint-tab-button")
        self.see("inpaint-facts", "example.mp4")
        self.see("inpaint-object-status", "the objects fill", timeout_s=60)

    def open(self, path: Path) -> None:
        self.page.set_input_files("#inpaint-file input[type=file]", path)
        self.see("inpaint-facts", path.name)
        self.see("inpaint-object-status", "Click what should go")

    def place(self, x: float, y: float) -> tuple[float, float]:
        """On the screen, of parts 0..1 of the frame's picture, once it no longer moves."""
        frame = self.page.locator("#inpaint-frame img")
        frame.scroll_into_view_if_needed()
        box, before = frame.bounding_box(), None
        while box is None or box != before:
            self.page.wait_for_timeout(60)
            box, before = frame.bounding_box(), box
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    def click(self, x: float, y: float) -> None:
        self.page.mouse.click(*self.place(x, y))
        self.see("inpaint-object-status", "on it")

    def brush(self, *places: tuple[float, float]) -> None:
        for number, (x, y) in enumerate(places):
            self.page.mouse.move(*self.place(x, y), steps=4)
            if number == 0:
                self.page.mouse.down()
        self.page.mouse.up()

    def run(self, says: str = "Done") -> None:
        self.page.click("#inpaint-run")
        self.see("inpaint-status", says, timeout_s=90)
        expect(self.page.locator("#inpaint-stop")).to_be_hidden()

    def file(self, what: str) -> tuple[str, bytes]:
        with self.page.expect_download() as download:
            self.page.click(f"#inpaint-{what}")
        return download.value.suggested_filename, Path(download.value.path()).read_bytes()


@pytest.fixture
def inpainter(visitor: Visitor) -> Inpainter:
    return Inpainter(visitor)


def spotted() -> Picture:
    ground = np.linspace(40, 160, 320, dtype=np.float32)[None, :, None] * np.array([1.0, 0.9, 0.7], np.float32)
    picture = np.repeat(ground, 180, axis=0).astype(np.uint8)
    return cv2.circle(np.ascontiguousarray(picture), SPOT, 9, (250, 20, 20), -1)


def test_what_the_brush_paints_over_goes_from_a_picture(visit: Visit, tmp_path: Path) -> None:
    inpainter = Inpainter(visit(PHONE))
    page, source = inpainter.page, spotted()
    Image.fromarray(source).save(tmp_path / "spot.png")
    inpainter.open(tmp_path / "spot.png")
    expect(page.locator("#inpaint-scrub")).to_be_hidden()
    inpainter.visitor.choose("inpaint-tool", "brush")
    page.locator("#inpaint-brush input[type=range]").fill("60")
    x, y = SPOT[0] / 320, SPOT[1] / 180
    inpainter.brush((x - 0.04, y), (x + 0.04, y))
    inpainter.see("inpaint-object-status", "Painted by hand; the object fills")
    page.click("#inpaint-preview")
    expect(page.locator("#inpaint-previewed img.after")).to_be_visible(timeout=60_000)
    inpainter.see("inpaint-previewed", "100 % invented")
    inpainter.run()
    wipe = page.locator("#inpaint-player .wipe")
    wipe.locator(".at").fill("0")
    assert wipe.evaluate("e => getComputedStyle(e.querySelector('.before')).clipPath") == "inset(0px 100% 0px 0px)"
    wipe.locator("[data-shows=map]").click()
    expect(wipe.locator("img.after")).to_have_css("visibility", "hidden")
    name, data = inpainter.file("download")
    assert name == "spot-removed.png"
    filled = np.asarray(Image.open(io.BytesIO(data)))
    rows, columns = np.ogrid[:180, :320]
    far = np.hypot(rows - SPOT[1], columns - SPOT[0]) > 60
    assert (filled[far] == source[far]).all()
    assert abs(filled.astype(int) - spotted_ground()).max() < 40
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]


def spotted_ground() -> np.ndarray:
    return np.repeat(spotted()[-1:].astype(int), 180, axis=0)


def test_an_object_goes_from_a_clip_and_the_result_plays(inpainter: Inpainter, visit: Visit, clips: Path) -> None:
    page = inpainter.page
    inpainter.open(clips / "rolling.mp4")
    inpainter.click(0.3, 0.5)
    inpainter.run()
    inpainter.see("inpaint-report", "24 frames of 320 by 180")
    inpainter.see("inpaint-report", "inpainting flow-fill")
    after = page.locator("#inpaint-player video.after")
    page.wait_for_function("document.querySelector('#inpaint-player video.before').readyState >= 2")
    assert after.evaluate("e => e.duration") == pytest.approx(0.96, abs=0.05)
    assert after.evaluate("e => e.error") is None
    page.locator("#inpaint-player .seek").fill("5000")
    page.wait_for_function(
        "() => { const at = [...document.querySelectorAll('#inpaint-player video')].map(e => e.currentTime);"
        "return at.length === 3 && Math.min(...at) > 0.4 && Math.max(...at) - Math.min(...at) < 0.01; }"
    )
    page.locator("#inpaint-player .play").click()
    page.wait_for_function("document.querySelector('#inpaint-player video.after').currentTime > 0.6")
    name, data = inpainter.file("download")
    frames, has_sound = video_in(data)
    assert (name, len(frames), has_sound) == ("rolling-removed.mp4", 24, True)
    for number in (0, 23):
        x, y = ball_at(number, 24, 320, 180)
        assert abs(frames[number][y, x].astype(int) - BALL_RGB).max() > 60
    assert len(video_in(inpainter.file("map")[1])[0]) == 24
    page.click("#inpaint-masks")
    expect(page.locator("#inpaint-files a[href$='.zip']").first).to_be_visible()
    other = Inpainter(visit(DESKTOP))
    other.see("inpaint-facts", "example.mp4")
    assert other.page.locator("#inpaint-results").is_hidden()
    assert other.page.locator("#inpaint-status").inner_text().strip() == ""


def video_in(data: bytes) -> tuple[list[np.ndarray], bool]:
    with av.open(io.BytesIO(data)) as container:
        has_sound = bool(container.streams.audio)
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)], has_sound


def test_stop_leaves_no_file_and_words_need_an_engine(inpainter: Inpainter, server: Server, clips: Path) -> None:
    page, before = inpainter.page, server.job_files()
    inpainter.open(clips / "long.mp4")
    inpainter.run("Nothing is selected yet")
    inpainter.click(0.3, 0.5)
    page.click("#inpaint-run")
    inpainter.see("inpaint-progress", "frames/s")
    page.click("#inpaint-stop")
    inpainter.see("inpaint-status", "Stopped")
    time.sleep(1.5)
    assert server.job_files() == before
    expect(page.locator("#inpaint-stop")).to_be_hidden()
    expect(page.locator("#inpaint-run")).to_be_enabled()
    inpainter.visitor.choose("inpaint-do", "replace")
    inpainter.see("inpaint-lacking", "No engine that takes words is ready")
    expect(page.locator("#inpaint-lacking [data-row='sd-1.5-inpaint'] button")).to_contain_text("Download")
    expect(page.locator("#inpaint-with")).to_be_hidden()
    inpainter.run("No engine that takes words is ready")
    inpainter.visitor.choose("inpaint-do", "remove")
    expect(page.locator("#inpaint-lacking")).to_be_hidden()


def test_masks_that_are_there_are_used(inpainter: Inpainter, clips: Path, tmp_path: Path) -> None:
    page = inpainter.page
    inpainter.open(clips / "rolling.mp4")
    page.click("#inpaint-given button")
    for count, says in ((23, "23 mask PNGs for a clip of 24 frames"), (24, "The masks are there, 24 of them")):
        page.set_input_files("#inpaint-masks-given input[type=file]", ball_masks(tmp_path / f"{count}.zip", count))
        inpainter.see("inpaint-given-status", says)
    inpainter.see("inpaint-object-status", "the object fills")
    page.click("#inpaint-preview")
    inpainter.see("inpaint-previewed", "Frame 0: flow-fill", timeout_s=60)
    inpainter.run()
    inpainter.see("inpaint-report", "masks that were given")
    assert "grabcut" not in page.locator("#inpaint-report").inner_text()
    page.set_input_files("#inpaint-masks-given input[type=file]", ball_masks(tmp_path / "22.zip", 22))
    inpainter.see("inpaint-given-status", "22 mask PNGs")
    expect(page.locator("#inpaint-status")).not_to_contain_text("Done")
    inpainter.open(clips / "pair.mp4")
    expect(page.locator("#inpaint-given-status")).not_to_contain_text("PNGs")


def test_nothing_can_be_pressed_before_there_is_a_clip(visitor: Visitor) -> None:
    is_ready = "name => gradio_config.components.find(e => e.props.elem_id === name).props.interactive"
    for name in ("inpaint-preview", "inpaint-run"):
        assert visitor.page.evaluate(is_ready, name) is False
    inpainter = Inpainter(visitor)
    for name in ("inpaint-preview", "inpaint-run"):
        expect(inpainter.page.locator(f"#{name}")).to_be_enabled()


def ball_masks(path: Path, count: int) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for number, picture in enumerate(balls(count, 320, 180)):
            is_ball = abs(picture.astype(int) - BALL_RGB).max(axis=2) < 40
            _, png = cv2.imencode(".png", is_ball.astype(np.uint8) * 255)
            archive.writestr(f"masks/{number:03d}.png", png.tobytes())
    return path
