"""What takes a voice and the sound behind it apart: rows for the catalogue, the best first."""

from __future__ import annotations

from functools import partial

from avfusion.engines.engine import MIB, Engine, WebFile
from avfusion.engines.folders import weights_file

# torchaudio publishes no sum. Several projects that pinned the file they got agree on this one, and on its size.
_HDEMUCS = WebFile(
    "https://download.pytorch.org/torchaudio/models/hdemucs_high_trained.pt",
    "a004b2790d73ffeaa535db458a1a79b539dfdbafbccc31f275d07e632ebd7816",
)
_HDEMUCS_BYTES = 334_697_255


def _load_hdemucs(source: WebFile, device: str) -> object:
    from avfusion.voice.hdemucs import load_hdemucs

    return load_hdemucs(weights_file(source), device=device)


def _load_repet_sim(device: str) -> object:
    from avfusion.voice.separate import RepetSim

    return RepetSim()


SEPARATORS: tuple[Engine, ...] = (
    Engine(
        name="hdemucs",
        ability="separation",
        words="Hybrid Demucs of torchaudio: learnt from songs, singers from drums, bass and all else.",
        # The code is MIT; of the weights their author says so: facebookresearch/demucs, issues 327 and 508.
        licence="weights for research only",
        load=partial(_load_hdemucs, _HDEMUCS),
        peak_memory_bytes=1800 * MIB,
        sources=(_HDEMUCS,),
        download_bytes=_HDEMUCS_BYTES,
        packages=("torch", "torchaudio"),
        understands=(),
    ),
    Engine(
        name="repet-sim",
        ability="separation",
        words="What comes back again and again is background (REPET-SIM), what has a voice's pitch is voice.",
        licence="Apache-2.0",
        load=_load_repet_sim,
        peak_memory_bytes=600 * MIB,
        packages=("librosa", "praat-parselmouth"),
        understands=(),
    ),
)
"""Voice and background."""
