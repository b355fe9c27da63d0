"""Tracking rows with weights: through the registry from tiny weights where the real ones would lie, and `auto`."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from avfusion.engines.catalogue import CATALOGUE, choose, find
from avfusion.engines.devices import has_card
from avfusion.engines.engine import HubFiles
from avfusion.engines.registry import Registry
from avfusion.engines.state import state
from avfusion.engines.trackers import TRACKED
from avfusion.errors import EngineNotReady
from avfusion.tracking import Correctable, Describable
from tests.engines.test_segmenters import put
from tests.tracking.video_session import frame, square


def makers() -> dict[str, Callable[[Path], object]]:
    """Which tiny model stands for the weights of which repository."""
    from tests.tracking import tiny_video as tiny

    return {"sam2.1": tiny.tiny_sam2_video, "EdgeTAM": tiny.tiny_edgetam, "sam3": tiny.tiny_sam3_video}


NAMES = [row.name for row in TRACKED if row.name.startswith(("sam2.1", "edgetam", "sam3"))]


@pytest.mark.parametrize("name", NAMES)
def test_a_tracker_is_lent_from_the_folder_that_it_was_pulled_into(name: str) -> None:
    row = find(name, "tracking")
    (source,) = row.sources
    assert isinstance(source, HubFiles)
    waits_for = "gated" if source.gated else "needs a download"
    with pytest.raises(EngineNotReady, match=f"{name}: {waits_for}"):
        choose("tracking", name)
    put(source, next(make for part, make in makers().items() if part in source.repository))
    assert state(row).is_ready
    with Registry().lend(name, "tracking", "cpu") as engine:
        assert engine.name == name
        going = engine.begin(frame(0), {1: square(1), 2: square(5)})
        assert isinstance(going, Correctable)
        assert sorted(going.step(frame(1)).masks) == [1, 2]
        assert isinstance(engine, Describable) == ("words" in row.understands)


def test_weights_of_pictures_and_clips_are_the_same() -> None:
    for name in ("sam2.1-large", "sam2.1-base-plus", "sam2.1-small", "sam2.1-tiny"):
        assert find(name, "tracking").sources == find(name, "segmentation").sources


def test_auto_takes_a_big_network_only_where_there_is_a_card_for_it() -> None:
    big = replace(find("sam2.1-tiny", "tracking"), sources=(), download_bytes=0)
    catalogue = [big, *(row for row in CATALOGUE if row.name == "flow")]
    with_card = choose("tracking", catalogue=catalogue, is_card=lambda device: True)
    assert with_card.engine is big
    without = choose("tracking", catalogue=catalogue, is_card=lambda device: False)
    assert without.engine.name == "flow"
    assert "sam2.1-tiny is slow without a graphics card: name it to use it" in without.why
    assert choose("tracking", device="cpu", catalogue=catalogue).engine.name == "flow"
    named = choose("tracking", "sam2.1-tiny", catalogue=catalogue, is_card=lambda device: False)
    assert named.engine is big
    with Registry(catalogue).lend("auto", "tracking", "cpu") as engine:
        assert engine.name == "flow"
    alone = choose("tracking", catalogue=[big], is_card=lambda device: False)
    assert alone.engine is big
    assert "without a graphics card it is slow" in alone.why


def test_a_machine_has_the_cards_that_torch_finds() -> None:
    import torch

    cards = torch.cuda.device_count()
    assert has_card("auto") == (cards > 0 or torch.backends.mps.is_available())
    assert has_card("cuda") == (cards > 0)
    assert not has_card(f"cuda:{cards}")
    assert not has_card("cpu")


def test_what_is_said_of_big_networks_that_are_not_here_speaks_of_the_card() -> None:
    why = choose("tracking").why
    assert "sam3-video (on a graphics card) gated: ask for access" in why
    assert "sam2.1-large (on a graphics card) needs a download" in why
