"""What a removal is asked, and what it reports."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from avfusion.errors import UsageError
from avfusion.inpainting import Wish
from avfusion.media.write import Encoding
from avfusion.pipelines.report import Report

_MOST_STEPS = 1000


@dataclass(frozen=True)
class RemoveSettings:
    """What is put where the object was.

    words, unwanted, seed, steps, strength, guidance, feather_px: as in `avfusion.inpainting.Wish`. replace: what the
    words say takes the object's place, and nothing that was seen behind it is used. grow_px: how far the masks are
    grown first; None: as far as a picture of this size needs. shadows: what moves with the object and darkens or
    mirrors what it passes goes with it. each_frame: every frame is painted for itself, to compare with. map_out: a file
    for what was seen and what was invented: a video for a clip, a picture for a picture.
    """

    words: str = ""
    unwanted: str = ""
    replace: bool = False
    seed: int = 0
    steps: int = 30
    strength: float = 1.0
    guidance: float = 7.5
    feather_px: float = 8.0
    grow_px: float | None = None
    shadows: bool = False
    each_frame: bool = False
    map_out: Path | None = None
    encoding: Encoding = field(default_factory=Encoding)

    def __post_init__(self) -> None:
        if self.replace and not self.words.strip():
            raise UsageError("replace puts something else there: say what in words, or leave replace out.")
        if not 1 <= self.steps <= _MOST_STEPS:
            raise UsageError(f"{self.steps} steps: give 1 to {_MOST_STEPS}.")
        if not 0 < self.strength <= 1:
            raise UsageError(f"strength {self.strength:g}: give a number above 0, and 1 at most.")
        for name in ("guidance", "feather_px", "grow_px"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < float("inf"):
                raise UsageError(f"{name.removesuffix('_px')} {value:g}: give a number that is not below 0.")

    def wish(self) -> Wish:
        """What of it an inpainter is told."""
        return Wish(self.words, self.unwanted, self.seed, self.steps, self.strength, self.guidance, self.feather_px)


@dataclass(frozen=True)
class RemoveReport(Report):
    """What a run did, beside what every run reports.

    seen_share, invented_share: of the hole's pixels over all frames, what other frames showed there and what was made
    up; they add up to 1, and both are 0 without a hole. generations: how often a picture was painted. warp_error: how
    unsteady the hole is (`avfusion.metrics.inpaint`, by the result's own motion); None for a picture.
    """

    seen_share: float = 0.0
    invented_share: float = 0.0
    generations: int = 0
    warp_error: float | None = None
    map_out: Path | None = None

    def as_json(self) -> dict[str, Any]:
        return super().as_json() | {"map_out": None if self.map_out is None else str(self.map_out)}
