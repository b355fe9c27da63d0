"""Takes the README's pictures of the page: the bundled example, run in Debian's Chromium.

python docs/make_images.py [background] [compare] [inpaint] [voice] [sounding] [fusion]   # docs/images/*.jpg; none: all
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
SERVE = "import sys; from avfusion.ui.page import build_page, launch; launch(build_page(), port=int(sys.argv[1]))"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]

JPEG: dict[str, Any] = {"type": "jpeg", "quality": 88}
# Places in the first frame, in parts of the picture: on the robot, along its antenna, and two corners of the house.
HOUSE = ((0.685, 0.475), (0.775, 0.565))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(address: str) -> None:
    for _ in range(240):
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except urllib.error.URLError:
            time.sleep(0.25)
    raise SystemExit("The page did not start.")


def background(browser: Browser, address: str) -> None:
    """page.jpg, phone.jpg: two objects, followed. running.jpg: the robot alone, on its way. result.jpg: done."""
    desktop = browser.new_page(viewport={"width": 1440, "height": 1270})
    phone = browser.new_page(viewport={"width": 390, "height": 900}, device_scale_factor=2)
    for page, name in ((desktop, "page"), (phone, "phone")):
        page.goto(address)
        expect(page.locator("#background-object-status")).to_contain_text("the object fills", timeout=60_000)
        mark(page)
        page.click("#background-follow")
        expect(page.locator("#background-timeline .sure")).to_have_count(2, timeout=300_000)
        go_to(page, 36)
        if name == "phone":
            page.locator("h2.step", has_text="Click the object").evaluate("e => e.scrollIntoView()")
            page.evaluate("scrollBy(0, -20)")
        page.mouse.move(2, 2)
        page.wait_for_timeout(1500)
        page.screenshot(path=IMAGES / f"{name}.jpg", **JPEG)
    desktop.click("#background-object-remove")
    expect(desktop.locator("#background-timeline .row")).to_have_count(1)
    desktop.click("#background-run")
    expect(desktop.locator("#background-progress")).to_contain_text("Putting in", timeout=300_000)
    desktop.wait_for_timeout(2000)
    desktop.screenshot(path=IMAGES / "running.jpg", **JPEG)
    expect(desktop.locator("#background-status")).to_contain_text("Done", timeout=300_000)
    desktop.mouse.move(2, 2)
    desktop.wait_for_timeout(4000)
    desktop.locator("#background-results").screenshot(path=IMAGES / "result.jpg", **JPEG)


def compare(browser: Browser, address: str) -> None:
    """compare.jpg: the robot followed through the clip by `flow` and by `online`."""
    page = opened(browser, address, "compare")
    engines = page.locator("#compare-engines")
    expect(engines).to_contain_text("grabcut", timeout=60_000)
    page.locator("#compare-span input[value=clip]").check(force=True)
    expect(engines).to_contain_text("online", timeout=60_000)
    expect(engines.locator("input:checked")).to_have_count(2)
    page.click("#compare-run")
    expect(page.locator("#compare-status")).to_contain_text("Done", timeout=900_000)
    page.locator("#compare-reel").evaluate("e => e.remove()")  # the film, which is none on a picture
    finish(page, "compare")


def inpaint(browser: Browser, address: str) -> None:
    """inpaint.jpg: the robot taken out of the example, with the slider between before and after."""
    page = opened(browser, address, "inpaint")
    expect(page.locator("#inpaint-object-status")).to_contain_text("the objects fill", timeout=60_000)
    page.locator("#inpaint-shadows input").check()
    page.click("#inpaint-run")
    expect(page.locator("#inpaint-status")).to_contain_text("Done", timeout=900_000)
    finish(page, "inpaint")


def voice(browser: Browser, address: str) -> None:
    """voice.jpg: the example with the voice that comes with it."""
    page = opened(browser, address, "voice")
    page.click("#voice-target-example")
    expect(page.locator("#voice-target-status")).to_contain_text("The example voice", timeout=60_000)
    page.click("#voice-run")
    expect(page.locator("#voice-status")).to_contain_text("Done", timeout=300_000)
    finish(page, "voice")


def sounding(browser: Browser, address: str) -> None:
    """sounding.jpg: a made scene in which one of three things sounds."""
    with tempfile.TemporaryDirectory() as folder:
        command = [Path(sys.executable).with_name("avfusion"), "make-avs", f"{folder}/made", "--setting", "s4"]
        options = ["--clips", "1", "--seed", "3", "--size", "448", "--split", "test", "--plain", "--quiet"]
        subprocess.run([*command, *options], check=True, stdout=subprocess.DEVNULL)
        (clip,) = Path(folder).rglob("*.mp4")
        page = opened(browser, address, "sounding")
        page.set_input_files("#sounding-file input[type=file]", clip)
        expect(page.locator("#sounding-facts")).to_contain_text(clip.name, timeout=60_000)
        page.click("#sounding-run")
        expect(page.locator("#sounding-status")).to_contain_text("Done", timeout=300_000)
        finish(page, "sounding")


def fusion(browser: Browser, address: str) -> None:
    """fusion-set.jpg: what is set, before the run. fusion.jpg: the example with another background and voice."""
    page = opened(browser, address, "fusion")
    expect(page.locator("#fusion-picture")).to_contain_text("stays", timeout=60_000)
    page.locator("[data-tour=end]").first.click()
    page.mouse.move(2, 2)
    page.wait_for_timeout(4000)
    page.screenshot(path=IMAGES / "fusion-set.jpg", full_page=True, **JPEG)
    page.click("#fusion-run")
    expect(page.locator("#fusion-status")).to_contain_text("Done", timeout=900_000)
    finish(page, "fusion")


def opened(browser: Browser, address: str, tab: str) -> Page:
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.goto(address)
    expect(page.locator("#background-object-status")).to_contain_text("the object fills", timeout=60_000)
    page.click(f"#{tab}-tab-button")
    page.wait_for_timeout(2000)
    return page


def finish(page: Page, tab: str) -> None:
    page.mouse.move(2, 2)
    page.wait_for_timeout(4000)
    page.locator(f"#{tab}-results").screenshot(path=IMAGES / f"{tab}.jpg", **JPEG)


TAKES: dict[str, Callable[[Browser, str], None]] = {
    "background": background, "compare": compare, "inpaint": inpaint, "voice": voice,
    "sounding": sounding, "fusion": fusion,
}  # fmt: skip


def mark(page: Page) -> None:
    """The robot is marked when the page opens; the house becomes object 2."""
    page.click("#background-object-add")
    expect(page.locator("#background-object-status")).to_contain_text("Click object 2")
    choose(page, "box")
    draw(page, *HOUSE)
    choose(page, "keep")


def choose(page: Page, tool: str) -> None:
    page.locator(f"#background-tool input[value={tool}]").check(force=True)
    page.wait_for_timeout(300)


def draw(page: Page, *places: tuple[float, float]) -> None:
    """Presses at the first place of the frame's picture, goes on to the others, and waits for the answer."""
    picture, status = page.locator("#background-frame img"), page.locator("#background-object-status p.note")
    picture.scroll_into_view_if_needed()
    page.wait_for_timeout(400)
    box, before = picture.bounding_box(), status.inner_text()
    assert box is not None
    for number, (x, y) in enumerate(places):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=5)
        if number == 0:
            page.mouse.down()
    page.mouse.up()
    expect(status).not_to_have_text(before, timeout=60_000)


def go_to(page: Page, frame: int) -> None:
    page.locator("#background-scrub input[type=range]").fill(str(frame))
    expect(page.locator("#background-time")).to_contain_text(f"Frame {frame}", timeout=60_000)


def main() -> None:
    wanted = sys.argv[1:] or list(TAKES)
    if unknown := set(wanted) - set(TAKES):
        sys.exit(f"No picture is called {', '.join(sorted(unknown))}. There are {', '.join(TAKES)}.")
    IMAGES.mkdir(exist_ok=True)
    port = free_port()
    address = f"http://127.0.0.1:{port}/"
    with tempfile.TemporaryDirectory() as home:
        environment = os.environ | {"AVFUSION_HOME": home, "GRADIO_TEMP_DIR": home}
        server = subprocess.Popen([sys.executable, "-c", SERVE, str(port)], cwd=ROOT, env=environment)
        try:
            wait_for(address)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
                for name in wanted:
                    TAKES[name](browser, address)
                browser.close()
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
