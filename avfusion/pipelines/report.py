"""What a run did, for people and for programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Report:
    """width_px, height_px: of the pictures in the file that was written.

    engines: ability -> name of the engine that did it. stages_s: seconds spent in each stage.

    revisions: ability -> which weights that engine has; those without any are left out. devices: ability -> where the
    engine worked; nothing for masks that were given.

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
    stages_s: Mapping[str, float]
    notes: tuple[str, ...] = ()
    flicker: float | None = None
    revisions: Mapping[str, str] = field(default_factory=dict)
    devices: Mapping[str, str] = field(default_factory=dict)

    @property
    def device(self) -> str:
        """The card that an engine worked on, or "cpu"; several with commas."""
        cards = sorted(set(self.devices.values()) - {"cpu"})
        return ", ".join(cards) or "cpu"

    def as_json(self) -> dict[str, Any]:
        plain = {name: dict(getattr(self, name)) for name in ("engines", "revisions", "devices")}
        stages_s = {stage: round(seconds, 3) for stage, seconds in self.stages_s.items()}
        return asdict(self) | plain | {"out": str(self.out), "device": self.device, "stages_s": stages_s}
