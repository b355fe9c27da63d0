"""Whether an engine can work now and, if not, what it waits for. Asked without network and without its packages."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from avfusion.engines.engine import Engine, HubFiles, Weights
from avfusion.engines.folders import PARTS_LIST, hub_snapshot, hub_token, parts_of, weights_file
from avfusion.engines.trained import checksum, missing_in

Kind = Literal["ready", "needs download", "needs package", "gated", "broken"]


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
    if why := engine.refused or (missing_in(engine.folder) if engine.folder else ""):
        return State("broken", why)
    missing = [package for package in engine.packages if not _is_installed(package)]
    if missing:
        return State("needs package", f"needs a package: pip install {' '.join(missing)}")
    if "torchvision" in engine.packages and (mismatch := _built_for_another_torch()):
        return State("needs package", mismatch)
    lacking = [source for source in engine.sources if not is_here(source)]
    if not lacking:
        return State("ready")
    for source in lacking:
        if isinstance(source, HubFiles) and source.gated and hub_token() is None:
            return State("gated", f"gated: ask for access on {source.page}, then set HF_TOKEN")
    return State(
        "needs download", f"needs a download of {size(engine.download_bytes)}: avfusion engines pull {engine.name}"
    )


def size(count_bytes: int) -> str:
    """155_000_000 -> "155 MB", in powers of ten as downloads are counted."""
    if count_bytes >= 1_000_000_000:
        return f"{count_bytes / 1e9:.1f} GB"
    return f"{max(1, round(count_bytes / 1e6))} MB" if count_bytes else "0"


def revision(engine: Engine) -> str:
    """Which weights the engine has: the commit in the hub's cache, or a file's checksum in 12 digits; "" without any.

    Of several, its own folder's first, then the sources in the order of the catalogue, with "+" between.
    """
    own = [] if engine.folder is None else [checksum(engine.folder)]
    fetched = [
        hub_snapshot(source).name if isinstance(source, HubFiles) else source.sha256[:12] for source in engine.sources
    ]
    return "+".join(own + fetched)


def _is_installed(package: str) -> bool:
    from importlib import metadata  # takes longer to import than all the rest of `avfusion engines`

    try:
        metadata.distribution(package)
    except metadata.PackageNotFoundError:
        return False
    return True


def _built_for_another_torch() -> str:
    """What is wrong with torchvision beside this torch, by what it says itself; "" if nothing is."""
    from importlib import metadata

    torch, torchvision = metadata.version("torch"), metadata.version("torchvision")
    asked = [line for line in metadata.requires("torchvision") or () if line.startswith("torch ") or "torch==" in line]
    wanted = asked[0].partition("==")[2].strip(" ()") if asked else ""
    if not wanted or torch.partition("+")[0] == wanted.partition("+")[0]:
        return ""
    return (
        f"torchvision {torchvision} is a build for torch {wanted}, and {torch} is here: "
        "install both from the same package index"
    )


def is_here(source: Weights) -> bool:
    """Whether every file that is needed is whole on this machine."""
    # A file of the hub's cache is a link that is made when its content is whole.
    if isinstance(source, HubFiles):
        folder = hub_snapshot(source)
        has_weights = any(_is_whole(folder / name) for name in source.weights)
        return has_weights and all(_is_whole(folder / name) for name in source.files)
    return weights_file(source).exists()


def _is_whole(path: Path) -> bool:
    """Whether a file is there, or all the parts into which it was cut."""
    if path.exists():
        return True
    parts = parts_of(path.with_name(f"{path.name}{PARTS_LIST}"))
    return bool(parts) and all(part.exists() for part in parts)
