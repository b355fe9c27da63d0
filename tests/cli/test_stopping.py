"""Signals: the first asks, the second breaks off, and afterwards nothing is left and everything is as it was."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from avfusion.cli.stopping import stopping

Material = Any


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_asks_and_the_second_breaks_off(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with stopping() as should_stop:
        assert not should_stop()
        os.kill(os.getpid(), number)
        assert should_stop()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
    assert signal.getsignal(number) == before


def test_without_a_signal_nothing_stops() -> None:
    before = signal.getsignal(signal.SIGINT)
    with stopping() as should_stop:
        assert not should_stop()
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before


@pytest.mark.parametrize(
    ("numbers", "says"),
    [
        ([signal.SIGINT], r"avfusion: Stopped. `avfusion resume [0-9a-f]{32}` goes on from here.\n"),
        ([signal.SIGTERM], r"avfusion: Stopped. `avfusion resume [0-9a-f]{32}` goes on from here.\n"),
        ([signal.SIGINT, signal.SIGTERM], "topped."),
    ],
    ids=["Ctrl-C", "terminated", "both"],
)
def test_stopped_half_way_nothing_stays(
    numbers: list[signal.Signals], says: str, program: list[str], long_material: Material, tmp_path: Path
) -> None:
    command = [*program, "swap", str(long_material.clip), "--masks", str(long_material.masks)]
    command += ["--background", "blur", "--out", "out.mp4", "--quiet"]  # on a busy machine progress would be told
    jobs = Path(os.environ["AVFUSION_HOME"]) / "jobs"
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        wait_until(lambda: any(jobs.rglob("*.packets")) or process.poll() is not None)
        for number in numbers:
            process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, ""), err
    assert re.search(says, err)
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def wait_until(is_so: Callable[[], bool], patience_s: float = 60) -> None:
    give_up_s = time.monotonic() + patience_s
    while not is_so():
        assert time.monotonic() < give_up_s
        time.sleep(0.01)
