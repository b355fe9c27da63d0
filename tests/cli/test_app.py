"""`avfusion app` serves the page, and says so when it cannot."""

import re
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_the_page_is_served_until_ctrl_c(program: list[str], tmp_path: Path) -> None:
    with subprocess.Popen(
        [*program, "app", "--port", str(free_port())], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True,
    ) as process:  # fmt: skip
        try:
            said = served_until_ctrl_c(process)
        finally:
            process.kill()  # or leaving the block would wait for it for ever
    assert "Traceback" not in said
    assert process.returncode == 0


def test_a_port_that_is_taken_is_said(run: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = run("app", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 2
    assert done.stderr.startswith("avfusion: the page cannot be served here")
    assert done.stderr.count("\n") == 1


def served_until_ctrl_c(process: subprocess.Popen[str]) -> str:
    """All that it said."""
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if "http://" in line:
            break
    found = re.search(r"http://127\.0\.0\.1:\d+", said)
    assert found is not None, said
    with urllib.request.urlopen(found[0], timeout=30) as answer:
        assert b"AVFusion" in answer.read()
    process.send_signal(signal.SIGINT)
    return said + process.communicate(timeout=60)[0]


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
