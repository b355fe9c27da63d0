"""Locks on files and folders that the system takes back from a process that dies."""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType

from avfusion.errors import EngineNotReady


def lock(handle: int, *, is_shared: bool = False, waits: bool = False) -> None:
    """Locks what is open under the number `handle` until that is closed.

    is_shared: others may hold such a lock at the same time. Raises `BlockingIOError` where somebody else holds it and
    this does not wait, and `EngineNotReady` on Windows, which has no such locks.
    """
    fcntl = _fcntl()
    fcntl.flock(handle, (fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX) | (0 if waits else fcntl.LOCK_NB))


def open_locked(path: Path, *, is_shared: bool = False, waits: bool = False) -> int:
    """The number under which a file or a folder is open, and locked as by `lock`. Raises `OSError` too."""
    _fcntl()  # Windows opens no folders, and would say so first
    handle = os.open(path, os.O_RDONLY)
    try:
        lock(handle, is_shared=is_shared, waits=waits)
    except OSError:
        os.close(handle)
        raise
    return handle


def _fcntl() -> ModuleType:
    try:
        import fcntl
    except ImportError as error:
        raise EngineNotReady(
            "Runs are kept as jobs, with locks that Windows does not have. Run AVFusion on Linux, on macOS or in WSL."
        ) from error
    return fcntl
