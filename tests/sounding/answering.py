"""A server on loopback that speaks OpenAI's chat completions and answers what a test tells it to."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Answering:
    """say: the answer to a question (its words), or None to answer as `status`, `body` and `slow_s` say. asked: every
    request's JSON; headers: of each."""

    url: str = ""
    say: Callable[[str], str] | None = None
    status: int = 200
    body: bytes = b""
    slow_s: float = 0.0
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)


@contextlib.contextmanager
def answering() -> Iterator[Answering]:
    script = Answering()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            script.asked.append(asked)
            script.headers.append(dict(self.headers))
            script.paths.append(self.path)
            body = script.body
            if script.say is not None:
                said = script.say(asked["messages"][0]["content"][0]["text"])
                body = json.dumps({"choices": [{"message": {"role": "assistant", "content": said}}]}).encode()
            self.send_response(script.status)
            if script.status in (301, 302, 307, 308):
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(OSError):  # whoever asked may have gone
                self._write(body)

        def _write(self, body: bytes) -> None:
            """A byte at a time where it is slow: it never stops, and never ends."""
            if not script.slow_s:
                self.wfile.write(body)
                return
            ends_s = time.monotonic() + script.slow_s
            for place in range(len(body)):
                if script.released.wait(0.02) or time.monotonic() > ends_s:
                    return
                self.wfile.write(body[place : place + 1])
                self.wfile.flush()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    script.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield script
    finally:
        script.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
