"""Where things are kept on this machine. Nothing is made here: a folder appears when something is put into it."""

from __future__ import annotations

import json
import os
from pathlib import Path

from avfusion.engines.engine import HubFiles, WebFile

PARTS_LIST = ".index.json"
"""Beside the name of a file that was cut into several: which those are."""


def home() -> Path:
    """`AVFUSION_HOME`, or `avfusion` in the user's cache folder."""
    named = os.environ.get("AVFUSION_HOME")
    return Path(named).expanduser() if named else _user_cache() / "avfusion"


def hub_home() -> Path:
    """Where huggingface_hub keeps its files, found as that package finds it."""
    named = os.environ.get("HF_HOME")
    return Path(named).expanduser() if named else _user_cache() / "huggingface"


def hub_token() -> str | None:
    """The user's: `HF_TOKEN`, or what `hf auth login` left."""
    kept = Path(os.environ.get("HF_TOKEN_PATH") or hub_home() / "token")
    return os.environ.get("HF_TOKEN") or (kept.read_text().strip() or None if kept.is_file() else None)


def hub_repository(source: HubFiles) -> Path:
    """The folder of that repository in huggingface_hub's cache."""
    named = os.environ.get("HF_HUB_CACHE")
    cache = Path(named).expanduser() if named else hub_home() / "hub"
    return cache / f"models--{source.repository.replace('/', '--')}"


def hub_snapshot(source: HubFiles) -> Path:
    """The folder that holds the repository's files at that revision, once they are downloaded."""
    repository = hub_repository(source)
    reference = repository / "refs" / source.revision
    commit = reference.read_text().strip() if reference.is_file() else source.revision
    return repository / "snapshots" / commit


def parts_of(index: Path) -> list[Path]:
    """The files beside a list of parts that it names; none where it cannot be read."""
    try:
        named = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return []
    return [index.parent / Path(str(name)).name for name in sorted(map(str, named))]


def weights_file(source: WebFile) -> Path:
    """The checksum is in the name, so that two versions never meet."""
    return home() / "weights" / f"{source.sha256[:16]}-{source.url.rpartition('/')[2]}"


def _user_cache() -> Path:
    named = os.environ.get("XDG_CACHE_HOME")
    return Path(named).expanduser() if named else Path.home() / ".cache"
