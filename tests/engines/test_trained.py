"""Networks in folders as engines: listed whatever they hold, lent as they are now, told apart by their weights."""

import json
import os
import pickle
import shutil
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from avfusion.cli import main
from avfusion.clip import Sound
from avfusion.engines import trained
from avfusion.engines.catalogue import CATALOGUE, choose, find, named, of_ability, rows
from avfusion.engines.downloads import pull
from avfusion.engines.folders import home
from avfusion.engines.registry import Registry, settle
from avfusion.engines.state import revision, state
from avfusion.engines.trained import TRAINED
from avfusion.errors import CannotRead, EngineNotReady, UnknownEngine
from avfusion.sounding import Locator
from avfusion.sounding.painted import Painter
from tests.media.making import NOISE, ffmpeg, source
from tests.sounding.painting import loose_network, network_saying, trained_folder


def put(name: str, **more: str) -> Path:
    return trained_folder(home() / TRAINED / name, **more)


def test_every_folder_is_an_engine_of_its_name() -> None:
    assert rows() == CATALOGUE
    put("b-mine", note="500 made\n scenes.")
    put("a_mine.2")
    assert [row.name for row in rows()[len(CATALOGUE) :]] == ["a_mine.2", "b-mine"]
    row = find("b-mine", "sounding")
    assert row in of_ability("sounding") or row.name in [one.name for one in of_ability("sounding")]
    assert row.words == "av2ts, trained here for ms3: 500 made scenes."
    assert find("a_mine.2", "sounding").words == "av2ts, trained here for ms3."
    assert state(row).is_ready
    assert [one.ability for one in named("b-mine")] == ["sounding"]
    with pytest.raises(UnknownEngine, match="Did you mean b-mine"):
        find("b-mina", "sounding")
    shutil.rmtree(home() / TRAINED / "b-mine")
    with pytest.raises(UnknownEngine):
        find("b-mine", "sounding")


def test_auto_never_takes_one() -> None:
    put("mine")
    assert choose("sounding").engine.name == "mutual-information"
    names = [row.name for row in of_ability("sounding")]
    assert names.index("mutual-information") < names.index("ov-avss") < names.index("av2ts") < names.index("mine")


def test_it_is_lent_from_its_folder() -> None:
    put("mine")
    with Registry().lend("mine", "sounding", "cpu") as engine:
        assert isinstance(engine, Painter)
        assert isinstance(engine, Locator)
        assert (engine.name, engine.setting, engine.size_px) == ("mine", "ms3", 64)


def painted(registry: Registry) -> float:
    with registry.lend("mine", "sounding", "cpu") as engine:
        sound = Sound(np.zeros((1, 16_000), np.float32), 16_000)
        found = engine.paint(np.zeros((1, 64, 64, 3), np.uint8), sound)
    return float(found.sure.mean())


def test_what_was_trained_again_is_loaded_again() -> None:
    registry = Registry()
    folder = trained_folder(home() / TRAINED / "mine", network=network_saying("ms3", 1))
    before = revision(find("mine", "sounding"))
    assert before == sha256((folder / "model.safetensors").read_bytes()).hexdigest()[:12]
    assert painted(registry) > 0.9
    trained_folder(folder, network=network_saying("ms3", 0))
    assert painted(registry) < 0.1
    assert len(registry.holdings()) == 1, "what it was before is gone"
    assert revision(find("mine", "sounding")) != before
    assert settle("sounding", "mine", "cpu").revision == revision(find("mine", "sounding"))


BROKEN = {
    "no-config": "trained/no-config/config.json: there is no such file",
    "no-weights": "trained/no-weights: there is no model.safetensors in it; a finished training leaves one",
    "no-json": "trained/no-json/config.json: cannot be read as JSON",
    "other": "trained/other/config.json: no checkpoint of av2ts or ov-avss: its kind is 'gpt'",
}


def test_broken_folders_are_listed_with_their_reason(capsys: pytest.CaptureFixture[str]) -> None:
    for name in BROKEN:
        put(name)
    room = home() / TRAINED
    (room / "no-config" / "config.json").unlink()
    (room / "no-weights" / "model.safetensors").unlink()
    (room / "no-json" / "config.json").write_text("{")
    (room / "other" / "config.json").write_text('{"kind": "gpt"}')
    (room / "a file").write_text("no folder")
    (room / ".hidden-part").mkdir()
    assert [row.name for row in rows()[len(CATALOGUE) :]] == sorted(BROKEN)
    for name, why in BROKEN.items():
        found = state(find(name, "sounding"))
        assert found.kind == "broken"
        assert found.words.startswith(why)
        assert str(home()) not in found.words
        with pytest.raises(EngineNotReady, match=f"{name}: {why}"):
            settle("sounding", name)
        with pytest.raises(EngineNotReady, match=why):
            pull(name)
    assert main(["engines", "--json"]) == 0
    listed = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert {name: listed[name]["state"] for name in BROKEN} == dict.fromkeys(BROKEN, "broken")
    assert listed["other"]["about"].startswith(BROKEN["other"])


@pytest.mark.parametrize("data", [b"", b"no weights", pickle.dumps({"a": [0.5]}), None])
def test_weights_that_lie_are_told_before_they_are_loaded(data: bytes | None) -> None:
    path = put("mine") / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] if data is None else data)
    found = state(find("mine", "sounding"))
    assert found.kind == "broken"
    assert found.words.startswith("trained/mine/model.safetensors: no file of safetensors, or cut off")
    assert find("mine", "sounding").words == "A trained network."
    with pytest.raises(EngineNotReady, match=r"mine: trained/mine/model\.safetensors"):
        settle("sounding", "mine")


def test_weights_of_another_network_are_told_when_they_are_loaded() -> None:
    folder = put("mine")
    other = trained_folder(folder.parent / "other", "avss")
    shutil.copy(other / "model.safetensors", folder)
    assert state(find("mine", "sounding")).is_ready
    with pytest.raises(CannotRead, match=r"mine/model\.safetensors"), Registry().lend("mine", "sounding", "cpu"):
        pass


def test_larger_pictures_take_more_memory() -> None:
    """Measured with the demonstration of OV-AVSS and ten pictures on the CPU, all of the process: 0.84 GB at 96, 1.3 at
    512 and 6.6 at 1024."""
    config = put("mine") / "config.json"
    said = json.loads(config.read_text())
    claimed_gb = {}
    for size_px in (96, 512, 1024):
        config.write_text(json.dumps(said | {"size_px": size_px}))
        claimed_gb[size_px] = find("mine", "sounding").peak_memory_bytes / 1e9
    assert claimed_gb == pytest.approx({96: 0.64, 512: 1.1, 1024: 6.65}, rel=0.02)
    config.write_text(json.dumps(said | {"size_px": 2048}))
    assert state(find("mine", "sounding")).words.endswith("size_px is 2048; it is a multiple of 32, up to 1024.")


def test_a_note_does_nothing_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    put("mine", note="500 \x1b]0;mine\x07scenes\x9b2J \u202edaer\u202c of an \u00e9t\u00e9")
    assert main(["engines"]) == 0
    out = capsys.readouterr().out
    assert "500 ]0;minescenes2J daer of an \u00e9t\u00e9" in out
    assert not set(out) & set("\x1b\x07\x9b\u202e\u202c")


def test_predictions_that_are_no_numbers_end_the_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from safetensors.torch import load_file, save_file

    path = put("mine") / "model.safetensors"
    save_file({name: part * 1e30 if part.is_floating_point() else part for name, part in load_file(path).items()}, path)
    clip, out = tmp_path / "clip.mp4", tmp_path / "out.json"
    ffmpeg(*source("64x64", "5"), *NOISE, "-c:v", "libx264", "-c:a", "aac", clip)
    assert main(["locate", str(clip), "--engine", "mine", "--out", str(out), "--quiet"]) == 3
    said = capsys.readouterr()
    assert "engine mine: its predictions are no numbers" in said.err
    assert said.err.count("\n") == 1
    assert not said.out
    assert not out.exists()


@pytest.mark.parametrize(
    ("name", "shown", "why"),
    [
        ("flow", "trained/flow", "its folder has the name of a built-in engine"),
        ("mutual-information", "trained/mutual-information", "its folder has the name of a built-in engine"),
        ("auto", "trained/auto", "its folder has the name of a built-in engine"),
        ("my net", "trained/my?net", "a name has letters, digits"),
        ("<b>\n", "trained/?b??", "a name has letters, digits"),
        ("é", "trained/?", "a name has letters, digits"),
        ("x" * 65, f"trained/{'x' * 64}", "64 at most"),
    ],
)
def test_names_that_cannot_be(name: str, shown: str, why: str) -> None:
    put(name)
    assert find("flow", "tracking").folder is None
    assert len(named("mutual-information")) == 1
    assert state(find(shown, "sounding")).kind == "broken"
    with pytest.raises(EngineNotReady, match=why):
        settle("sounding", shown)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anywhere")
def test_a_room_that_cannot_be_looked_into_has_no_engines() -> None:
    put("mine").parent.chmod(0)
    assert rows() == CATALOGUE
    (home() / TRAINED).chmod(0o700)


def test_nothing_is_fetched_for_it(capsys: pytest.CaptureFixture[str]) -> None:
    put("mine")
    assert not pull("mine")
    assert main(["engines", "pull", "mine"]) == 0
    assert capsys.readouterr().out == "mine lies on this machine: there is nothing to fetch.\n"


@pytest.mark.parametrize("name", ["av2ts", "ov-avss"])
def test_demonstrations_say_what_they_are_and_whether_they_are_there(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = find(name, "sounding")
    assert "a small demonstration trained on synthetic scenes; train your own with avfusion train." in row.words
    folder = tmp_path / "checkpoints" / "shipped"
    monkeypatch.setattr(trained, "SHIPPED", folder.parent)
    row = trained.shipped_engine(name, "shipped", row.words)
    assert state(row).words == "its weights are not in this installation (shipped/config.json)"
    assert revision(row) == ""
    with pytest.raises(EngineNotReady, match=f"{name}: its weights are not in this installation"):
        choose("sounding", name, catalogue=[row])
    trained_folder(folder, network=loose_network("ms3"))
    assert state(row).is_ready
    with Registry([row]).lend(name, "sounding", "cpu") as engine:
        assert engine.name == name


def test_what_ships_is_part_of_the_package() -> None:
    import tomllib

    data = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert "sounding/checkpoints/*/*" in data["package-data"]["avfusion"]
