"""The files that each voice engine needs, tiny: what is pulled into the cache of the hub, and what users bring."""

from collections.abc import Callable
from pathlib import Path

from avfusion.engines.catalogue import find
from avfusion.engines.engine import HubFiles
from avfusion.engines.folders import hub_repository, hub_snapshot
from avfusion.voice.opening import ModelFiles
from tests.voice.tiny_autovc import TINY, save_both
from tests.voice.tiny_rmvpe import save_rmvpe
from tests.voice.tiny_rvc import checkpoint, save, save_hubert
from tests.voice.tiny_so_vits import tiny_clusters, tiny_hubert, tiny_so_vits

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def pulled(name: str, fill: Callable[[Path], object], ability: str = "voice") -> None:
    """Makes tiny weights where a download would put the real ones: for voices, a content encoder."""
    (source,) = find(name, ability).sources
    assert isinstance(source, HubFiles)
    reference = hub_repository(source) / "refs" / source.revision
    reference.parent.mkdir(parents=True)
    reference.write_text(COMMIT)
    hub_snapshot(source).mkdir(parents=True)
    fill(hub_snapshot(source))


def pulled_rmvpe() -> None:
    pulled("rmvpe", lambda folder: save_rmvpe(folder / "rmvpe.pt"), "pitch")


def tiny_voice(name: str, folder: Path) -> ModelFiles | None:
    """Pulls what the engine shares among voices, and makes a user's files; None for an engine that takes none."""
    if name == "so-vits":
        pulled(name, tiny_hubert)
        files = tiny_so_vits(folder)
        return ModelFiles(files.weights, clusters=tiny_clusters(folder / "kmeans.pt", ("ada",)))
    if name == "rvc":
        pulled(name, lambda path: save_hubert(path, hidden=768, layers=1))
        return ModelFiles(save(folder, checkpoint("v2", 40_000)))
    if name == "autovc":
        voice, encoder = save_both(folder, TINY)
        return ModelFiles(voice, speaker_encoder=encoder)
    return None
