"""Many visitors at once on one page: is anything mixed up, does memory come back, does the disk stay within its limit?

    python benchmarks/visitors.py [--visitors 20] [--rounds 2] [--waiting 64] [--disk-gb 0.05] [--browsers 1]

Starts a page in a folder of its own. Each visitor has a clip that nobody else has: a ball of their colour at their
place, before a ground of their grey, and a length of their own. They all come at once and ask in turn for /swap,
/segment, /remove and /voice; the answers are looked at pixel by pixel and sample by sample. `--browsers` of them use
the page in Chromium. Memory is the server's resident set, after one run of each kind by one visitor, and again when all
have gone.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import cv2
import httpx
import numpy as np
import soundfile
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
SERVE = "import sys; from avfusion.ui.page import build_page, launch; launch(build_page(), port=int(sys.argv[1]))"
WIDTH, HEIGHT, RADIUS = 160, 96, 18
VERBS = ("/swap", "/segment", "/remove", "/voice")
LEAVING_S = 20.0
PATIENCE_S = 600.0


@dataclass(frozen=True)
class Mark:
    """What tells a visitor's clip and wishes from all others."""

    number: int

    @property
    def ball_rgb(self) -> tuple[int, int, int]:
        hue = np.uint8([[[self.number * 37 % 180, 230, 240]]])
        return tuple(int(value) for value in cv2.cvtColor(hue, cv2.COLOR_HSV2RGB)[0, 0])

    @property
    def ground(self) -> int:
        return 30 + self.number * 29 % 120

    @property
    def background(self) -> str:
        return f"#{self.number * 53 % 256:02x}{self.number * 91 % 256:02x}{self.number * 139 % 256:02x}"

    @property
    def at(self) -> tuple[int, int]:
        return 30 + self.number * 17 % 100, 30 + self.number * 11 % 36

    @property
    def frames(self) -> int:
        return 8 + self.number % 20

    @property
    def samples(self) -> int:
        return 16_000 + 800 * self.number


@dataclass
class Answer:
    visitor: int
    verb: str
    took_s: float = 0.0
    waited_s: float = 0.0
    refused: str = ""
    wrong: str = ""


@dataclass
class Server:
    """A page on this machine, and what it uses."""

    home: Path
    process: subprocess.Popen[bytes]
    address: str
    peak_bytes: int = 0
    peak_disk_bytes: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        while not self.over.wait(0.25):
            self.peak_bytes = max(self.peak_bytes, self.resident_bytes)
            self.peak_disk_bytes = max(self.peak_disk_bytes, disk_bytes(self.home))

    @property
    def resident_bytes(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) * 1024


def disk_bytes(home: Path) -> int:
    """What visitors' files fill."""
    total = 0
    for part in ("jobs", "uploads"):
        for path in (home / part).rglob("*"):
            with contextlib.suppress(OSError):
                total += path.lstat().st_blocks * 512
    return total


@contextlib.contextmanager
def served(home: Path, **settings: str) -> Iterator[Server]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    own = {"AVFUSION_HOME": str(home), "HF_HOME": str(home / "hub"), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    environment = {name: value for name, value in os.environ.items() if name != "GRADIO_TEMP_DIR"} | own | settings
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(port)], cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT
        )
        server = Server(home, process, f"http://127.0.0.1:{port}/")
        try:
            while not _answers(server.address):
                if process.poll() is not None:
                    raise SystemExit((home / "log").read_text())
                time.sleep(0.5)
            threading.Thread(target=server.watch, daemon=True).start()
            yield server
        finally:
            server.over.set()
            process.terminate()
            process.wait()


def _answers(address: str) -> bool:
    with contextlib.suppress(urllib.error.URLError, OSError):
        urllib.request.urlopen(address, timeout=5).close()
        return True
    return False


# What visitors bring


def write_clip(path: Path, mark: Mark) -> Path:
    with av.open(str(path), "w") as output:
        stream: Any = output.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv444p"
        stream.options = {"crf": "6", "preset": "ultrafast"}
        for index in range(mark.frames):
            picture = np.full((HEIGHT, WIDTH, 3), mark.ground, np.uint8)
            cv2.circle(picture, (mark.at[0] + index // 4, mark.at[1]), RADIUS, mark.ball_rgb, -1, cv2.LINE_AA)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        output.mux(stream.encode(None))
    return path


def write_voice(path: Path, mark: Mark, *, seconds: float | None = None) -> Path:
    """A buzz with formants that glides, which passes for a voice."""
    count = mark.samples if seconds is None else round(seconds * 16_000)
    time_s = np.arange(count) / 16_000
    pitch_hz = 110 + 4 * mark.number + 20 * np.sin(2 * np.pi * 1.5 * time_s)
    phase = 2 * np.pi * np.cumsum(pitch_hz) / 16_000
    buzz = sum(np.sin(k * phase) * np.exp(-(((k * 130 - 700) / 500) ** 2)) for k in range(1, 25))
    soundfile.write(path, 0.2 * buzz / np.abs(buzz).max(), 16_000)
    return path


# What they ask and get


def ask(client: Client, verb: str, mark: Mark, folder: Path) -> Any:
    click = json.dumps([list(mark.at)])
    if verb == "/voice":
        media, target = write_voice(folder / "talk.wav", mark), write_voice(folder / "other.wav", mark, seconds=2)
        return client.submit(media=handle_file(media), target=[handle_file(target)], api_name=verb)
    clip = handle_file(write_clip(folder / f"visitor-{mark.number}.mp4", mark))
    asked = {"clip": clip, "points": click}
    return client.submit(**asked, **({"background": mark.background} if verb == "/swap" else {}), api_name=verb)


def what_is_wrong(verb: str, mark: Mark, file: Path, report: dict[str, Any]) -> str:
    """Why the answer is not this visitor's own; empty if it is."""
    if verb == "/voice":
        count = soundfile.info(file).frames
        return "" if count == mark.samples else f"{count} samples instead of {mark.samples}"
    if report["frames"] != mark.frames:
        return f"{report['frames']} frames instead of {mark.frames}"
    if verb == "/segment":
        box = json.loads(file.read_text())["annotations"][0]["bbox"]
        middle = (box[0] + box[2] / 2, box[1] + box[3] / 2)
        far = max(abs(middle[0] - mark.at[0]), abs(middle[1] - mark.at[1]))
        return "" if far < 4 else f"an object at {middle} instead of {mark.at}"
    picture = first_frame(file)
    corner = tuple(bytes.fromhex(mark.background[1:])) if verb == "/swap" else (mark.ground,) * 3
    middle_rgb = mark.ball_rgb if verb == "/swap" else (mark.ground,) * 3
    for what, place, wanted in (("corner", (4, 4), corner), ("middle", mark.at, middle_rgb)):
        found = picture[place[1] - 2 : place[1] + 3, place[0] - 2 : place[0] + 3].reshape(-1, 3).mean(0)
        if np.abs(found - wanted).max() > 14:
            return f"{what} {found.round().astype(int).tolist()} instead of {list(wanted)}"
    return ""


def first_frame(file: Path) -> NDArray[np.float64]:
    with av.open(str(file)) as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24").astype(float)


def visit(address: str, verb: str, mark: Mark, folder: Path, barrier: threading.Barrier | None) -> Answer:
    """One visitor with one wish."""
    answer = Answer(mark.number, verb)
    folder.mkdir(parents=True)
    client = Client(address, verbose=False, download_files=str(folder), httpx_kwargs={"timeout": PATIENCE_S})
    try:
        if barrier is not None:
            barrier.wait()
        began_s = time.monotonic()
        job = ask(client, verb, mark, folder)
        while not job.done():
            if job.outputs() and job.outputs()[-1][1].get("stage") == "waiting":
                answer.waited_s = time.monotonic() - began_s
            time.sleep(0.1)
        try:
            file, report = job.result()
            answer.wrong = what_is_wrong(verb, mark, Path(file), report)
        except AppError as refusal:
            answer.refused = str(refusal)
        except httpx.HTTPError as failure:
            answer.wrong = f"no answer: {type(failure).__name__}"
        answer.took_s = time.monotonic() - began_s
    finally:
        client.close()
    return answer


def browse(address: str, mark: Mark, folder: Path) -> Answer:
    """One visitor in Chromium, in the tab Background: upload, click, colour, run."""
    from playwright.sync_api import expect, sync_playwright

    sys.path.insert(0, str(ROOT))
    from tests.ui.conftest import CHROMIUM_ARGUMENTS
    from tests.ui.visitor import DESKTOP, Visitor

    answer = Answer(mark.number, "the page")
    folder.mkdir(parents=True)
    clip = write_clip(folder / f"visitor-{mark.number}.mp4", mark)
    expect.set_options(timeout=300_000)
    began_s = time.monotonic()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM_ARGUMENTS)
        page = browser.new_context(viewport={"width": DESKTOP[0], "height": DESKTOP[1]}).new_page()
        page.set_default_timeout(300_000)
        visitor = Visitor(page, address)
        page.goto(address)
        expect(page.locator("#background-run")).to_be_visible()
        visitor.upload(clip)
        visitor.see("background-facts", clip.name, timeout_s=300)
        visitor.see("background-time", "Frame 0", timeout_s=300)
        visitor.click_at(mark.at[0] / WIDTH, mark.at[1] / HEIGHT)
        visitor.see("background-object-status", "kept", timeout_s=300)
        page.click("#background-run")
        said = page.locator("#background-status .good, #background-status .problem")
        expect(said.first).to_be_visible()
        if "problem" in (said.first.get_attribute("class") or ""):
            answer.refused = said.first.inner_text()
        else:
            result = folder / "result.mp4"
            result.write_bytes(visitor.file_behind("#background-result video"))
            found = first_frame(result)[mark.at[1], mark.at[0]]
            if np.abs(found - mark.ball_rgb).max() > 14:
                answer.wrong = f"middle {found.tolist()} instead of {list(mark.ball_rgb)}"
        browser.close()
    answer.took_s = time.monotonic() - began_s
    return answer


# All of them


def at_once(server: Server, count: int, browsers: int, number: int, folder: Path) -> list[Answer]:
    answers: list[Answer] = []
    barrier = threading.Barrier(count - browsers)

    def one(place: int) -> None:
        mark, own = Mark(number + place), folder / str(number + place)
        if place < browsers:
            answers.append(browse(server.address, mark, own))
        else:
            answers.append(visit(server.address, VERBS[place % len(VERBS)], mark, own, barrier))

    threads = [threading.Thread(target=one, args=(place,)) for place in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(answers, key=lambda answer: answer.visitor)


def settled_bytes(server: Server) -> int:
    """The server's memory once nothing runs any more."""
    time.sleep(LEAVING_S)
    return server.resident_bytes


def show(answers: list[Answer]) -> None:
    print(f"{'visitor':>7} {'asked':9} {'s':>7} {'waited s':>8}  answer")
    for each in answers:
        said = f"MIXED UP: {each.wrong}" if each.wrong else f"refused: {each.refused}" if each.refused else "their own"
        print(f"{each.visitor:7} {each.verb:9} {each.took_s:7.1f} {each.waited_s:8.1f}  {said}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--visitors", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--waiting", type=int, default=64)
    parser.add_argument("--disk-gb", type=float, default=0.05)
    parser.add_argument("--browsers", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="visitors-") as name:
        folder = Path(name)
        home = folder / "home"
        home.mkdir()
        limits = {"AVFUSION_MAX_WAITING": str(options.waiting), "AVFUSION_MAX_DISK_GB": str(options.disk_gb)}
        with served(home, **limits) as server:
            start_bytes = server.resident_bytes
            warm = [visit(server.address, verb, Mark(0), folder / f"warm{verb}", None) for verb in VERBS]
            show(warm)
            warm_bytes = settled_bytes(server)
            answers: list[Answer] = []
            for number in range(options.rounds):
                first = 1 + number * options.visitors
                now = at_once(server, options.visitors, options.browsers, first, folder / f"round-{number}")
                after_bytes = settled_bytes(server)
                show(now)
                answers += now
                print(
                    f"memory: {start_bytes / 1e6:.0f} MB at the start, {warm_bytes / 1e6:.0f} after one run of each, "
                    f"{server.peak_bytes / 1e6:.0f} at most, {after_bytes / 1e6:.0f} after "
                    f"({after_bytes / warm_bytes:.2f} x); disk: {server.peak_disk_bytes / 1e6:.1f} MB at most, "
                    f"{disk_bytes(home) / 1e6:.1f} after, {options.disk_gb * 1e3:.0f} allowed"
                )
            wrong, refused = (sum(bool(getattr(each, kind)) for each in answers) for kind in ("wrong", "refused"))
            own = len(answers) - wrong - refused
            print(f"{len(answers)} asked: {own} got their own, {refused} refused, {wrong} mixed up or unanswered")
            if b"Traceback" in (home / "log").read_bytes():
                print((home / "log").read_text()[-4000:])


if __name__ == "__main__":
    main()
