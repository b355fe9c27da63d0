"""Locks hold until they are closed, and where there are none, that is said when one is needed and not before."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from avfusion.jobs.locks import lock, open_locked

WITHOUT = """
import importlib, pkgutil, sys
from pathlib import Path
sys.modules["fcntl"] = None
import avfusion.jobs
from avfusion.errors import EngineNotReady
for module in ("home", "state", "run", "batch", "carry_out", "fusion"):
    importlib.import_module(f"avfusion.jobs.{module}")
from avfusion.jobs.home import hold
try:
    hold(Path(sys.argv[1]))
except EngineNotReady as error:
    print(error)
"""


def test_one_holds_it_alone_or_many_hold_it_together(tmp_path: Path) -> None:
    first, second = (open_locked(tmp_path, is_shared=True) for _ in range(2))
    with pytest.raises(BlockingIOError):
        open_locked(tmp_path)
    os.close(first)
    os.close(second)
    alone = open_locked(tmp_path)
    with pytest.raises(BlockingIOError):
        open_locked(tmp_path, is_shared=True)
    os.close(alone)
    (tmp_path / "file").touch()
    with (tmp_path / "file").open() as file:
        lock(file.fileno())
        with pytest.raises(BlockingIOError):
            open_locked(tmp_path / "file")
    os.close(open_locked(tmp_path / "file"))


def test_a_lock_that_is_refused_leaves_nothing_open(tmp_path: Path) -> None:
    held = open_locked(tmp_path)
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").is_dir() else 0
    for _ in range(5):
        with pytest.raises(BlockingIOError):
            open_locked(tmp_path)
    assert (len(os.listdir("/proc/self/fd")) if before else 0) == before
    os.close(held)


def test_without_such_locks_the_jobs_are_imported_and_the_need_is_named(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT, str(tmp_path)], capture_output=True, text=True, check=True)
    assert "Windows" in done.stdout
