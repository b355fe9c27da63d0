"""/locate as programs call it."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from tests.ui.conftest import Server
from tests.ui.test_sounding import SECONDS, made_scene, save


@pytest.fixture(scope="module")
def client(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    started = Client(server.address, verbose=False, download_files=str(tmp_path_factory.mktemp("downloads")))
    yield started
    started.close()


def test_locate_says_what_sounds_when_and_gives_its_masks(client: Client, tmp_path: Path) -> None:
    scene = made_scene()
    save(tmp_path / "sounds.mp4", scene, scene.sound)
    file, report = client.predict(clip=handle_file(tmp_path / "sounds.mp4"), format="zip", api_name="/locate")
    (source,) = report["sources"]
    assert (source["number"], source["spans_s"], report["abstained"]) == (1, [[0, SECONDS]], "")
    assert report["engines"] == {"sounding": "mutual-information", "segmentation": "grabcut", "tracking": "flow"}
    assert (report["frames"], report["out"]) == (25 * SECONDS, "located.zip")
    with zipfile.ZipFile(file) as archive:
        assert len(archive.namelist()) == 25 * SECONDS + 1
        assert json.loads(archive.read("sources.json"))["sources"][0]["spans_s"] == [[0, SECONDS]]


def test_locate_abstains_and_refuses_in_words(client: Client, clips: Path) -> None:
    clip = handle_file(clips / "rolling.mp4")
    file, report = client.predict(clip=clip, format="json", api_name="/locate")
    assert report["sources"] == []
    assert report["abstained"]
    assert json.loads(Path(file).read_text())["annotations"] == []
    with pytest.raises(AppError, match="needs a download"):
        client.predict(clip=clip, text="the ball", api_name="/locate")
    with pytest.raises(AppError, match=r"^greys.mp4: there is no sound in this file"):
        client.predict(clip=handle_file(clips / "greys.mp4"), api_name="/locate")
    with pytest.raises(AppError, match=r"^greys.mp4: there is no sound in this file"):
        client.predict(clip=clip, sound=handle_file(clips / "greys.mp4"), api_name="/locate")
