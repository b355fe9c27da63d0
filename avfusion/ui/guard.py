"""What stands before Gradio's own routes: files that are results, and nothing from elsewhere."""

from __future__ import annotations

import math
import re
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from avfusion.jobs.home import home
from avfusion.media.limits import Limits
from avfusion.ui.disk import DISK

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

# A request may hold a file in base64; Gradio counts the bytes of uploads itself.
_IN_BASE64, _SLACK_BYTES = 4 / 3, 2**20
_FILE = re.compile(r"^.*?/file[=/](?P<path>.*)$", re.DOTALL)
# Of a job's folder only what was made for its visitor, and the clip they gave, is shown. What is kept for going on,
# and what says how a job was asked for, is nobody's to fetch.
_SHOWN = {
    ".mp4", ".webm", ".mov", ".mkv", ".gif", ".png", ".jpg", ".jpeg", ".webp", ".bmp", ".avi", ".m4v", ".mpg", ".mpeg",
    ".ts", ".wav", ".flac", ".mp3", ".m4a", ".aac", ".ogg", ".opus", ".zip", ".json", ".html", ".csv", ".pth", ".pt",
}  # fmt: skip
_KEPT = {"job.json", "run.json", "form.json", "kept", "track"}


class Guard:
    """An ASGI application around Gradio's."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most_bytes = math.inf if scope["path"].endswith("/upload") else _IN_BASE64 * Limits().file_bytes + _SLACK_BYTES
        said = refusal(scope["path"])
        if int(dict(scope["headers"]).get(b"content-length") or 0) > most_bytes:
            said = 413, "This request is larger than files may be here. Upload files, then name them."
        if said is None:
            await self._app(scope, _up_to(most_bytes, receive), send)
            return
        status, words = said
        body = words.encode()
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _up_to(most_bytes: float, receive: Receive) -> Receive:
    """As `receive`, until so many bytes have come; then as if the caller had gone."""
    came_bytes = 0

    async def counted() -> MutableMapping[str, Any]:
        nonlocal came_bytes
        message = await receive()
        came_bytes += len(message.get("body", b""))
        return message if came_bytes <= most_bytes else {"type": "http.disconnect"}

    return counted


def refusal(path: str) -> tuple[int, str] | None:
    """(status, why) for an address that is not answered; None for all others. path: of the address, decoded."""
    if path.endswith("/upload") and DISK.is_full:
        return 507, "This page's disk is full with the work of others. Try again in a while."
    if "\0" in path or "/proxy=" in path:  # this page shows no other one
        return 404, "There is nothing here."
    asked = _FILE.match(path)
    if asked is not None and not is_shown(asked["path"]):
        return 403, "This file is not for visitors."
    return None


def is_shown(name: str) -> bool:
    """Whether a file may be asked for by its path. Gradio decides which folders are open at all."""
    if re.match(r"[a-z][a-z0-9+.-]*:", unquote(name).lstrip(), re.IGNORECASE):
        return False  # an address: Gradio would fetch it for whoever asks
    place = Path(re.sub("^/+", "/", name)).resolve()
    jobs = (home() / "jobs").resolve()
    if not place.is_relative_to(jobs):
        return True
    inner = place.relative_to(jobs).parts[1:]
    hidden = any(part in _KEPT or part.startswith(".") for part in inner)
    return bool(inner) and not hidden and place.suffix.lower() in _SHOWN
