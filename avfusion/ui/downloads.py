"""Downloads that visitors asked for: one of an engine at a time, seen by everybody, stopped and taken up again."""

from __future__ import annotations

import ipaddress
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from avfusion.engines.downloads import Fetching, OnFetching, pull
from avfusion.errors import AvfusionError, Stopped

ALLOW_VARIABLE = "AVFUSION_ALLOW_DOWNLOADS"

Stage = Literal["waiting", "running", "stopped", "failed", "done"]


@dataclass(frozen=True)
class Download:
    """How far a download is. problem: one line, when it failed. Bytes are those of the file at hand."""

    stage: Stage
    done_bytes: int = 0
    total_bytes: int = 0
    problem: str = ""

    @property
    def is_alive(self) -> bool:
        return self.stage in ("waiting", "running")


class Downloads:
    """The downloads of this process, by engine. pull: fetches one engine, as `engines.downloads.pull` does."""

    def __init__(self, pull: Callable[[str, OnFetching], object] = pull) -> None:
        self._pull = pull
        self._lock = threading.Lock()
        self._known: dict[str, Download] = {}
        self._stopping: set[str] = set()

    def start(self, names: Sequence[str]) -> None:
        """Fetches these engines one after the other, on a thread of its own, but for those that are on their way."""
        with self._lock:
            new = [name for name in names if not self._of(name).is_alive]
            self._known |= {name: Download("waiting") for name in new}
            self._stopping -= set(new)
        if new:
            threading.Thread(target=self._fetch_all, args=(new,), name="avfusion-download", daemon=True).start()

    def stop(self, name: str) -> None:
        """Stops at the next bytes that arrive; what is there stays for the next time."""
        with self._lock:
            if self._of(name).is_alive:
                self._stopping.add(name)

    def of(self, name: str) -> Download | None:
        """None: nobody has asked for it."""
        with self._lock:
            return self._known.get(name)

    @property
    def is_busy(self) -> bool:
        with self._lock:
            return any(download.is_alive for download in self._known.values())

    def _of(self, name: str) -> Download:
        return self._known.get(name, Download("stopped"))

    def _fetch_all(self, names: Sequence[str]) -> None:
        try:
            for name in names:
                self._end(name, self._fetch(name))
        finally:
            broken = Download("failed", problem="The download broke off. This is a bug: please report it.")
            for name in names:
                if self._of(name).is_alive:
                    self._end(name, broken)

    def _fetch(self, name: str) -> Download:
        try:
            self._on_bytes(Fetching(name, 0, 0))
            self._pull(name, self._on_bytes)
        except Stopped:
            return replace(self._of(name), stage="stopped")
        except AvfusionError as error:
            return Download("failed", problem=str(error))
        return Download("done")

    def _end(self, name: str, download: Download) -> None:
        with self._lock:
            self._known[name] = download
            self._stopping.discard(name)

    def _on_bytes(self, fetching: Fetching) -> None:
        with self._lock:
            if fetching.engine in self._stopping:
                raise Stopped("Stopped. What has arrived is kept.")
            self._known[fetching.engine] = Download("running", fetching.done_bytes, fetching.total_bytes)


DOWNLOADS = Downloads()
"""Those of this page."""


def refusal(address: str | None, *, is_shared: bool) -> str:
    """Why visitors may not start downloads, or nothing if they may. address: what the page listens on.

    Whoever opens a public page could fill its disk, so that only a page on this machine's own address allows them,
    unless AVFUSION_ALLOW_DOWNLOADS says otherwise (1 or 0).
    """
    said = os.environ.get(ALLOW_VARIABLE, "").strip().lower()
    if said in ("1", "on", "yes", "true"):
        return ""
    if said:
        return f"Whoever runs this page has switched downloads off here ({ALLOW_VARIABLE})."
    if is_private(address, is_shared=is_shared):
        return ""
    return (
        "Others can open this page too, so nobody can start a download from it. Whoever runs it can: "
        f"avfusion engines pull NAME on its machine, AVFUSION_PRELOAD, or {ALLOW_VARIABLE}=1."
    )


def is_private(address: str | None, *, is_shared: bool) -> bool:
    """Whether only people at this machine can open the page. address: what it listens on; None: nobody knows."""
    return not os.environ.get("SPACE_ID") and not is_shared and address is not None and _is_own(address)


def _is_own(address: str) -> bool:
    try:
        return ipaddress.ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return address == "localhost"
