"""What a run did, for people and for programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Report:
    """engines: ability -> name of the engine that did it. stages_s: seconds spent in each stage.

    flicker: how much the edges waver beyond the picture's own motion, 0..1 (`avfusion.metrics.flicker`); None where no
    edges were rendered.
    """

    verb: str
    out: Path
    frames: int
    width_px: int
    height_px: int
    duration_s: float
    engines: Mapping[str, str]
    device: str
    stages_s: Mapping[str, float]
    notes: tuple[str, ...] = ()
    flicker: float | None = None

    def as_json(self) -> dict[str, Any]:
        stages_s = {stage: round(seconds, 3) for stage, seconds in self.stages_s.items()}
        return asdict(self) | {"out": str(self.out), "stages_s": stages_s, "engines": dict(self.engines)}
