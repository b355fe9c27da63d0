"""What means harm, through a running page: foreign files, addresses within, vast and lying files, HTML in names."""

from __future__ import annotations

import json
import socket
import threading
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client.utils import strip_invalid_filename_characters
from PIL import Image
from playwright.sync_api import Browser

from avfusion.clip import Point
from avfusion.pipelines.compare import compare, write_report
from avfusion.pipelines.fuse import fuse
from tests.media.test_limits import huge_png
from tests.ui.conftest import Server
from tests.ui.making import balls, write_clip
from tests.ui.visitor import Visitor

CLICK = [[48, 45]]
EVIL = "<img src=x onerror=document.title='hurt'>&\"'"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("tiny") / "tiny.mp4", balls(6, 160, 90), sound_s=0.24)


@pytest.fixture(scope="module")
def own(server: Server, tiny: Path) -> dict[str, Any]:
    return uploaded(server, tiny)


class Listener:
    """A service beside the page, which counts who comes."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.visits = 0
        threading.Thread(target=self._count, daemon=True).start()

    def _count(self) -> None:
        while True:
            try:
                self._socket.accept()[0].close()
            except OSError:
                return
            self.visits += 1

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def within() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.close()


def uploaded(server: Server, path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return file_at(httpx.post(f"{server.address}gradio_api/upload", files={"files": file}).json()[0])


def file_at(path: str, **more: Any) -> dict[str, Any]:
    """As a client describes a file that it has uploaded."""
    return {"path": path, "meta": {"_type": "gradio.FileData"}, **more}


def answer(server: Server, endpoint: str, values: dict[str, Any]) -> str:
    """What a caller reads at last, over plain HTTP: no client stands between that could refuse or upload."""
    asked = httpx.post(f"{server.address}gradio_api/call/v2/{endpoint}", json=values)
    assert asked.status_code == 200, asked.text
    event = asked.json()["event_id"]
    with urllib.request.urlopen(f"{server.address}gradio_api/call/{endpoint}/{event}") as stream:
        return stream.read().decode().strip().rpartition("event: ")[2]


def refused(server: Server, endpoint: str, **values: Any) -> str:
    """The line of the refusal."""
    event, _, data = answer(server, endpoint, values).partition("\ndata: ")
    assert event == "error", data
    words = json.loads(data)["error"]
    assert words, "the page was not ready for this: the trace is in its log"
    assert "\n" not in words
    assert "Traceback" not in words
    assert str(server.home) not in words
    return words


def test_files_that_were_not_uploaded_are_refused(server: Server, own: dict[str, Any]) -> None:
    secret = str(server.home / "log")
    climbing = f"{server.home}/gradio/../log"
    for path in (
        secret,
        climbing,
        "/etc/passwd",
        "../../../../../../etc/passwd",
        f"file://{secret}",
        "/proc/self/environ",
    ):
        words = refused(server, "segment", clip=file_at(path), points=CLICK)
        assert words == "A file was named that was not uploaded here. Upload it first."
    refused(server, "voice", media=file_at(secret), target=[own])
    for where in ("background_file", "masks"):
        refused(server, "swap", clip=own, points=CLICK, **{where: file_at(secret)})
    for files in ([file_at(secret)], [own, file_at(secret)], [{"path": secret}], [[file_at(secret)]], [secret], secret):
        for where in ("target", "model"):
            refused(server, "voice", media=own, **{where: files})
    refused(server, "replay", job=file_at(secret), files=[own])
    assert Path(secret).is_file()


def test_addresses_within_are_not_fetched(server: Server, own: dict[str, Any], within: Listener) -> None:
    for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433", "127.1"):
        address = f"http://{host}:{within.port}/clip.mp4"
        for given in (file_at(address), address, file_at("x.mp4", url=address)):
            refused(server, "segment", clip=given, points=CLICK)
        refused(server, "voice", media=own, target=[address])
    served = f"http://127.0.0.1:{within.port}/gradio_api/file={server.home}/log"
    refused(server, "segment", clip=served, points=CLICK)
    assert within.visits == 0


def test_vast_and_lying_files_are_refused(server: Server, own: dict[str, Any], tmp_path: Path) -> None:
    huge = uploaded(server, huge_png(tmp_path / "huge.png", 50_000))
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for frame in range(6):
            archive.writestr(f"{frame:05d}.png", bytes(4 * 2**20))
    bomb = uploaded(server, tmp_path / "bomb.zip")
    green = {"clip": own, "background": "#204060"}
    assert refused(server, "remove", clip=huge, points=CLICK).startswith("huge.png: more pixels")
    assert refused(server, "swap", clip=own, points=CLICK, background_file=huge).startswith("huge.png: more pixels")
    assert refused(server, "swap", **green, masks=bomb).startswith("bomb.zip: ")
    assert refused(server, "remove", clip=own, masks=bomb).startswith("bomb.zip: ")
    assert refused(server, "voice", media=own, target=huge).startswith("huge.png: ")
    assert refused(server, "fuse", **green, points=CLICK, target=bomb).startswith("bomb.zip: ")


def test_what_is_no_request_is_refused_without_a_trace(server: Server) -> None:
    for values in ({"clip": 7}, {"clip": {"path": 7}}, {"clip": [[[]]]}, {"clip": True}, {"clip": {"meta": {}}}):
        refused(server, "segment", **values, points=CLICK)
    where = f"{server.address}gradio_api/call/v2/segment"
    for body in (b"[" * 100_000, b'{"a":' * 100_000, b"\xff\xfe", b"{}", b"[]", b"7", b'{"points": 1}'):
        asked = httpx.post(where, content=body, headers={"Content-Type": "application/json"})
        assert 400 <= asked.status_code < 500, asked.text
        assert str(server.home) not in asked.text


@pytest.mark.browser
def test_a_name_that_is_html_is_shown_and_does_nothing(visitor: Visitor, tiny: Path, tmp_path: Path) -> None:
    page = visitor.page
    title = page.title()
    for ending, content in ((".mp4", tiny.read_bytes()), (".mov", b"no clip at all")):
        named = tmp_path / f"{EVIL}{ending}"
        named.write_bytes(content)
        visitor.upload(named)
        shown = strip_invalid_filename_characters(named.name)[:12]
        page.wait_for_function("name => document.body.innerText.includes(name)", arg=shown, timeout=120_000)
        assert page.title() == title
        assert page.locator("img[src=x]").count() == 0
        named.unlink()


@pytest.mark.browser
def test_names_that_are_html_do_nothing_in_reports(browser: Browser, tiny: Path, tmp_path: Path) -> None:
    """Files that a user names on the command line keep their names."""
    clip, ground = tmp_path / f"{EVIL}.mp4", tmp_path / f"{EVIL}.png"
    clip.write_bytes(tiny.read_bytes())
    Image.new("RGB", (160, 90), (10, 200, 10)).save(ground)
    click = [Point(48, 45)]
    fused = tmp_path / "fused.html"
    fuse(clip, click, background=ground, out=tmp_path / f"{EVIL} fused.mp4", report=fused)
    compared = compare(clip, click, engines=["grabcut"], folder=tmp_path / "masks")
    pages = [fused, *(path for path in write_report(compared, tmp_path / "report") if path.suffix == ".html")]
    assert len(pages) == 2
    context = browser.new_context()
    page = context.new_page()
    for path in pages:
        page.goto(path.as_uri())
        assert page.title() not in ("", "hurt")
        assert EVIL in page.inner_text("body")
        assert page.locator("img[src=x], [onerror]").count() == 0
        assert page.title() != "hurt"
    context.close()
