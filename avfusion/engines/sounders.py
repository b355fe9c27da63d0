"""What finds the things that make a sound: rows for the catalogue, the best first."""

from __future__ import annotations

from avfusion.engines.engine import MIB, Engine


def _load_mutual_information(device: str) -> object:
    from avfusion.sounding.mutual_information import MutualInformation

    return MutualInformation()


SOUNDERS: tuple[Engine, ...] = (
    Engine(
        name="mutual-information",
        ability="sounding",
        words="What moves when it sounds (mutual information of loudness and motion); else it abstains.",
        licence="Apache-2.0",
        load=_load_mutual_information,
        peak_memory_bytes=300 * MIB,
        understands=(),
    ),
)
"""Clip and sound to what sounds."""
