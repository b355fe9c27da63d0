"""The voice engines: rows for the catalogue, first the one that works at once with any target.

What the registry lends is an opener (`avfusion.voice.opening`): voices that were learnt lie in the user's own files.
"""

from __future__ import annotations

from functools import partial

from avfusion.engines.engine import MIB, Engine, HubFiles
from avfusion.engines.folders import hub_snapshot
from avfusion.engines.pitches import rmvpe_weights

_CONTENT = HubFiles("lengyue233/content-vec-best", "main", files=("config.json",))
# Four bytes for each of its weights.
_CONTENT_BYTES = 378_300_000


def _load_world_knn(device: str) -> object:
    from avfusion.voice.opening import WorldKnnOpener

    return WorldKnnOpener()


def _load_so_vits(source: HubFiles, device: str) -> object:
    from avfusion.voice.opening import SoVitsOpener

    return SoVitsOpener(hub_snapshot(source), device, rmvpe_weights)


def _load_rvc(source: HubFiles, device: str) -> object:
    from avfusion.voice.opening import RvcOpener

    return RvcOpener(hub_snapshot(source), device, rmvpe_weights)


def _load_autovc(device: str) -> object:
    from avfusion.voice.opening import AutoVcOpener

    return AutoVcOpener(device)


VOICES: tuple[Engine, ...] = (
    Engine(
        name="world-knn",
        ability="voice",
        words="Any voice from a few seconds of it: its own frames laid along what is said (WORLD, nearest neighbours).",
        licence="Apache-2.0",
        load=_load_world_knn,
        peak_memory_bytes=700 * MIB,
        packages=("pyworld", "praat-parselmouth"),
        understands=(),
    ),
    Engine(
        name="so-vits",
        ability="voice",
        words="so-vits-svc-fork 4.0: your G_*.pth with its config.json; the download is its content encoder.",
        licence="MIT",
        load=partial(_load_so_vits, _CONTENT),
        peak_memory_bytes=3000 * MIB,
        sources=(_CONTENT,),
        download_bytes=_CONTENT_BYTES,
        packages=("torch", "transformers", "so-vits-svc-fork"),
        understands=(),
    ),
    Engine(
        name="rvc",
        ability="voice",
        words="RVC v1 and v2: your .pth, and .index if there is one; the download is its content encoder.",
        licence="MIT",
        load=partial(_load_rvc, _CONTENT),
        peak_memory_bytes=3000 * MIB,
        sources=(_CONTENT,),
        download_bytes=_CONTENT_BYTES,
        packages=("torch", "transformers", "pyworld", "faiss-cpu"),
        understands=(),
    ),
    Engine(
        name="autovc",
        ability="voice",
        words="AutoVC with your own two .ckpt files and a recording of the target; here for the comparison.",
        licence="MIT",
        load=_load_autovc,
        peak_memory_bytes=1500 * MIB,
        packages=("torch", "pyworld"),
        understands=(),
    ),
)
"""Another voice on the same words."""
