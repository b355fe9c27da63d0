"""A hub on this machine: the few answers of the real one that a download needs, and ways to be troublesome."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """files: name -> content of the one repository. `.json` files are small, others large (redirected).

    cut_after_bytes: the connection breaks off there, once. gate: the second half of a large file waits for it. asked:
    (method, path, range, authorization) of each request.
    """

    def __init__(self, files: dict[str, bytes], repository: str = "someone/model") -> None:
        self.files = files
        self.repository = repository
        self.cut_after_bytes: int | None = None
        self.gate: threading.Event | None = None
        self.wants_token = False
        self.lies = False
        self.asked: list[tuple[str, str, str | None, str | None]] = []
        self.url = self.store_url = ""

    def gets(self, name: str) -> list[str | None]:
        """The ranges that were asked of that file."""
        return [part for method, path, part, _ in self.asked if method == "GET" and path.endswith(name)]

    def digest(self, name: str) -> str:
        content = self.files[name]
        if name.endswith(".json"):
            return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        return hashlib.sha256(content).hexdigest()


class _Answers(BaseHTTPRequestHandler):
    hub: Hub

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, *arguments: object) -> None:
        pass

    def _answer(self) -> None:
        hub = self.hub
        self.hub.asked.append((self.command, self.path, self.headers.get("Range"), self.headers.get("Authorization")))
        name = self.path.partition("/store/")[2] or self.path.partition(f"/resolve/{COMMIT}/")[2]
        if hub.wants_token and not self.path.startswith("/store/") and "Authorization" not in self.headers:
            self._say(401, b"")
        elif self.path.startswith(f"/api/models/{hub.repository}/revision/"):
            listing = {"sha": COMMIT, "siblings": [{"rfilename": file} for file in hub.files]}
            self._say(200, json.dumps(listing).encode())
        elif name not in hub.files or (hub.repository not in self.path and not self.path.startswith("/store/")):
            self._say(404, b"")
        elif self.path.startswith("/store/") or name.endswith(".json"):
            self._send(name)
        else:
            digest, length = hub.digest(name), str(len(hub.files[name]))
            headers = {
                "Location": f"{hub.store_url}/store/{name}",
                "X-Linked-Etag": f'"{digest}"',
                "X-Linked-Size": length,
            }
            self._say(302, b"", headers)

    def _send(self, name: str) -> None:
        content = self.hub.files[name]
        etag = {"ETag": f'"{self.hub.digest(name)}"', "X-Repo-Commit": COMMIT}
        if self.hub.lies:
            content = bytes(len(content))
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
        if start >= len(content) > 0 and start > 0:
            self._say(416, b"")
            return
        self.send_response(206 if start else 200)
        for key, value in {**etag, "Content-Length": str(len(content) - start)}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        stop = len(content)
        if self.hub.cut_after_bytes is not None and not name.endswith(".json"):
            stop, self.hub.cut_after_bytes = start + self.hub.cut_after_bytes, None
        half = (start + stop) // 2
        self.wfile.write(content[start:half])
        if self.hub.gate is not None and not name.endswith(".json"):
            self.wfile.flush()
            self.hub.gate.wait(30)
        with suppress(ConnectionError):  # whoever asked may have gone
            self.wfile.write(content[half:stop])
        self.close_connection = True

    def _say(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for key, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    answers = type("Answers", (_Answers,), {"hub": hub})
    with ThreadingHTTPServer(("127.0.0.1", 0), answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        hub.url = f"http://127.0.0.1:{server.server_port}"
        hub.store_url = f"http://localhost:{server.server_port}"  # another name, as the real store has
        try:
            yield hub
        finally:
            server.shutdown()
