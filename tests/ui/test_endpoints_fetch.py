"""A file from an address: followed as far as it is public, and no further than it may be large."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from avfusion.errors import CannotRead, TooLarge
from avfusion.media.limits import USUAL, Limits, enforce
from avfusion.ui import endpoints_fetch
from avfusion.ui.endpoints_fetch import fetch
from tests.ui.making import in_own_thread

BODY = bytes(range(256)) * 100
PUBLIC = "files.example"


class Answers(BaseHTTPRequestHandler):
    """/NAME gives the file, /to?ADDRESS sends elsewhere, /loop sends round in circles."""

    def do_GET(self) -> None:
        to = "/loop" if self.path == "/loop" else self.path.partition("?")[2]
        status = 302 if to else 404 if self.path == "/missing" else 200
        self.send_response(status)
        if to:
            self.send_header("Location", to)
        self.send_header("Content-Length", str(len(BODY) if status == 200 else 0))
        self.end_headers()
        if status == 200:
            self.wfile.write(BODY)

    def log_message(self, format: str, *words: object) -> None:
        """Quiet."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Its address under a name that counts as public here; all other names are looked up as ever."""
    running = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    looked_up = endpoints_fetch._public_ip

    async def public_ip(host: str) -> str:
        return "127.0.0.1" if host == PUBLIC else await looked_up(host)

    monkeypatch.setattr(endpoints_fetch, "_public_ip", public_ip)
    yield f"http://{PUBLIC}:{running.server_port}"
    running.shutdown()
    running.server_close()


def fetched(address: str, folder: Path) -> Path:
    return in_own_thread(fetch(address, folder))


def test_the_file_comes_as_it_is_and_keeps_its_name(server: str, tmp_path: Path) -> None:
    for address in (f"{server}/my%20clip.mp4", f"{server}/to?{server}/my%20clip.mp4", f"{server}/to?/my%20clip.mp4"):
        path = fetched(address, tmp_path)
        assert path.parent == tmp_path
        assert path.suffix == ".mp4"
        assert path.read_bytes() == BODY
    assert fetched(f"{server}/", tmp_path).name == "file"
    assert fetched(f"{server}/..%2f..%2fevil.mp4", tmp_path).parent == tmp_path


def test_no_address_leads_within(server: str, tmp_path: Path) -> None:
    port = server.rpartition(":")[2]
    for host in ("127.0.0.1", "localhost", "[::1]", "10.0.0.1", "169.254.169.254", "192.168.0.1", "[::ffff:127.0.0.1]"):
        for address in (f"http://{host}:{port}/clip.mp4", f"{server}/to?http://{host}:{port}/clip.mp4"):
            with pytest.raises(CannotRead, match=r": the file cannot be fetched from there\. Upload it instead\.$"):
                fetched(address, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("where", ["/missing", "/loop", "/to?file:///etc/passwd", "/to?http://", "/to?http://[/"])
def test_what_does_not_end_in_a_file_is_refused(server: str, where: str, tmp_path: Path) -> None:
    with pytest.raises(CannotRead):
        fetched(server + where, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_is_too_large_is_not_fetched_to_its_end(server: str, tmp_path: Path) -> None:
    enforce(Limits(file_bytes=1000))
    try:
        with pytest.raises(TooLarge, match=r"^clip\.mp4: more than the 0\.001 MB"):
            fetched(f"{server}/clip.mp4", tmp_path)
    finally:
        enforce(USUAL)
    assert list(tmp_path.iterdir()) == []
