"""The endpoints as tools, through the client that the makers of the protocol publish."""

from __future__ import annotations

import base64
import json
import re
import urllib.request
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, Tool

from avfusion.ui.endpoints import ENDPOINTS
from avfusion.ui.endpoints_asked import asked_by
from tests.ui.conftest import Server
from tests.ui.making import balls, in_own_thread, write_clip

TYPES = {str: "string", int: "integer", float: "number", bool: "boolean", list: "array"}


def with_session(server: Server, do: Callable[[ClientSession], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with (
            streamable_http_client(f"{server.address}gradio_api/mcp/") as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            return await do(session)

    return in_own_thread(run())


def call(server: Server, tool: str, arguments: dict[str, Any]) -> CallToolResult:
    async def heard(progress: float, total: float | None, message: str | None) -> None:
        """With it, the file and the report come as two texts."""

    return with_session(server, lambda session: session.call_tool(tool, arguments, progress_callback=heard))


@pytest.fixture(scope="module")
def tools(server: Server) -> list[Tool]:
    return with_session(server, lambda session: session.list_tools()).tools


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tiny") / "tiny.mp4"
    write_clip(path, balls(6, 160, 90))
    return path


def test_the_tools_are_the_endpoints_and_nothing_else(tools: list[Tool]) -> None:
    assert [tool.name for tool in tools] == [function.__name__ for function in ENDPOINTS]


def test_tools_say_what_each_parameter_takes(tools: list[Tool]) -> None:
    for tool, function in zip(tools, ENDPOINTS, strict=True):
        schema = tool.inputSchema
        asked = asked_by(function)
        assert set(schema["properties"]) == {one.name for one in asked}
        assert set(schema.get("required", ())) == {one.name for one in asked if one.is_required}
        assert "$ref" not in json.dumps(schema)
        for one in asked:
            said = schema["properties"][one.name]
            assert said["description"] == one.says.words
            assert said["type"] == TYPES[one.kind]
            assert tuple(said.get("enum", ())) == one.choices


def test_a_tool_gives_an_address_of_its_file(server: Server, tiny: Path) -> None:
    with tiny.open("rb") as file:
        uploaded = httpx.post(f"{server.address}gradio_api/upload", files={"files": file}).json()[0]
    clip = f"{server.address}gradio_api/file={uploaded}"
    done = call(server, "segment", {"clip": clip, "points": "[[48, 45]]"})
    assert not done.isError
    address, report = (content.text for content in done.content)
    assert "'frames': 6" in report
    with urllib.request.urlopen(address) as answer:
        assert len(json.load(answer)["images"]) == 6


def test_a_tool_takes_files_within_the_request(server: Server, tiny: Path) -> None:
    data = f"data:video/mp4;base64,{base64.b64encode(tiny.read_bytes()).decode()}"
    done = call(server, "voice", {"media": data, "target": [data]})
    assert done.isError
    assert re.search(r"no sound", done.content[0].text), done.content[0].text


def test_a_tool_says_in_words_what_it_refuses(server: Server) -> None:
    for clip in (f"{server.address}log", "http://localhost/x.mp4", "http://[::1]/x.mp4", "http://169.254.169.254/x"):
        done = call(server, "segment", {"clip": clip, "points": "[[1, 2]]"})
        assert done.isError
        assert re.search(r": the file cannot be fetched from there\. Upload it instead\.$", done.content[0].text)
