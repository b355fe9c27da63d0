"""Takes the README's pictures of the page: the bundled example, run in Debian's Chromium.

python docs/make_images.py        # writes docs/images/*.jpg; about a minute
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
from pathlib import Path

from playwright.sync_api import Browser, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
SERVE = "import sys; from avfusion.ui.page import build_page, launch; launch(build_page(), port=int(sys.argv[1]))"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


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


def take(browser: Browser, address: str) -> None:
    """page.jpg: before the run. running.jpg: in the middle. result.jpg: after. phone.jpg: on a phone, before."""
    desktop = browser.new_page(viewport={"width": 1440, "height": 1080})
    phone = browser.new_page(viewport={"width": 390, "height": 1000}, device_scale_factor=2)
    for page in (desktop, phone):
        page.goto(address)
        expect(page.locator("#background-object-status")).to_contain_text("the object fills", timeout=60_000)
        page.wait_for_timeout(1500)
    shoot = {"type": "jpeg", "quality": 88}
    desktop.screenshot(path=IMAGES / "page.jpg", **shoot)
    phone.screenshot(path=IMAGES / "phone.jpg", **shoot)
    desktop.click("#background-run")
    expect(desktop.locator("#background-progress")).to_contain_text("Putting in", timeout=300_000)
    desktop.wait_for_timeout(2000)
    desktop.screenshot(path=IMAGES / "running.jpg", **shoot)
    expect(desktop.locator("#background-status")).to_contain_text("Done", timeout=300_000)
    desktop.mouse.move(2, 2)
    desktop.wait_for_timeout(4000)
    desktop.locator("#background-results").screenshot(path=IMAGES / "result.jpg", **shoot)


def main() -> None:
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
                take(browser, address)
                browser.close()
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
