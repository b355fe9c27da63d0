"""A page for everybody: what is too much is refused with its reason, waiting is told, and nothing leaks or phones."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from gradio_client.client import Job
from gradio_client.exceptions import AppError

from tests.media.test_limits import huge_png, sparse_clip
from tests.ui.conftest import SERVE, Server
from tests.ui.making import balls, write_clip

CLICK = json.dumps([[96, 90]])

# Writes down every attempt to reach another machine, names that are looked up included, before Gradio is imported.
WATCH = """
import os, sys
def watch(event, arguments):
    place = None
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        place = arguments[1][0]
    elif event == "socket.getaddrinfo":
        place = arguments[0]
    if place not in (None, "", "localhost", "127.0.0.1", "::1", "0.0.0.0", b"localhost", b"127.0.0.1"):
        with open(os.environ["AVFUSION_HOME"] + "/outside", "a") as file:
            print(event, place, file=file)
sys.addaudithook(watch)
"""


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(
        tmp_path_factory.mktemp("public"), serve=WATCH + SERVE, SPACE_ID="someone/space", HF_HUB_OFFLINE="0",
        GRADIO_ANALYTICS_ENABLED="True", AVFUSION_RUNS_AT_ONCE="1", AVFUSION_MAX_WAITING="2",
        AVFUSION_MAX_SECONDS="60", AVFUSION_MAX_PIXELS="1e6", AVFUSION_MAX_GIGAPIXELS="0.2",
        AVFUSION_MAX_UPLOAD_MB="20",
    )  # fmt: skip
    yield running
    running.close()


def visitor(public: Server, folder: Path) -> Client:
    return Client(public.address, verbose=False, download_files=str(folder))


@pytest.fixture
def client(public: Server, tmp_path: Path) -> Iterator[Client]:
    started = visitor(public, tmp_path)
    yield started
    started.close()


def refused(client: Client, **arguments: object) -> str:
    with pytest.raises(AppError) as said:
        client.predict(**arguments)
    assert "\n" not in str(said.value)
    return str(said.value)


def test_ten_hours_are_refused(client: Client, tmp_path: Path) -> None:
    long = handle_file(sparse_clip(tmp_path / "long.mp4", hours=10))
    said = "long.mp4: 10 hours long, and 60 seconds are taken here. Cut it first."
    for verb, more in (("/swap", {"background": "blur"}), ("/segment", {}), ("/remove", {})):
        assert refused(client, clip=long, points=CLICK, **more, api_name=verb) == said
    short = handle_file(write_clip(tmp_path / "short.mp4", balls(3, 160, 120)))
    assert refused(
        client, clip=short, points=CLICK, background="file", background_file=long, api_name="/swap"
    ) == said  # fmt: skip


def test_a_picture_bomb_is_refused_wherever_it_is_given(client: Client, tmp_path: Path) -> None:
    bomb = handle_file(huge_png(tmp_path / "huge.png", 50_000))
    short = handle_file(write_clip(tmp_path / "short.mp4", balls(3, 160, 120)))
    said = "huge.png: more pixels than are taken here (1 megapixels). Scale it down first."
    assert refused(client, clip=bomb, points=CLICK, api_name="/remove") == said
    assert refused(client, clip=bomb, points=CLICK, api_name="/compare") == said
    asked = {"clip": short, "points": CLICK, "background": "file", "background_file": bomb}
    assert refused(client, **asked, api_name="/swap") == said


def test_too_much_work_is_refused(client: Client, tmp_path: Path) -> None:
    clip = handle_file(write_clip(tmp_path / "many.mp4", balls(300, 960, 720)))
    assert "gigapixels, and 0.2 are taken here" in refused(client, clip=clip, points=CLICK, api_name="/segment")


def test_a_large_upload_is_refused_before_it_is_stored(public: Server, tmp_path: Path) -> None:
    parts = (
        b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.mp4"\r\n\r\n'
        + bytes(21_000_000)
        + b"\r\n--x--\r\n"
    )
    upload = urllib.request.Request(
        public.address + "gradio_api/upload", parts, {"Content-Type": "multipart/form-data; boundary=x"}
    )
    assert status(upload) == 413
    place = urllib.parse.urlparse(public.address)
    with contextlib.closing(http.client.HTTPConnection(str(place.hostname), place.port, timeout=60)) as connection:
        connection.putrequest("POST", "/gradio_api/queue/join")
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Content-Length", "28000000")
        connection.endheaders(b'{"data": [')
        assert connection.getresponse().status == 413, "said before the rest has come"


def status(asked: urllib.request.Request | str) -> int:
    try:
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_one_visitor_cannot_fetch_what_is_anothers(public: Server, client: Client, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "mine.mp4", balls(3, 160, 120))
    client.predict(clip=handle_file(clip), points=CLICK, background="#204060", api_name="/swap")
    job = public.home / "jobs" / ("0123456789abcdef" * 2)
    (job / "kept").mkdir(parents=True)
    for name in ("job.json", "run.json", "lock", "kept/journal.jsonl", "kept/0.mp4"):
        (job / name).write_text("secret")
    home, escaped = str(public.home), urllib.parse.quote("../")
    kept = [f"{job}/{name}" for name in ("job.json", "run.json", "lock", "kept/journal.jsonl", "kept/0.mp4")]
    folders = [f"{home}/jobs", f"{home}/jobs/", f"{home}/uploads", f"{home}/gradio"]
    around = [
        f"{home}/{inner}" for inner in ("jobs/../log", "gradio/../log", f"jobs/{escaped}log", f"gradio/{escaped}log")
    ]
    system = ["/etc/passwd", "../" * 20 + "etc/passwd", f"{escaped * 20}etc/passwd", "//etc/passwd", "%00", ""]
    program = ["app.py", "pyproject.toml", "avfusion/ui/page.py", f"{home}/log", f"{home}/outside"]
    elsewhere = ["file:///etc/passwd", "http://127.0.0.1:1/", "https://example.org/a.mp4"]
    asked = [*kept, *folders, *around, *system, *program, *elsewhere]
    for route in ("gradio_api/file=", "file=", "gradio_api/file/", "gradio_api/proxy="):
        for path in asked:
            assert status(public.address + route + path) in (400, 403, 404), route + path


def begun(client: Client, clip: Path, ending: str = "mp4") -> Job:
    asked = {"clip": handle_file(clip), "points": CLICK, "background": "#204060", "format": ending}
    return client.submit(**asked, api_name="/swap")


def told(job: Job, stage: str) -> dict[str, object]:
    """The first word of that stage, or of what came after it."""
    while True:
        for _, now in job.outputs():
            if now.get("stage") == stage:
                return dict(now)
        assert not job.done(), job.exception()
        time.sleep(0.05)


def test_those_who_wait_are_told_their_place_and_whoever_leaves_is_out(public: Server, tmp_path: Path) -> None:
    long = write_clip(tmp_path / "long.mp4", balls(600, 480, 360))
    short = write_clip(tmp_path / "short.mp4", balls(6, 160, 120))
    clients = [visitor(public, tmp_path) for _ in range(4)]
    first = begun(clients[0], long, "webm")  # which takes long
    assert told(first, "tracking")
    second = begun(clients[1], short)
    assert told(second, "waiting")["place"] == 1
    third = begun(clients[2], short)
    assert told(third, "waiting")["place"] == 2
    with pytest.raises(AppError, match="The queue is full: 2 waiting"):
        begun(clients[3], short).result()
    assert second.cancel()
    while (now := third.outputs()[-1][1]).get("place") != 1:
        assert now["stage"] == "waiting"
        time.sleep(0.05)
    assert first.cancel()
    _, report = third.result()
    assert report["frames"] == 6, "it was their turn when the first was stopped"
    for client in clients:
        client.close()


def test_nothing_was_asked_of_other_machines(public: Server, client: Client, tmp_path: Path) -> None:
    """At the start, and in all the runs of this file."""
    clip = write_clip(tmp_path / "mine.mp4", balls(3, 160, 120))
    client.predict(clip=handle_file(clip), points=CLICK, background="#204060", api_name="/swap")
    assert not (public.home / "outside").exists(), (public.home / "outside").read_text()


def test_asking_other_machines_would_be_seen(tmp_path: Path) -> None:
    tries = "import socket\n"
    for place in ("('example.invalid', 80)", "('192.0.2.1', 9)"):
        tries += f"try:\n    socket.create_connection({place}, timeout=0.01)\nexcept OSError: pass\n"
    subprocess.run([sys.executable, "-c", WATCH + tries], env=os.environ | {"AVFUSION_HOME": str(tmp_path)}, check=True)
    seen = (tmp_path / "outside").read_text()
    assert "example.invalid" in seen
    assert "192.0.2.1" in seen


def test_nonsense_in_a_variable_is_one_line_at_launch(tmp_path: Path) -> None:
    from avfusion.errors import UsageError
    from avfusion.ui.limits import page_limits

    with pytest.raises(UsageError, match="AVFUSION_MAX_DISK_GB=lots: not an amount"):
        page_limits({"AVFUSION_MAX_DISK_GB": "lots"})
