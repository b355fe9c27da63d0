"""Questions to a vision-language model: a scripted server on loopback, and a tiny model on this machine."""

import base64
import io
import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from avfusion.errors import CannotRead, UsageError
from avfusion.sounding import asking, asking_local
from avfusion.sounding.asking import Asking, NoAnswer
from avfusion.sounding.asking_endpoint import Endpoint
from avfusion.sounding.asking_local import load_local
from tests.sounding.answering import Answering, answering
from tests.sounding.tiny_sounders import tiny_qwen


@pytest.fixture
def server() -> Iterator[Answering]:
    with answering() as script:
        yield script


def picture(seed: int = 0) -> bytes:
    coded = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (40, 60, 3), np.uint8)).save(coded, "jpeg")
    return coded.getvalue()


def ask(server: Answering, folder: Path, words: str = "Which?", **how: object) -> str:
    return Asking(Endpoint(server.url, "tiny"), folder=folder, **how).ask(words, [picture()], str)  # type: ignore[arg-type]


def test_the_question_goes_out_as_the_protocol_has_it(server: Answering, tmp_path: Path) -> None:
    server.say = lambda words: f"About {words!r}: [2]"
    asking = Asking(Endpoint(f"{server.url}/", "tiny", "secret"), folder=tmp_path)
    assert asking.ask("Which?", [picture()], str) == "About 'Which?': [2]"
    assert server.paths == ["/v1/chat/completions"]
    assert server.headers[0]["Authorization"] == "Bearer secret"
    (message,) = server.asked[0]["messages"]
    assert server.asked[0]["model"] == "tiny"
    assert message["role"] == "user"
    assert message["content"][0] == {"type": "text", "text": "Which?"}
    head, _, coded = message["content"][1]["image_url"]["url"].partition(",")
    assert head == "data:image/jpeg;base64"
    assert base64.b64decode(coded) == picture()


@pytest.mark.parametrize("limit", ["KEPT_FILES", "KEPT_BYTES"])
def test_the_oldest_answers_are_forgotten(
    server: Answering, tmp_path: Path, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.say = lambda words: words
    ask(server, tmp_path, "first")
    (first,) = tmp_path.iterdir()
    monkeypatch.setattr(asking, limit, 3 if limit == "KEPT_FILES" else 3 * (first.stat().st_size + 20))
    half_written = tmp_path / "half.json.1.2"
    half_written.write_text("{")
    for age, path in enumerate((half_written, first)):
        os.utime(path, (age, age))
    for number in range(4):
        ask(server, tmp_path, f"asked {number}")
        (newest,) = (path for path in tmp_path.iterdir() if f"asked {number}" in path.read_text())
        os.utime(newest, (10 + number, 10 + number))
    kept = [json.loads(path.read_text())["question"] for path in sorted(tmp_path.iterdir(), key=os.path.getmtime)]
    assert kept == ["asked 1", "asked 2", "asked 3"]
    calls = len(server.asked)
    assert ask(server, tmp_path, "asked 1") == "asked 1"
    assert len(server.asked) == calls
    assert ask(server, tmp_path, "first") == "first"
    assert len(server.asked) == calls + 1


def test_the_address_may_name_the_method_already(server: Answering, tmp_path: Path) -> None:
    server.say = lambda words: "yes"
    Asking(Endpoint(f"{server.url}/chat/completions", "tiny"), folder=tmp_path).ask("?", [], str)
    assert server.paths == ["/v1/chat/completions"]
    assert "Authorization" not in server.headers[0]


def test_text_in_parts_is_one_text(server: Answering, tmp_path: Path) -> None:
    parts = [{"type": "text", "text": "it is "}, {"type": "text", "text": "[1]"}]
    server.body = json.dumps({"choices": [{"message": {"content": parts}}]}).encode()
    assert ask(server, tmp_path) == "it is [1]"


def test_the_same_is_not_asked_twice(server: Answering, tmp_path: Path) -> None:
    server.say = lambda words: "[1]"
    assert ask(server, tmp_path) == ask(server, tmp_path) == "[1]"
    assert len(server.asked) == 1
    asking = Asking(Endpoint(server.url, "tiny"), folder=tmp_path)
    asking.ask("Which?", [picture(1)], str)
    asking.ask("Which one?", [picture()], str)
    Asking(Endpoint(server.url, "other"), folder=tmp_path).ask("Which?", [picture()], str)
    assert len(server.asked) == 4


def test_what_cannot_be_read_is_not_remembered(server: Answering, tmp_path: Path) -> None:
    server.say = lambda words: "I would rather not say."
    asking = Asking(Endpoint(server.url, "tiny"), folder=tmp_path)
    with pytest.raises(NoAnswer, match="its answer cannot be read"):
        asking.ask("Which?", [picture()], lambda said: None)
    server.say = lambda words: "[3]"
    assert asking.ask("Which?", [picture()], str) == "[3]"


def test_a_damaged_memory_is_asked_again(server: Answering, tmp_path: Path) -> None:
    server.say = lambda words: "[1]"
    ask(server, tmp_path)
    (kept,) = tmp_path.iterdir()
    kept.write_text("{")
    assert ask(server, tmp_path) == "[1]"
    assert len(server.asked) == 2
    assert json.loads(kept.read_text())["answer"] == "[1]"


def test_a_run_asks_no_more_than_it_may(server: Answering, tmp_path: Path) -> None:
    server.say = lambda words: words
    asking = Asking(Endpoint(server.url, "tiny"), folder=tmp_path, calls_at_most=2)
    assert [asking.ask(words, [], str) for words in ("a", "b", "a")] == ["a", "b", "a"]
    with pytest.raises(NoAnswer, match="asked 2 times"):
        asking.ask("c", [], str)
    assert asking.ask("b", [], str) == "b"
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (401, b"{}", "refused with status 401"),
        (500, b"oh", "refused with status 500"),
        (307, b"", "refused with status 307"),
        (200, b"<html>", "no chat completion"),
        (200, b'{"choices": []}', "no chat completion"),
        (200, b'{"choices": [{"message": {"content": null}}]}', "no chat completion"),
        (200, b"\xff\xfe", "no chat completion"),
    ],
)
def test_a_server_that_fails_is_asked_once(
    server: Answering, tmp_path: Path, status: int, body: bytes, why: str
) -> None:
    server.status, server.body = status, body
    asking = Asking(Endpoint(server.url, "tiny", "secret"), folder=tmp_path)
    for _ in range(2):
        with pytest.raises(NoAnswer, match=why):
            asking.ask("Which?", [], str)
    assert server.paths == ["/v1/chat/completions"]  # nor anywhere else: the key is not carried on


def test_an_unreachable_server_is_said_without_its_secrets(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    endpoint = Endpoint(f"http://name:password@127.0.0.1:{port}/v1?token=hidden", "tiny", "secret")
    with pytest.raises(NoAnswer, match="cannot be reached") as raised:
        Asking(endpoint, folder=tmp_path).ask("Which?", [], str)
    said = f"{endpoint.name} {raised.value}"
    assert f"127.0.0.1:{port}" in said
    assert not any(word in said for word in ("password", "secret", "hidden"))


def test_one_that_dribbles_is_not_waited_for(server: Answering, tmp_path: Path) -> None:
    server.say, server.slow_s = (lambda words: "x" * 100_000), 60.0
    with pytest.raises(NoAnswer, match=r"did not answer within 0\.3 s"):
        ask(server, tmp_path, wait_s=0.3)


def test_whoever_waits_can_stop(server: Answering, tmp_path: Path) -> None:
    server.say, server.slow_s = (lambda words: "x" * 100_000), 60.0
    turns = []

    def waiting() -> None:
        turns.append(1)
        if len(turns) == 3:
            raise KeyboardInterrupt

    asking = Asking(Endpoint(server.url, "tiny"), folder=tmp_path, wait_s=60.0)
    with pytest.raises(KeyboardInterrupt):
        asking.ask("Which?", [], str, waiting)


@pytest.mark.parametrize(
    ("url", "model", "key", "named"),
    [
        ("example.org/v1", "m", "", "AVFUSION_VLM_URL"),
        ("file:///etc/passwd", "m", "", "AVFUSION_VLM_URL"),
        ("http://[::1", "m", "", "AVFUSION_VLM_URL"),
        ("http://example.org:port/v1", "m", "", "AVFUSION_VLM_URL"),
        ("http://example.org/v1", "", "", "AVFUSION_VLM_MODEL"),
        ("http://example.org/v1", "m", "two\r\nlines", "AVFUSION_VLM_KEY"),
    ],
)
def test_what_is_set_wrongly_is_named(url: str, model: str, key: str, named: str) -> None:
    with pytest.raises(UsageError, match=named) as raised:
        Endpoint(url, model, key)
    assert "two" not in str(raised.value)


# On this machine


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> tuple[asking_local.LocalModel, object, object]:
    folder = tmp_path_factory.mktemp("qwen")
    theirs = tiny_qwen(folder)
    return load_local(folder, name="qwen3-vl-2b", device="cpu"), *theirs


def test_a_local_model_says_what_transformers_says(
    local: tuple[asking_local.LocalModel, object, object], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(asking_local, "_LONGEST_ANSWER_TOKENS", 12)
    ours, model, processor = local
    text = "<|im_start|>user\n<|vision_start|><|image_pad|><|vision_end|>Which?<|im_end|>\n<|im_start|>assistant\n"
    inputs = processor(text=[text], images=[Image.open(io.BytesIO(picture()))], return_tensors="pt")  # type: ignore[operator]
    out = model.generate(**inputs, do_sample=False, max_new_tokens=12)  # type: ignore[attr-defined]
    said = processor.batch_decode(out[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)[0]  # type: ignore[attr-defined]
    assert len(said) > 5
    assert Asking(ours, folder=tmp_path).ask("Which?", [picture()], str) == said
    assert ours.answer("Which?", [picture(1)], 60.0, threading.Event()) != said


def test_a_local_model_stops_when_nobody_waits(local: tuple[asking_local.LocalModel, object, object]) -> None:
    stop = threading.Event()
    stop.set()
    assert len(local[0].answer("Which?", [], 60.0, stop)) <= 1


def test_a_folder_without_a_model_is_said(tmp_path: Path) -> None:
    with pytest.raises(CannotRead, match="there is no config"):
        load_local(tmp_path, name="qwen3-vl-2b", device="cpu")
