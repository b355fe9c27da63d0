"""What locating goes by, and what it says in the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Clip
from avfusion.errors import UsageError
from avfusion.pipelines.report import Report
from avfusion.sounding import Source, Sources


@dataclass(frozen=True)
class LocateSettings:
    """sources: at most so many are looked for. sounds_at: a source is shown in the steps in which the engine is at
    least so sure (0..1) that it sounds."""

    sources: int = 3
    sounds_at: float = 0.5

    def __post_init__(self) -> None:
        if self.sources < 1:
            raise UsageError(f"sources: {self.sources} is not a number of sources. Give 1 or more.")
        if not 0 < self.sounds_at <= 1:
            raise UsageError(f"sounds_at: {self.sounds_at:g} is out of range. Give a number above 0, up to 1.")


@dataclass(frozen=True)
class Heard:
    """One source, as a report has it. spans: seconds (start, end) after the first frame in which it sounds, rising.

    pivots: the frames of the clip on which it was found.
    """

    number: int
    name: str
    name_confidence: float
    confidence: float
    spans: tuple[tuple[float, float], ...]
    pivots: tuple[int, ...]

    @property
    def label(self) -> str:
        """What people read: its name, or its number where it has none."""
        return self.name or f"source {self.number}"


@dataclass(frozen=True)
class Controlled:
    """What changed with another sound: `avfusion.pipelines.locate_controls.Control` in plain values."""

    kind: str
    iou: float | None
    gone: float | None
    abstained: str
    words: str


@dataclass(frozen=True)
class LocateReport(Report):
    """What makes the sound, the surest first. abstained: why nothing is shown; "" where something is.

    step_s: how long the steps are of which `sounds` (by number, confidence 0..1 a step) says whether a source sounds.
    worst: where a click would help the masks most: frame, object, confidence; None where nothing is doubtful. controls:
    what was found without the sound and with another one, where that was asked for.
    """

    sources: tuple[Heard, ...] = ()
    abstained: str = ""
    step_s: float = 1.0
    sounds: Mapping[int, tuple[float, ...]] = field(default_factory=dict)
    worst: Mapping[str, float] | None = None
    controls: tuple[Controlled, ...] = ()

    def as_json(self) -> dict[str, Any]:
        plain = super().as_json()
        del plain["sounds"]
        return plain | {"sources": [source_as_json(source, self.sounds[source.number]) for source in self.sources]}


def source_as_json(heard: Heard, sounds: Sequence[float]) -> dict[str, Any]:
    return {
        "number": heard.number,
        "name": heard.name,
        "name_confidence": round(heard.name_confidence, 4),
        "confidence": round(heard.confidence, 4),
        "spans_s": [[round(start_s, 3), round(end_s, 3)] for start_s, end_s in heard.spans],
        "sounds": [round(float(sure), 4) for sure in sounds],
        "pivots": list(heard.pivots),
    }


def heard_of(clip: Clip, sources: Sources, settings: LocateSettings) -> tuple[Heard, ...]:
    """Every source for the report. clip: the part in which they were looked for."""
    return tuple(
        Heard(
            number=source.number,
            name=source.name,
            name_confidence=source.name_confidence,
            confidence=source.confidence,
            spans=spans_of(source, sources.step_s, float(clip.duration_s), settings),
            pivots=tuple(sorted({int(prompt.frame) for prompt in source.prompts})),
        )
        for source in sources.found
    )


def spans_of(
    source: Source, step_s: float, duration_s: float, settings: LocateSettings
) -> tuple[tuple[float, float], ...]:
    """Seconds (start, end) after the first frame in which a source sounds; neighbouring steps are one span."""
    on: NDArray[np.int8] = (source.sounds >= settings.sounds_at).astype(np.int8)
    edges = np.flatnonzero(np.diff(on, prepend=np.int8(0), append=np.int8(0)))
    spans = [(float(start) * step_s, min(float(stop) * step_s, duration_s)) for start, stop in edges.reshape(-1, 2)]
    return tuple((start_s, end_s) for start_s, end_s in spans if start_s < end_s)
