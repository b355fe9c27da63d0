"""The real page in a process of its own, and Debian's Chromium to visit it with."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.ui.making import balls, greys, pair, vanishing, write_clip
from tests.ui.visitor import DESKTOP, Visitor, visitor_in

# Machines on which the tests run may be busy with other work.
expect.set_options(timeout=20_000)

ROOT = Path(__file__).resolve().parents[2]
SERVE = "import sys; from avfusion.ui.page import build_page, launch; launch(build_page(), port=int(sys.argv[1]))"
CHROMIUM_ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


class Server:
    """The page at `address`; what it writes lies under `home`."""

    def __init__(self, home: Path, *, serve: str = SERVE, **extra: str) -> None:
        self.home = home
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}/"
        environment = {
            "AVFUSION_HOME": str(home), "HF_HOME": str(home / "hub"), "GRADIO_TEMP_DIR": str(home / "gradio"),
            "HF_HUB_OFFLINE": "1",
        }  # fmt: skip
        self.log = (home / "log").open("w+")
        self._process = subprocess.Popen(
            [sys.executable, "-c", serve, str(port)],
            cwd=ROOT, env=os.environ | environment | extra, stdout=self.log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self._wait()

    def _wait(self) -> None:
        for _ in range(600):
            assert self._process.poll() is None, self.said()
            try:
                urllib.request.urlopen(self.address, timeout=5).close()
                return
            except urllib.error.URLError:
                time.sleep(0.25)
        raise AssertionError(self.said())

    def said(self) -> str:
        self.log.seek(0)
        return self.log.read()

    def job_files(self) -> list[str]:
        """What the visitors of this server have on its disk, without clips and what following keeps for next time."""
        files = (self.home / "jobs").glob("*/*/*")
        return sorted(file.name for file in files if not re.match("clip-|track$", file.parent.name))

    def close(self) -> None:
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.log.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("server"))
    yield running
    log = running.said()
    running.close()
    # Gradio shows a trace when it refuses a file that is not the caller's, or a picture that is none.
    expected = ("InvalidPathError", "UnidentifiedImageError")
    traces = [trace for trace in log.split("Traceback (most")[1:] if not any(name in trace for name in expected)]
    assert traces == [], log


def find_chromium() -> str | None:
    """Debian's Chromium: without windows where that is there, which costs a third less for each visit."""
    return shutil.which("chromium-headless-shell") or shutil.which("chromium")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = find_chromium()
    if chromium is None:
        if os.environ.get("CI"):
            pytest.fail("CI must test the page, and there is no chromium", pytrace=False)
        pytest.skip("no chromium here")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGUMENTS)
        yield started
        started.close()


@pytest.fixture
def visit(browser: Browser, server: Server) -> Iterator[Callable[..., Visitor]]:
    """visit(size=(width, height)) -> a visitor on a browser of their own, watched for errors and for leaks.

    touch: the visitor has a finger and no mouse.
    """
    visitors: list[Visitor] = []

    def start(size: tuple[int, int] = DESKTOP, *, touch: bool = False) -> Visitor:
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, has_touch=touch)
        visitors.append(visitor_in(context, server.address))
        return visitors[-1]

    yield start
    for visitor in visitors:
        visitor.page.context.close()
        assert visitor.outside == [], "requests left the machine"
        assert visitor.complaints == [], "errors in the browser's console"


@pytest.fixture
def visitor(visit: Callable[..., Visitor]) -> Visitor:
    return visit()


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """rolling.mp4: 24 frames with sound. long.mp4: 1200 frames. greys.mp4: each frame tells its number.

    pair.mp4: two balls, 24 frames. vanishing.mp4: a ball that is gone after frame 11 of 24.
    """
    folder = tmp_path_factory.mktemp("clips")
    write_clip(folder / "rolling.mp4", balls(24, 320, 180), sound_s=0.96)
    write_clip(folder / "long.mp4", balls(1200, 480, 270))
    write_clip(folder / "greys.mp4", greys(20, 320, 180))
    write_clip(folder / "pair.mp4", pair(24, 320, 180))
    write_clip(folder / "vanishing.mp4", vanishing(24, 320, 180, last=11))
    return folder
