"""What follows the pitch of a voice and needs weights: rows for the catalogue. The other methods need none."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from avfusion.engines.engine import MIB, Engine, HubFiles
from avfusion.engines.folders import hub_snapshot
from avfusion.engines.state import state
from avfusion.errors import EngineNotReady

_FILE = "rmvpe.pt"
_RMVPE = HubFiles("lj1995/VoiceConversionWebUI", "e6d0c1a17da07c33557852f9dfa2bd44cc75737d", files=(), weights=(_FILE,))


def _load_rmvpe(source: HubFiles, device: str) -> object:
    from avfusion.voice.rmvpe import read_rmvpe

    return read_rmvpe(hub_snapshot(source) / _FILE, device=device)


PITCHES: tuple[Engine, ...] = (
    Engine(
        name="rmvpe",
        ability="pitch",
        words="Follows the pitch of a voice, with music behind it too (RMVPE); for so-vits and rvc.",
        licence="MIT",
        load=partial(_load_rmvpe, _RMVPE),
        peak_memory_bytes=1300 * MIB,
        sources=(_RMVPE,),
        download_bytes=181_184_272,
        packages=("torch",),
        understands=(),
    ),
)


def rmvpe_weights() -> Path:
    """Where they lie. Raises `EngineNotReady`, which says how to get them."""
    found = state(PITCHES[0])
    if not found.is_ready:
        raise EngineNotReady(f"rmvpe: {found.words}")
    return hub_snapshot(_RMVPE) / _FILE
