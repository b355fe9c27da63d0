"""Downloads against a hub and a store on this machine: whole or not there, resumed, checked, and explained."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from avfusion.engines.downloads import Fetching, preload, pull
from avfusion.engines.engine import Engine, HubFiles, WebFile, Weights
from avfusion.engines.folders import hub_snapshot, weights_file
from avfusion.engines.state import state
from avfusion.errors import CannotWrite, EngineNotReady, Stopped, UnknownEngine
from tests.engines.hub_server import COMMIT, Hub, serving

WEIGHTS = bytes(range(256)) * 20_000
FILES = {"config.json": b"{}", "preprocessor_config.json": b'{"size": 1}', "model.safetensors": WEIGHTS}
HUB = HubFiles("someone/model", "main")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    for variable in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_TOKEN", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    with serving(Hub(dict(FILES))) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub


def file_at(hub: Hub, name: str = "model.safetensors") -> WebFile:
    return WebFile(f"{hub.url}/store/{name}", hashlib.sha256(hub.files[name]).hexdigest())


def rows(*sources: Weights) -> tuple[Engine]:
    return (Engine("some", "tracking", "For tests.", "none", lambda device: None, 1, sources, 5_000_000),)


def left_behind(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*.part"))


@pytest.mark.parametrize("kind", ["hub", "file"])
def test_what_is_pulled_is_ready_and_whole(kind: str, hub: Hub, own_home: Path) -> None:
    source = HUB if kind == "hub" else file_at(hub)
    catalogue = rows(source)
    assert state(catalogue[0]).kind == "needs download"
    seen: list[Fetching] = []
    assert pull("some", seen.append, catalogue=catalogue)
    assert state(catalogue[0]).is_ready
    path = hub_snapshot(source) / "model.safetensors" if isinstance(source, HubFiles) else weights_file(source)
    assert path.read_bytes() == WEIGHTS
    large = [fetching.done_bytes for fetching in seen if fetching.total_bytes == len(WEIGHTS)]
    assert large == sorted(large)
    assert (large[0], large[-1]) == (0, len(WEIGHTS))
    assert left_behind(own_home) == []
    asked = len(hub.asked)
    assert not pull("some", catalogue=catalogue)
    assert len(hub.asked) == asked, "what is here is not asked for again"


def test_huggingface_hub_finds_what_we_fetched(hub: Hub, own_home: Path) -> None:
    pull("some", catalogue=rows(HUB))
    script = (
        "from huggingface_hub import snapshot_download, try_to_load_from_cache\n"
        "print(try_to_load_from_cache('someone/model', 'model.safetensors', revision='main'))\n"
        "print(snapshot_download('someone/model', local_files_only=True))\n"
    )
    environment = os.environ | {"HF_HUB_OFFLINE": "1"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(hub_snapshot(HUB) / "model.safetensors"), str(hub_snapshot(HUB))]


def test_the_first_kind_of_weights_is_taken_and_no_other(hub: Hub) -> None:
    hub.files["pytorch_model.bin"] = b"pickle"
    pull("some", catalogue=rows(HUB))
    assert sorted(path.name for path in hub_snapshot(HUB).iterdir()) == sorted(FILES)
    del hub.files["model.safetensors"]
    other = HubFiles("someone/model", COMMIT, ("config.json",), ("pytorch_model.bin",))
    pull("some", catalogue=rows(other))
    assert (hub_snapshot(other) / "pytorch_model.bin").read_bytes() == b"pickle"


PIPELINE = HubFiles(
    "someone/model", "main", ("model_index.json", "reader/config.json", "reader/model.safetensors"),
    ("maker/model.safetensors",),
)  # fmt: skip


def test_of_a_pipeline_s_folders_what_is_named_is_taken_and_no_more(hub: Hub) -> None:
    named = {"model_index.json": b"{}", "reader/config.json": b"{}", "reader/model.safetensors": b"reads"}
    hub.files = {**named, "maker/model.safetensors": WEIGHTS, "checker/pytorch_model.bin": b"pickle"}
    pull("some", catalogue=rows(PIPELINE))
    assert state(rows(PIPELINE)[0]).is_ready
    folder = hub_snapshot(PIPELINE)
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert there == {*named, "maker/model.safetensors"}
    assert (folder / "maker" / "model.safetensors").read_bytes() == WEIGHTS
    (folder / "reader" / "model.safetensors").unlink()
    assert state(rows(PIPELINE)[0]).kind == "needs download"


def test_weights_that_lie_in_parts_are_taken_whole(hub: Hub) -> None:
    parts = {"reader/model-1-of-2.safetensors": b"one", "reader/model-2-of-2.safetensors": b"two"}
    index = json.dumps({"weight_map": {"a": "model-1-of-2.safetensors", "b": "model-2-of-2.safetensors"}}).encode()
    hub.files = {
        "model_index.json": b"{}", "reader/config.json": b"{}", "reader/model.safetensors.index.json": index, **parts,
        "maker/model.safetensors": WEIGHTS,
    }  # fmt: skip
    pull("some", catalogue=rows(PIPELINE))
    assert state(rows(PIPELINE)[0]).is_ready
    folder = hub_snapshot(PIPELINE)
    assert {name: (folder / name).read_bytes() for name in parts} == parts
    for name in parts:
        (folder / name).rename(folder / "away")
        assert state(rows(PIPELINE)[0]).kind == "needs download"
        (folder / "away").rename(folder / name)
    assert state(rows(PIPELINE)[0]).is_ready


@pytest.mark.parametrize("kind", ["hub", "file"])
def test_what_the_user_stopped_goes_on_where_it_was(kind: str, hub: Hub) -> None:
    catalogue = rows(HUB if kind == "hub" else file_at(hub))

    def stop(fetching: Fetching) -> None:
        if fetching.done_bytes > 2_000_000:
            raise Stopped("stopped")

    with pytest.raises(Stopped):
        pull("some", stop, catalogue=catalogue)
    assert not state(catalogue[0]).is_ready
    hub.asked.clear()
    first: list[Fetching] = []
    pull("some", first.append, catalogue=catalogue)
    assert state(catalogue[0]).is_ready
    (resumed,) = {part for part in hub.gets("model.safetensors") if part}
    assert int(resumed.removeprefix("bytes=").rstrip("-")) > 2_000_000
    assert first[-1].done_bytes == len(WEIGHTS)


def test_a_connection_that_breaks_is_made_anew(hub: Hub) -> None:
    hub.cut_after_bytes = 1_000_000
    pull("some", catalogue=rows(file_at(hub)))
    assert weights_file(file_at(hub)).read_bytes() == WEIGHTS
    assert hub.gets("model.safetensors") == [None, "bytes=1000000-"]


@pytest.mark.parametrize("kind", ["hub", "file"])
def test_what_differs_from_its_checksum_is_thrown_away(kind: str, hub: Hub, own_home: Path) -> None:
    source = HUB if kind == "hub" else file_at(hub)
    hub.lies = True
    with pytest.raises(EngineNotReady, match="checksum") as raised:
        pull("some", catalogue=rows(source))
    assert "\n" not in str(raised.value)
    assert not state(rows(source)[0]).is_ready
    assert left_behind(own_home) == []
    hub.lies = False
    pull("some", catalogue=rows(source))
    assert state(rows(source)[0]).is_ready


def test_a_part_that_is_longer_than_the_file_is_thrown_away(hub: Hub) -> None:
    source = file_at(hub)
    part = weights_file(source).with_name(f"{source.sha256[:16]}.part")
    part.parent.mkdir(parents=True)
    part.write_bytes(WEIGHTS + b"more")
    with pytest.raises(EngineNotReady, match="checksum"):
        pull("some", catalogue=rows(source))
    pull("some", catalogue=rows(source))
    assert weights_file(source).read_bytes() == WEIGHTS


def test_many_at_once_fetch_it_once(hub: Hub) -> None:
    catalogue = rows(file_at(hub))
    together = threading.Barrier(8)

    def one(number: int) -> None:
        together.wait(20)
        pull("some", catalogue=catalogue)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(8)))
    assert hub.gets("model.safetensors") == [None]


def test_the_token_goes_to_the_hub_and_not_to_its_store(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    gated = HubFiles("someone/model", "main", gated=True)
    with pytest.raises(
        EngineNotReady, match=r"ask for access on https://huggingface.co/someone/model, then set HF_TOKEN"
    ):
        pull("some", catalogue=rows(gated))
    assert hub.asked == [], "that is known without asking"
    hub.wants_token = True
    with pytest.raises(EngineNotReady, match=r"https://huggingface.co/someone/model: needs access"):
        pull("some", catalogue=rows(HUB))
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    hub.asked.clear()
    pull("some", catalogue=rows(gated))
    assert state(rows(gated)[0]).is_ready
    tokens = {(path.startswith("/store/"), token) for _, path, _, token in hub.asked}
    assert tokens == {(False, "Bearer hf_secret"), (True, None)}


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"config.json": b"{}"}, "no preprocessor_config.json"),
        ({**FILES, "model.safetensors": None}, "no model.safetensors or"),
    ],
)
def test_a_repository_without_the_files_is_named(files: dict[str, bytes | None], words: str, hub: Hub) -> None:
    hub.files = {name: content for name, content in files.items() if content is not None}
    with pytest.raises(EngineNotReady, match=words):
        pull("some", catalogue=rows(HUB))


@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_offline_asks_nobody(variable: str, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "1")
    for source in (HUB, file_at(hub)):
        with pytest.raises(EngineNotReady, match=f"some: {variable} is set"):
            pull("some", catalogue=rows(source))
    assert hub.asked == []
    monkeypatch.delenv(variable)
    pull("some", catalogue=rows(HUB))
    monkeypatch.setenv(variable, "1")
    assert not pull("some", catalogue=rows(HUB)), "what is here needs no network"


def test_no_connection_is_one_line() -> None:
    with serving(Hub({})) as gone:
        url = gone.url
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("HF_HUB_OFFLINE")
        patch.setenv("HF_ENDPOINT", url)
        for source in (HUB, WebFile(f"{url}/store/x.pt", "0" * 64)):
            with pytest.raises(EngineNotReady, match="cannot be reached") as raised:
                pull("some", catalogue=rows(source))
            assert "\n" not in str(raised.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_named(hub: Hub, own_home: Path) -> None:
    own_home.chmod(0o500)
    with pytest.raises(CannotWrite):
        pull("some", catalogue=rows(file_at(hub)))
    own_home.chmod(0o700)


def test_a_file_where_the_folder_should_be_is_named(hub: Hub, own_home: Path) -> None:
    (own_home / "avfusion").write_text("in the way")
    with pytest.raises(CannotWrite, match="cannot be written"):
        pull("some", catalogue=rows(file_at(hub)))


def test_preload_pulls_what_the_variable_names(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue = rows(HUB)
    assert preload(catalogue=catalogue) == ()
    monkeypatch.setenv("AVFUSION_PRELOAD", "some, sme")
    with pytest.raises(UnknownEngine, match=r"sme: .* Did you mean some\?"):
        preload(catalogue=catalogue)
    assert hub.asked == []
    monkeypatch.setenv("AVFUSION_PRELOAD", " some,")
    assert preload(catalogue=catalogue) == ("some",)
    assert state(catalogue[0]).is_ready
