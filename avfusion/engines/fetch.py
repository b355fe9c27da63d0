"""One file over HTTP: with progress, checked by its digest, taken up again where it was cut off.

What has arrived lies beside the target under a name that holds the digest, so that parts of two versions never meet.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from avfusion.errors import CannotWrite, EngineNotReady

TIMEOUT_S = 30.0
ATTEMPTS = 5
"""How often a connection that breaks off is made anew, as long as each brings something."""

_BLOCK_BYTES = 1 << 20

OnBytes = Callable[[int, int], None]
"""Called with the bytes that are there and the bytes of the whole file (0 where nobody says)."""


def fetch(url: str, path: Path, *, digest: str, headers: Mapping[str, str] | None = None, on_bytes: OnBytes) -> None:
    """Puts what lies at `url` at `path`, unless it is there. digest: sha256, or git's own sha1 of a blob, in hex.

    Raises `EngineNotReady` (no connection, refused, not what the digest says) and `CannotWrite`. What has arrived
    stays for the next call, unless it is whole and wrong.
    """
    part = path.with_name(f"{digest[:16]}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(path.parent):
            if path.exists():
                return
            _fill(url, part, headers or {}, on_bytes)
            if digest_of(part, like=digest) != digest:
                part.unlink()
                raise EngineNotReady(
                    f"{url}: what arrived is not what was expected (its checksum is not {digest[:16]}...). "
                    "It was thrown away; run it again, and check the network in between if it stays wrong."
                )
            os.replace(part, path)
    except OSError as error:
        raise CannotWrite(
            f"{path.parent}: cannot be written ({error.strerror}). Set AVFUSION_HOME or HF_HOME."
        ) from error


def digest_of(path: Path, *, like: str) -> str:
    """The file's digest of the same kind as `like`: sha256 for 64 digits, git's sha1 of a blob for 40."""
    summed = hashlib.sha256() if len(like) == 64 else hashlib.sha1(b"blob %d\0" % path.stat().st_size)
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            summed.update(block)
    return summed.hexdigest()


def open_url(url: str, headers: Mapping[str, str], *, method: str = "GET", redirect: bool = True) -> Any:
    """The open response. Raises `EngineNotReady` with what the server or the network said."""
    request = urllib.request.Request(url, headers=dict(headers), method=method)
    opener = urllib.request.build_opener(_Redirects if redirect else _NoRedirects)
    try:
        return opener.open(request, timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        if not redirect and 300 <= error.code < 400:
            return error
        raise Refused(url, error.code, dict(error.headers)) from error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise EngineNotReady(f"{url}: cannot be reached ({reason}). Check the connection, and run it again.") from error


class Refused(EngineNotReady):
    """The server answered, and not with the file."""

    def __init__(self, url: str, status: int, headers: Mapping[str, str]) -> None:
        super().__init__(f"{url}: the server refuses it (HTTP status {status}).")
        self.status = status
        self.headers = headers


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows, and keeps the user's token from other hosts."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        following = super().redirect_request(req, fp, code, msg, headers, newurl)
        if following is not None and urllib.parse.urlsplit(newurl).netloc != urllib.parse.urlsplit(req.full_url).netloc:
            following.remove_header("Authorization")
        return following


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


def _fill(url: str, part: Path, headers: Mapping[str, str], on_bytes: OnBytes) -> None:
    """Reads on from where `part` ends, until the server has no more."""
    for attempt in range(ATTEMPTS):
        had = part.stat().st_size if part.exists() else 0
        try:
            if _read_on(url, part, headers, on_bytes):
                return
        except Refused as refused:
            if refused.status != 416 or not had:
                raise
            return  # there is nothing beyond what we have; the digest will say whether it is the right thing
        has = part.stat().st_size if part.exists() else 0
        if has <= had or attempt == ATTEMPTS - 1:
            break
    raise EngineNotReady(f"{url}: the connection broke off. Run it again: it goes on where it stopped.")


def _read_on(url: str, part: Path, headers: Mapping[str, str], on_bytes: OnBytes) -> bool:
    """One connection; whether the file is whole now."""
    had = part.stat().st_size if part.exists() else 0
    resuming = {"Range": f"bytes={had}-"} if had else {}
    # Packed by the server, the bytes would not be those that the digest is of.
    with open_url(url, {**headers, **resuming, "Accept-Encoding": "identity"}) as response:
        goes_on = response.status == 206
        length = int(response.headers.get("Content-Length") or 0)
        done = had if goes_on else 0
        total = done + length if length else 0
        with part.open("ab" if goes_on else "wb") as file:
            on_bytes(done, total)
            while block := _next_block(response):
                file.write(block)
                done += len(block)
                on_bytes(done, total)
    return done >= total


def _next_block(response: Any) -> bytes:
    """Empty at the end, and where the connection breaks off."""
    try:
        block: bytes = response.read1(_BLOCK_BYTES)
    except (OSError, http.client.HTTPException):
        return b""
    return block


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Whoever fetches into the same folder in another thread or process waits, and then finds it done."""
    if sys.platform == "win32":  # there is no flock; two downloads at once would waste one of them
        yield
        return
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
