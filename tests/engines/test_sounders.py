"""Sounding, naming and asking engines with weights, through the registry: tiny weights where the real ones lie."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from avfusion.clip import Box, Drawn, Sound
from avfusion.engines.catalogue import find
from avfusion.engines.engine import HubFiles
from avfusion.engines.folders import home
from avfusion.engines.registry import Registry
from avfusion.engines.state import state
from avfusion.errors import EngineNotReady, UnknownEngine, UsageError
from avfusion.sounding import Sources, Wish
from tests.engines.test_segmenters import put
from tests.sounding.answering import answering
from tests.sounding.test_al_ref import made_clip, noise, picture


def makers() -> dict[str, Callable[[Path], object]]:
    """Which tiny model stands for the weights of which repository."""
    from tests.segmentation import tiny_transformers as seeing
    from tests.segmentation.tiny_sam3 import tiny_sam3
    from tests.sounding import tiny_sounders as hearing

    return {
        "ast-": hearing.tiny_ast,
        "laion/clap": hearing.tiny_clap,
        "openai/clip": hearing.tiny_clip,
        "Qwen": hearing.tiny_qwen,
        "grounding": seeing.tiny_grounding_dino,
        "sam2.1": seeing.tiny_sam2,
        "sam3": tiny_sam3,
    }


def fetched(name: str, ability: str) -> None:
    """Everything that the row needs, where a download would put it."""
    row = find(name, ability)
    assert state(row).kind in ("needs download", "gated")
    for source in row.sources:
        assert isinstance(source, HubFiles)
        put(source, next(make for part, make in makers().items() if part in source.repository))
        # The tiny model's own release writes the template into a file of its own.
        if "chat_template.json" in source.files:
            from avfusion.engines.folders import hub_snapshot

            (hub_snapshot(source) / "chat_template.json").write_text(
                json.dumps({"chat_template": (hub_snapshot(source) / "chat_template.jinja").read_text()})
            )
    assert state(row).is_ready


def located(name: str, folder: Path, wish: Wish | None = None) -> Sources:
    sound: Sound = noise(0.1, 0.5, 0.0, 0.3)
    with Registry().lend(name, "sounding", "cpu") as engine:
        assert engine.name == name
        found = engine.locate(made_clip(), sound, wish or Wish(), folder=folder, tell=lambda *told: None)
    assert isinstance(found, Sources)
    return found


@pytest.fixture(autouse=True)
def nobody_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("URL", "KEY", "MODEL"):
        monkeypatch.delenv(f"AVFUSION_VLM_{name}", raising=False)


@pytest.mark.parametrize("name", ["clip-vit-b16", "clip-vit-l14-336"])
def test_a_namer_is_lent_from_the_folder_that_it_was_pulled_into(name: str) -> None:
    fetched(name, "naming")
    mask = np.zeros((60, 96), bool)
    mask[10:40, 20:50] = True
    with Registry().lend(name, "naming", "cpu") as namer:
        assert namer.name == name
        assert namer.call([(picture(0), mask)], ["dog", "cat"]).name in ("dog", "cat")


def test_al_ref_sam2_works_from_what_was_pulled_and_asks_nobody(tmp_path: Path) -> None:
    fetched("al-ref-sam2", "sounding")
    # Its masks come from engines that have what they need now.
    assert state(find("sam2.1-tiny", "segmentation")).is_ready
    assert state(find("sam2.1-tiny", "tracking")).is_ready
    found = located("al-ref-sam2", tmp_path)
    assert len(found.found) > 0
    assert not any("rules" in note for note in found.notes)
    assert all(isinstance(prompt, Box) for source in found.found for prompt in source.prompts)
    (described,) = located("al-ref-sam2", tmp_path, Wish(text="the dog on the left")).found
    assert described.name == "the dog on the left"


def test_al_ref_sam3_gives_masks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "a token, as if access had been given")
    fetched("al-ref-sam3", "sounding")
    found = located("al-ref-sam3", tmp_path)
    assert len(found.found) > 0
    assert all(isinstance(prompt, Drawn) for source in found.found for prompt in source.prompts)


def test_a_model_at_an_address_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched("al-ref-sam2", "sounding")
    with answering() as server:
        monkeypatch.setenv("AVFUSION_VLM_URL", server.url)
        monkeypatch.setenv("AVFUSION_VLM_MODEL", "tiny")
        monkeypatch.setenv("AVFUSION_VLM_KEY", "secret")
        server.say = lambda words: '{"sources": [{"name": "tuba", "frame": 3}]} [1]'
        (source,) = located("al-ref-sam2", tmp_path).found
        assert (source.name, source.prompts[0].frame // 10) == ("tuba", 2)
        asked = len(server.asked)
        assert asked > 0
        assert {headers["Authorization"] for headers in server.headers} == {"Bearer secret"}
        located("al-ref-sam2", tmp_path)
        assert len(server.asked) == asked  # all of it is remembered
    assert not any("secret" in path.read_text() for path in (home() / "answers").iterdir())
    (again,) = located("al-ref-sam2", tmp_path).found  # and holds without the server
    assert again.name == "tuba"


def test_an_address_where_nobody_answers_is_noted_and_rules_decide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched("al-ref-sam2", "sounding")
    by_rules = located("al-ref-sam2", tmp_path)
    with answering() as server:
        address = server.url
    monkeypatch.setenv("AVFUSION_VLM_URL", address)
    monkeypatch.setenv("AVFUSION_VLM_MODEL", "tiny")
    found = located("al-ref-sam2", tmp_path)
    assert [source.prompts for source in found.found] == [source.prompts for source in by_rules.found]
    assert "cannot be reached" in found.notes[0]
    assert "chosen by rules instead" in found.notes[0]


def test_a_model_of_this_machine_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from avfusion.sounding import asking_local

    fetched("al-ref-sam2", "sounding")
    monkeypatch.setenv("AVFUSION_VLM_MODEL", "qwen3-vl-2b")
    with (
        pytest.raises(EngineNotReady, match="qwen3-vl-2b: needs a download"),
        Registry().lend("al-ref-sam2", "sounding", "cpu"),
    ):
        pass
    fetched("qwen3-vl-2b", "asking")
    monkeypatch.setattr(asking_local, "_LONGEST_ANSWER_TOKENS", 4)
    found = located("al-ref-sam2", tmp_path)
    assert found.notes[0] == "qwen3-vl-2b: its answer cannot be read; what sounds was chosen by rules instead."


def test_what_is_set_wrongly_is_said_before_anything_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    fetched("al-ref-sam2", "sounding")
    monkeypatch.setenv("AVFUSION_VLM_URL", "ftp://example.org")
    with pytest.raises(UsageError, match="AVFUSION_VLM_URL"), Registry().lend("al-ref-sam2", "sounding", "cpu"):
        pass
    monkeypatch.delenv("AVFUSION_VLM_URL")
    monkeypatch.setenv("AVFUSION_VLM_MODEL", "qwen3-vl-2")
    with (
        pytest.raises(UnknownEngine, match=r"Did you mean .*qwen3-vl-2b"),
        Registry().lend("al-ref-sam2", "sounding", "cpu"),
    ):
        pass
