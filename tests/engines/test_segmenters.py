"""Rows with weights, through the registry: tiny weights where the real ones would lie, and a mask at the end."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from avfusion.clip import Point, Words
from avfusion.engines.catalogue import choose, find
from avfusion.engines.engine import HubFiles, WebFile
from avfusion.engines.folders import hub_repository, hub_snapshot, weights_file
from avfusion.engines.registry import Registry
from avfusion.engines.segmenters import CLICKED, DESCRIBED, LABELLED
from avfusion.engines.state import state
from avfusion.errors import CannotRead, EngineNotReady, NothingFound

SPOTS = np.random.default_rng(3).integers(0, 256, (6, 9, 3), np.uint8)
RGB = cv2.resize(SPOTS, (140, 90), interpolation=cv2.INTER_CUBIC)
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def put(source: HubFiles | WebFile, make: Callable[[Path], object]) -> None:
    """Makes tiny weights where a download would put the real ones."""
    if isinstance(source, WebFile):
        weights_file(source).parent.mkdir(parents=True, exist_ok=True)
        make(weights_file(source))
        return
    if source.revision == "main":
        reference = hub_repository(source) / "refs" / "main"
        reference.parent.mkdir(parents=True)
        reference.write_text(COMMIT)
    hub_snapshot(source).mkdir(parents=True)
    make(hub_snapshot(source))
    # A newer release than the published ones saves what belongs there under another name.
    settings = hub_snapshot(source) / "preprocessor_config.json"
    if not settings.exists():
        settings.touch()


def makers() -> dict[str, Callable[[Path], object]]:
    """Which tiny model stands for the weights of which repository or file."""
    from tests.segmentation import tiny_transformers as tiny
    from tests.segmentation.tiny_sam import tiny_sam
    from tests.segmentation.tiny_sam3 import tiny_sam3

    return {
        "sam_vit": tiny_sam,
        "sam2.1": tiny.tiny_sam2,
        "sam3": tiny_sam3,
        "detr": tiny.tiny_detr,
        "mask2former": tiny.tiny_mask2former,
        "segformer": tiny.tiny_segformer,
        "grounding": tiny.tiny_grounding_dino,
        "clipseg": tiny.tiny_clipseg,
    }


@pytest.mark.parametrize("name", [row.name for row in (*CLICKED, *LABELLED, *DESCRIBED)])
def test_an_engine_is_lent_from_the_folder_that_it_was_pulled_into(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "a token, as if access had been given")
    row = find(name, "segmentation")
    found = state(row)
    assert found.kind == "needs download"
    assert f"avfusion engines pull {name}" in found.words
    with pytest.raises(EngineNotReady, match=f"{name}: needs a download"):
        choose("segmentation", name)
    for source in row.sources:
        where = source.url if isinstance(source, WebFile) else source.repository
        put(source, next(make for part, make in makers().items() if part in where))
    assert state(row).is_ready
    with Registry().lend(name, "segmentation", "cpu") as engine:
        assert engine.name == name
        if "clicks" in row.understands:
            # One that knows the whole picture by name is no better at clicks than what needs no download.
            best = choose("segmentation", understands="clicks", is_card=lambda device: True).engine.name
            assert best == (name if row in CLICKED else "grabcut")
            if row.needs_card:
                best = choose("segmentation", understands="clicks", is_card=lambda device: False).engine.name
                assert best == "grabcut"
            assert engine.segment(RGB, [Point(70, 45)]).masks[1].any()
        if "words" in row.understands:
            assert choose("segmentation", understands="words").engine.name == name
            with contextlib.suppress(NothingFound):  # random weights may see no person here
                assert engine.segment(RGB, [Words("person")]).masks[1].any()


def test_words_need_an_engine_that_understands_them() -> None:
    with pytest.raises(
        EngineNotReady, match=r"segmentation by words is ready: sam3 \(on a graphics card\) gated: ask for access"
    ):
        choose("segmentation", understands="words")


def test_words_go_to_the_best_engine_that_is_ready() -> None:
    for name in ("clipseg", "grounding-dino-tiny", "sam3"):
        for source in find(name, "segmentation").sources:
            where = source.url if isinstance(source, WebFile) else source.repository
            put(source, next(make for part, make in makers().items() if part in where))
        best = choose("segmentation", understands="words", is_card=lambda device: True)
        assert best.engine.name == name
    assert choose("segmentation", understands="words", device="cpu").engine.name == "grounding-dino-tiny"


def test_a_gated_engine_says_where_to_ask() -> None:
    with pytest.raises(EngineNotReady) as raised:
        choose("segmentation", "sam3")
    assert str(raised.value) == "sam3: gated: ask for access on https://huggingface.co/facebook/sam3, then set HF_TOKEN"


def test_what_does_not_load_leaves_no_trace() -> None:
    row = find("sam-vit-b", "segmentation")
    put(row.sources[0], lambda path: path.write_bytes(b"cut short"))
    registry = Registry()
    with pytest.raises(CannotRead, match="Delete it and fetch it again"), registry.lend("sam-vit-b", "segmentation"):
        pass
    assert registry.holdings() == ()
