"""A Hybrid Demucs small enough for tests: torchaudio's own class with other numbers, and random weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from avfusion.engines.catalogue import find
from avfusion.engines.engine import WebFile
from avfusion.engines.folders import weights_file
from avfusion.voice.hdemucs import SOURCES


def tiny_network(sources: Sequence[str] = SOURCES) -> Any:
    """Its weights come from a fixed seed. They are large enough that its layers matter to what it says."""
    import torch
    from torchaudio.models import HDemucs

    torch.manual_seed(3)
    return HDemucs(list(sources), channels=4, nfft=1024, depth=5).eval()


def saved(path: Path, network: Any = None) -> Path:
    """Its weights as torchaudio publishes those of the large one: a plain state dict."""
    import torch

    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save((network or tiny_network()).state_dict(), path)
    return path


def pulled() -> WebFile:
    """Tiny weights where a download would put the real ones."""
    (source,) = find("hdemucs", "separation").sources
    assert isinstance(source, WebFile)
    saved(weights_file(source))
    return source
