"""A visitor at the page, as far as the tests need one: what they do and what they see."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlparse

from playwright.sync_api import BrowserContext, Page, expect

DESKTOP = (1440, 900)
PHONE = (390, 844)


@dataclass
class Visitor:
    page: Page
    address: str
    outside: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def arrive(self) -> None:
        self.page.on("request", self._notice_request)
        self.page.on("console", self._notice_console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(self.address)
        expect(self.page.locator("#background-run")).to_be_visible(timeout=20_000)

    def _notice_request(self, request: object) -> None:
        url = urlparse(request.url)  # type: ignore[attr-defined]
        if url.scheme not in ("data", "blob") and url.hostname != "127.0.0.1":
            self.outside.append(request.url)  # type: ignore[attr-defined]

    def _notice_console(self, message: object) -> None:
        if message.type == "error":  # type: ignore[attr-defined]
            self.complaints.append(message.text)  # type: ignore[attr-defined]

    def upload(self, clip: Path) -> None:
        with self.page.expect_file_chooser() as chooser:
            self.page.click("#background-upload")
        chooser.value.set_files(clip)

    def open(self, clip: Path) -> None:
        """Uploads and waits until the first frame is there to be clicked."""
        self.upload(clip)
        expect(self.page.locator("#background-facts")).to_contain_text(clip.name, timeout=20_000)
        expect(self.page.locator("#background-time")).to_contain_text("Frame 0", timeout=20_000)

    def click_at(self, x: float, y: float) -> None:
        """Clicks the frame's picture at parts 0..1 of its width and height, as it is displayed."""
        self.page.locator("#background-frame img").scroll_into_view_if_needed()
        left, top, width, height = self.settled_box()
        self.page.mouse.click(left + x * width, top + y * height)

    def settled_box(self) -> tuple[float, float, float, float]:
        """`shown_box`, once it no longer moves: the page may still be laying itself out."""
        box = self.shown_box()
        while True:
            self.page.wait_for_timeout(60)
            before, box = box, self.shown_box()
            if before == box:
                return box

    def shown_box(self) -> tuple[float, float, float, float]:
        """(left, top, width, height) of the picture's own pixels on the screen, without bars beside it."""
        return tuple(
            self.page.locator("#background-frame img").evaluate(
                """async e => {
                  await e.decode();
                  const box = e.getBoundingClientRect();
                  const scale = Math.min(box.width / e.naturalWidth, box.height / e.naturalHeight, 1);
                  const [w, h] = [e.naturalWidth * scale, e.naturalHeight * scale];
                  return [box.left + (box.width - w) / 2, box.top + (box.height - h) / 2, w, h];
                }"""
            )
        )

    def last_click(self, words: str) -> tuple[float, ...]:
        """Numbers after `the last at`, once the status says `words`."""
        status = self.page.locator("#background-object-status p.note")
        expect(status).to_contain_text(re.compile(words, re.IGNORECASE), timeout=20_000)
        found = re.search(r"last at ([\d.,]+\d)", status.inner_text())
        assert found, status.inner_text()
        return tuple(map(float, found[1].split(",")))

    def drag(self, *places: tuple[float, float]) -> None:
        """Draws through places given in parts 0..1 of the frame's picture, with the button held."""
        self.page.locator("#background-frame img").scroll_into_view_if_needed()
        left, top, width, height = self.settled_box()
        for number, (x, y) in enumerate(places):
            self.page.mouse.move(left + x * width, top + y * height, steps=1 if number == 0 else 6)
            if number == 0:
                self.page.mouse.down()
        self.page.mouse.up()

    def swipe(self, first: tuple[float, float], last: tuple[float, float]) -> None:
        """A finger on the frame's picture, from one place to another, in parts 0..1."""
        left, top, width, height = self.settled_box()
        browser = self.page.context.new_cdp_session(self.page)
        for part in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
            x = left + width * (first[0] + part * (last[0] - first[0]))
            y = top + height * (first[1] + part * (last[1] - first[1]))
            kind = "touchMove" if part else "touchStart"
            browser.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
            self.page.wait_for_timeout(30)
        browser.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    def go_to(self, frame: int) -> None:
        self.page.locator("#background-scrub input[type=range]").fill(str(frame))
        self.see("background-time", f"Frame {frame}")

    def follow(self) -> None:
        """Follows the object, and waits until that is done and shown."""
        self.page.click("#background-follow")
        expect(self.page.locator("#background-follow-stop")).to_be_hidden(timeout=60_000)
        expect(self.page.locator("#background-timeline .strip:not(.stale) .sure").first).to_be_attached(timeout=20_000)

    def choose(self, group: str, value: str) -> None:
        self.page.locator(f"#{group} input[value='{value}']").check(force=True)

    def see(self, place: str, words: str, *, timeout_s: float = 20) -> None:
        expect(self.page.locator(f"#{place}")).to_contain_text(words, timeout=timeout_s * 1000)

    def file_behind(self, selector: str) -> bytes:
        """What the server sends for the picture, video or link."""
        address = self.page.locator(selector).first.evaluate("e => e.currentSrc || e.href")
        if address.startswith("data:"):
            return base64.b64decode(address.partition(",")[2])
        answer = self.page.request.get(address)
        assert answer.ok
        return answer.body()

    def run(self) -> None:
        self.page.click("#background-run")
        self.see("background-status", "Done", timeout_s=90)
        expect(self.page.locator("#background-report")).to_be_in_viewport()
        self.wait_until_still()

    def wait_until_still(self) -> None:
        """The page scrolls to its result by itself."""
        place, before = self.page.evaluate("scrollY"), None
        while place != before:
            self.page.wait_for_timeout(150)
            place, before = self.page.evaluate("scrollY"), place


def visitor_in(context: BrowserContext, address: str) -> Visitor:
    visitor = Visitor(context.new_page(), address)
    visitor.arrive()
    return visitor
