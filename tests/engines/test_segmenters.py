"""Rows with weights, through the registry: tiny weights where the real ones would lie, and a mask at the end."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from avfusion.clip import Point
from avfusion.engines.catalogue import choose, find
from avfusion.engines.engine import HubFiles, WebFile
from avfusion.engines.folders import hub_repository, hub_snapshot, weights_file
from avfusion.engines.registry import Registry
from avfusion.engines.state import state
from avfusion.errors import CannotRead, EngineNotReady

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
    from tests.segmentation.tiny_sam import tiny_sam
    from tests.segmentation.tiny_transformers import tiny_detr, tiny_mask2former, tiny_sam2, tiny_segformer

    return {
        "sam-vit-b": tiny_sam,
        "sam2.1-tiny": tiny_sam2,
        "sam2.1-large": tiny_sam2,
        "detr-r50-panoptic": tiny_detr,
        "mask2former-swin-tiny-coco": tiny_mask2former,
        "segformer-b0-ade": tiny_segformer,
        "segformer-b5-ade": tiny_segformer,
    }


@pytest.mark.parametrize("name", makers())
def test_an_engine_is_lent_from_the_folder_that_it_was_pulled_into(name: str) -> None:
    row = find(name, "segmentation")
    found = state(row)
    assert found.kind == "needs download"
    assert f"avfusion engines pull {name}" in found.words
    with pytest.raises(EngineNotReady, match=f"{name}: needs a download"):
        choose("segmentation", name)
    for source in row.sources:
        put(source, makers()[name])
    assert state(row).is_ready
    is_better = "words" not in row.understands
    assert choose("segmentation").engine.name == (name if is_better else "grabcut")
    with Registry().lend(name, "segmentation", "cpu") as engine:
        assert engine.name == name
        assert engine.segment(RGB, [Point(70, 45)]).masks[1].any()


def test_what_does_not_load_leaves_no_trace() -> None:
    row = find("sam-vit-b", "segmentation")
    put(row.sources[0], lambda path: path.write_bytes(b"cut short"))
    registry = Registry()
    with pytest.raises(CannotRead, match="Delete it and fetch it again"), registry.lend("sam-vit-b", "segmentation"):
        pass
    assert registry.holdings() == ()
