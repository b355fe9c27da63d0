"""A track whose engine runs out of memory: another engine does it where the user allows it, and that is said."""

from pathlib import Path

import pytest

from avfusion.clip import Drawn
from avfusion.engines import registry
from avfusion.engines.catalogue import find
from avfusion.engines.engine import MIB, Engine
from avfusion.errors import NotEnoughMemory
from avfusion.pipelines.segment import segment


class Greedy:
    """A tracker that asks torch for an exabyte."""

    def begin(self, *known: object) -> None:
        import torch

        torch.empty(2**60, dtype=torch.uint8)


@pytest.fixture
def _greedy(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    row = Engine("greedy", "tracking", "For tests.", "none", lambda device: Greedy(), 500 * MIB)
    rows = (row, find("flow", "tracking"), find("grabcut", "segmentation"))
    monkeypatch.setattr(registry, "_REGISTRY", registry.Registry(rows))


@pytest.mark.usefixtures("_greedy")
def test_it_is_said_which_engine_did_it_instead(made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AVFUSION_FALLBACK", "smaller")
    report = segment(made.clip, [Drawn(made.truth[0])], out=tmp_path / "masks", engine="greedy")
    assert report.engines["tracking"] == "flow"
    assert len(list((tmp_path / "masks").iterdir())) == report.frames
    said = "greedy does not fit into the memory of cpu: flow works on cpu instead, as you allowed."
    assert said in report.notes


@pytest.mark.usefixtures("_greedy")
def test_without_leave_nothing_is_done_instead(made, tmp_path: Path) -> None:
    with pytest.raises(NotEnoughMemory, match=r"greedy: ran out of memory on cpu .* What fits: flow"):
        segment(made.clip, [Drawn(made.truth[0])], out=tmp_path / "masks", engine="greedy")
    assert not (tmp_path / "masks").exists()
    assert "greedy" not in {holding.name for holding in registry.holdings()}
