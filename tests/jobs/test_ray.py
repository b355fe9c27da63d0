"""A batch on a Ray cluster gives what it gives here; where there is no cluster, that is said at once."""

import os
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from avfusion.errors import EngineNotReady, UsageError
from avfusion.jobs.batch import run_batch
from avfusion.jobs.ray_cluster import cluster
from avfusion.jobs.ray_files import received, sent
from avfusion.jobs.ray_work import renamed
from tests.jobs.batches import swap_line, write_lines
from tests.jobs.making import ball_clip, heard, shown


@pytest.fixture
def port() -> Iterator[int]:
    """Somebody listens there and answers every call as a web server of old would."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def answer() -> None:
            try:
                while True:
                    caller, _ = listener.accept()
                    caller.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")
                    caller.close()
            except OSError:
                return

        threading.Thread(target=answer, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.mark.parametrize(
    "address", ["cloud", "ray://", "ray://host", "host:", "host:0", "host:99999", "http://host:80", "a b:1", "-x:1/.."]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="give local, ray, or an address"), cluster(address, 1):
        pass


@pytest.mark.parametrize("kind", ["ray://", ""])
def test_where_nobody_answers_that_is_said(kind: str) -> None:
    with (
        pytest.raises(EngineNotReady, match="no Ray cluster answers there"),
        cluster(f"{kind}127.0.0.1:{free_port()}", 1),
    ):
        pass


@pytest.mark.parametrize("kind", ["ray://", ""])
def test_where_somebody_else_answers_that_is_said(kind: str, port: int) -> None:
    with pytest.raises(EngineNotReady, match="is no Ray cluster"), cluster(f"{kind}127.0.0.1:{port}", 1):
        pass


@pytest.mark.parametrize("address", [None, "ray://127.0.0.1:1"])
def test_without_ray_the_extra_is_named(address: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(EngineNotReady, match=r"pip install 'avfusion\[jobs\]'"), cluster(address, 1):
        pass


class Store:
    """An object store that is a dictionary, and counts how much is taken out of it at once."""

    def __init__(self) -> None:
        self.held: dict[int, bytes] = {}
        self.largest = 0

    def put(self, value: bytes) -> int:
        self.held[len(self.held)] = value
        return len(self.held) - 1

    def get(self, reference: int) -> bytes:
        self.largest = max(self.largest, len(self.held[reference]))
        return self.held[reference]


def test_files_and_folders_travel_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("avfusion.jobs.ray_files._PIECE_BYTES", 1000)
    masks = tmp_path / "masks"
    (masks / "inner").mkdir(parents=True)
    (masks / "00000.png").write_bytes(os.urandom(2500))
    (masks / "inner" / "empty").touch()
    store = Store()
    received(store, sent(store, masks), tmp_path / "there" / "masks")  # type: ignore[arg-type]
    received(store, sent(store, masks / "00000.png"), tmp_path / "there" / "one.png")  # type: ignore[arg-type]
    whole = (masks / "00000.png").read_bytes()
    assert (tmp_path / "there" / "masks" / "00000.png").read_bytes() == whole
    assert (tmp_path / "there" / "masks" / "inner" / "empty").read_bytes() == b""
    assert (tmp_path / "there" / "one.png").read_bytes() == whole
    assert store.largest == 1000


def test_messages_name_our_files_and_not_the_nodes() -> None:
    said = {"why": "/node/in/a.mp4: no", "report": {"out": "/node/out/b.mp4", "notes": ["of /node/in"], "frames": 3}}
    ours = renamed(said, {"/node/in": "/ours", "/node/out": "/results"})
    assert ours == {"why": "/ours/a.mp4: no", "report": {"out": "/results/b.mp4", "notes": ["of /ours"], "frames": 3}}


@pytest.mark.slow
@pytest.mark.proof
def test_a_cluster_gives_what_this_machine_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "users-home"))
    (tmp_path / "users-home").mkdir()
    folder = tmp_path / "batch"
    folder.mkdir()
    ball_clip(folder / "ball.mp4")
    (folder / "broken.mp4").write_bytes(b"no clip")
    jobs = write_lines(
        folder / "jobs.jsonl", swap_line("ball.mp4", "a.mp4"), swap_line("broken.mp4", "b.mp4"),
        swap_line("ball.mp4", "c.mp4", also={"matte": "c-matte.mp4"}),
    )  # fmt: skip
    before = dict(os.environ)
    try:
        report = run_batch(jobs, out=tmp_path / "ray", on="ray", workers=2)
    except EngineNotReady as error:
        # Ray gives each of its own processes 15 s to come up, which nobody can change.
        pytest.skip(f"this machine is too busy for Ray: {error}")
    assert dict(os.environ) == before
    first, second, third = report.outcomes
    assert [first.status, second.status, third.status] == ["done", "failed", "done"]
    assert str(folder / "broken.mp4") in second.why
    assert third.report["out"] == str(tmp_path / "ray" / "c.mp4")
    run_batch(jobs, out=tmp_path / "here", workers=1)
    for name in ("a.mp4", "c.mp4", "c-matte.mp4"):
        assert shown(tmp_path / "ray" / name) == shown(tmp_path / "here" / name)
    assert heard(tmp_path / "ray" / "a.mp4") == heard(tmp_path / "here" / "a.mp4")
    assert capfd.readouterr().out == ""
    assert list((tmp_path / "users-home").iterdir()) == []
    assert [line for line in running() if str(os.getpid()) in line and "raylet" in line] == []


def running() -> list[str]:
    """The command lines of all processes."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return found
