"""The catalogue: what is in it, and how a name or `auto` becomes an engine."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from avfusion.engines.catalogue import CATALOGUE, choose, find, of_ability
from avfusion.engines.engine import Engine, WebFile
from avfusion.engines.state import state
from avfusion.errors import EngineNotReady, UnknownEngine


def engine(name: str, *, ready: bool = True) -> Engine:
    sources = () if ready else (WebFile(f"https://example.org/{name}.pt", "0" * 64),)
    return Engine(name, "tracking", "For tests.", "none", lambda device: name, 1, sources, 0 if ready else 5_000_000)


def test_names_are_unique_in_an_ability() -> None:
    keys = [(engine.ability, engine.name) for engine in CATALOGUE]
    assert len(set(keys)) == len(keys)


def test_no_engine_is_called_auto() -> None:
    assert "auto" not in {engine.name for engine in CATALOGUE}


@pytest.mark.parametrize("row", CATALOGUE, ids=lambda row: row.name)
def test_every_row_says_what_it_is(row: Engine) -> None:
    assert row.words.endswith(".")
    assert row.licence
    assert row.peak_memory_bytes > 0
    assert (not row.sources) == (row.download_bytes == 0)


READY_AT_ONCE = [row for row in CATALOGUE if not row.sources and state(row).is_ready]


@pytest.mark.parametrize("row", READY_AT_ONCE, ids=lambda row: row.name)
def test_engines_without_weights_load(row: Engine) -> None:
    assert getattr(row.load("cpu"), "name", None) == row.name


def test_find_lists_what_there_is() -> None:
    assert find("flow", "tracking").name == "flow"
    with pytest.raises(UnknownEngine, match=r"flo: .* tracking. Did you mean flow\? There are: .*flow"):
        find("flo", "tracking")
    with pytest.raises(UnknownEngine, match=r"There are: .*grabcut"):
        find("flow", "segmentation")
    with pytest.raises(UnknownEngine, match="There are: none"):
        find("flow", "juggling")


def test_auto_takes_the_first_that_is_ready_and_says_what_the_others_wait_for() -> None:
    catalogue = (engine("best", ready=False), engine("good"), engine("also"))
    choice = choose("tracking", catalogue=catalogue)
    assert choice.engine.name == "good"
    assert "good" in choice.why
    assert "best needs a download of 5 MB" in choice.why
    assert "also" not in choice.why


def test_a_name_is_taken_or_refused() -> None:
    catalogue = (engine("best", ready=False), engine("good"), engine("also"))
    assert choose("tracking", "also", catalogue=catalogue).engine.name == "also"
    with pytest.raises(EngineNotReady, match="best: needs a download of 5 MB: avfusion engines pull best"):
        choose("tracking", "best", catalogue=catalogue)
    with pytest.raises(EngineNotReady, match="no engine for tracking is ready: best needs a download"):
        choose("tracking", catalogue=catalogue[:1])


def test_rows_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        CATALOGUE[0].name = "other"  # type: ignore[misc]
    assert of_ability("tracking") == tuple(row for row in CATALOGUE if row.ability == "tracking")


def test_asking_for_states_imports_no_engine() -> None:
    script = (
        "import json, sys\n"
        "from avfusion.engines.catalogue import CATALOGUE\n"
        "from avfusion.engines.state import state\n"
        "states = {engine.name: state(engine).kind for engine in CATALOGUE}\n"
        "print(json.dumps([states, [name for name in ('numpy', 'cv2', 'torch', 'av') if name in sys.modules]]))\n"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True)
    states, imported = json.loads(done.stdout)
    assert set(states) == {row.name for row in CATALOGUE}
    assert imported == []


def test_an_engine_for_something_else_is_not_called_unknown() -> None:
    with pytest.raises(UnknownEngine, match="grabcut: that engine is for segmentation, not for tracking"):
        find("grabcut", "tracking")
