"""Fetching weights, when somebody asked for it: `avfusion engines pull`, the page's button, `AVFUSION_PRELOAD`."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from avfusion.engines.catalogue import named
from avfusion.engines.engine import Engine, HubFiles, Weights
from avfusion.engines.fetch import fetch
from avfusion.engines.folders import weights_file
from avfusion.engines.hub import fetch_repository
from avfusion.engines.state import is_here, state
from avfusion.errors import EngineNotReady

PRELOAD_VARIABLE = "AVFUSION_PRELOAD"


@dataclass(frozen=True)
class Fetching:
    """How far the file at hand is: bytes that are there, of bytes in all (0 where the server does not say)."""

    engine: str
    done_bytes: int
    total_bytes: int


OnFetching = Callable[[Fetching], None]


def pull(name: str, on_fetching: OnFetching | None = None, *, catalogue: Sequence[Engine] | None = None) -> bool:
    """Fetches what the engine of that name lacks; False if it lacked nothing. It may be called again at any time.

    Raises `UnknownEngine`, `EngineNotReady` (a package or access is missing, no connection, offline, wrong checksum)
    and `CannotWrite`; whatever `on_fetching` raises stops the download, which goes on from there the next time.
    """
    lacking: list[Weights] = []
    for engine in named(name, catalogue=catalogue):
        found = state(engine)
        if found.kind in ("needs package", "gated", "broken"):
            raise EngineNotReady(f"{name}: {found.words}")
        lacking += [source for source in engine.sources if not is_here(source) and source not in lacking]
    if lacking and (variable := _offline()):
        raise EngineNotReady(f"{name}: {variable} is set, so nothing is downloaded. Unset it, and run it again.")
    for source in lacking:
        _fetch(name, source, on_fetching)
    return bool(lacking)


def preload(on_fetching: OnFetching | None = None, *, catalogue: Sequence[Engine] | None = None) -> tuple[str, ...]:
    """Pulls the engines that `AVFUSION_PRELOAD` names, with commas between; their names. Raises as `pull` does."""
    names = to_preload(catalogue=catalogue)
    for name in names:
        pull(name, on_fetching, catalogue=catalogue)
    return names


def to_preload(*, catalogue: Sequence[Engine] | None = None) -> tuple[str, ...]:
    """The names in `AVFUSION_PRELOAD`. Raises `UnknownEngine` before anything is fetched."""
    names = tuple(name.strip() for name in os.environ.get(PRELOAD_VARIABLE, "").split(",") if name.strip())
    for name in names:
        named(name, catalogue=catalogue)
    return names


def _fetch(name: str, source: Weights, on_fetching: OnFetching | None) -> None:
    def on_bytes(done: int, total: int) -> None:
        if on_fetching is not None:
            on_fetching(Fetching(name, done, total))

    if isinstance(source, HubFiles):
        fetch_repository(source, on_bytes)
    else:
        fetch(source.url, weights_file(source), digest=source.sha256, on_bytes=on_bytes)


def _offline() -> str | None:
    """The variable that says so, read as huggingface_hub reads it."""
    for variable in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        if os.environ.get(variable, "").upper() in ("1", "ON", "YES", "TRUE"):
            return variable
    return None
