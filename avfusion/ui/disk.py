"""Visitors' files on disk: tidied while the page runs, and nothing new taken in while there is no room."""

from __future__ import annotations

import os
import threading

from avfusion.errors import OverLimit
from avfusion.jobs.home import tidy, uploads

_EVERY_S = 60.0
_GRADIOS_FOLDER = "GRADIO_TEMP_DIR"


def keep_uploads_at_home() -> None:
    """Has Gradio keep uploads under `AVFUSION_HOME`, where they are tidied, unless it was told another place.

    Gradio asks when components are made, so this comes first.
    """
    os.environ.setdefault(_GRADIOS_FOLDER, str(uploads()))


class Disk:
    """What visitors' files may fill. Without `watch` there is room for everything."""

    def __init__(self) -> None:
        self._most_bytes = float("inf")
        self._older_than_s = float("inf")
        self._used_bytes = 0
        self._lock = threading.Lock()

    @property
    def is_full(self) -> bool:
        return self._used_bytes > self._most_bytes

    def check(self) -> None:
        """Raises `OverLimit` while there is no room."""
        if self.is_full:
            self.look()
        if self.is_full:
            raise OverLimit("This page's disk is full with the work of others. Try again in a while.")

    def watch(self, most_bytes: float, older_than_s: float) -> None:
        """Tidies now and every minute, as long as the process lives."""
        self._most_bytes, self._older_than_s = most_bytes, older_than_s
        self.look()
        threading.Thread(target=self._again_and_again, name="avfusion-disk", daemon=True).start()

    def look(self) -> None:
        """Tidies now."""
        with self._lock:
            self._used_bytes = tidy(self._older_than_s, self._most_bytes)

    def _again_and_again(self) -> None:
        pause = threading.Event()
        while not pause.wait(_EVERY_S):
            self.look()


DISK = Disk()
"""That of this page."""
