"""Whether an engine can work now and, if not, what it waits for. Asked without network and without its packages."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

from avfusion.engines.engine import Engine, HubFiles, Weights
from avfusion.engines.folders import hub_home, hub_snapshot, weights_file

Kind = Literal["ready", "needs download", "needs package", "gated"]


@dataclass(frozen=True)
class State:
    """words: the whole state for a person, with what to do about it; empty when the engine is ready."""

    kind: Kind
    words: str = ""

    @property
    def is_ready(self) -> bool:
        return self.kind == "ready"


def state(engine: Engine) -> State:
    """Looks for packages by their metadata and for weights by their path."""
    missing = [package for package in engine.packages if not _is_installed(package)]
    if missing:
        return State("needs package", f"needs a package: pip install {' '.join(missing)}")
    if engine.source is None or _is_here(engine.source):
        return State("ready")
    if isinstance(engine.source, HubFiles) and engine.source.gated and not _has_hub_token():
        page = f"https://huggingface.co/{engine.source.repository}"
        return State("gated", f"gated: ask for access on {page}, then set HF_TOKEN")
    return State(
        "needs download", f"needs a download of {size(engine.download_bytes)}: avfusion engines pull {engine.name}"
    )


def size(count_bytes: int) -> str:
    """155_000_000 -> "155 MB", in powers of ten as downloads are counted."""
    if count_bytes >= 1_000_000_000:
        return f"{count_bytes / 1e9:.1f} GB"
    return f"{max(1, round(count_bytes / 1e6))} MB" if count_bytes else "0"


def _is_installed(package: str) -> bool:
    from importlib import metadata  # takes longer to import than all the rest of `avfusion engines`

    try:
        metadata.distribution(package)
    except metadata.PackageNotFoundError:
        return False
    return True


def _is_here(source: Weights) -> bool:
    # A file of the hub's cache is a link that is made when its content is whole.
    if isinstance(source, HubFiles):
        return all((hub_snapshot(source) / name).exists() for name in source.files)
    return weights_file(source).exists()


def _has_hub_token() -> bool:
    return bool(os.environ.get("HF_TOKEN")) or (hub_home() / "token").is_file()
