"""What a fusion is asked, and what it reports: what was changed, and that picture and sound are still together."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from avfusion.errors import UsageError
from avfusion.media.write import Encoding
from avfusion.pipelines.convert_voice_settings import VoiceReport
from avfusion.pipelines.remove_settings import RemoveSettings
from avfusion.pipelines.report import Report
from avfusion.pipelines.swap_settings import SwapSettings


@dataclass(frozen=True)
class FuseSettings:
    """How the picture is changed. There is one file, and so one encoding: those within `swap` and `remove` are left
    as they are."""

    swap: SwapSettings = field(default_factory=SwapSettings)
    remove: RemoveSettings = field(default_factory=RemoveSettings)
    encoding: Encoding = field(default_factory=Encoding)

    def __post_init__(self) -> None:
        for inner in (self.swap, self.remove):
            if inner.encoding != Encoding():
                raise UsageError("A fusion writes one file: say how in FuseSettings.encoding, and nowhere within it.")


@dataclass(frozen=True)
class Sync:
    """What the file that was written says beside its source, or beside the part of it that was taken.

    times_identical: every frame appears when it did, to the clock of the format; times_off_s: the most by which one
    does not, exactly. None: the format keeps no times. samples_before, samples_after: of the first sound track, each
    at its own rate; samples_equal: as many at the same rate. lag_s: how much later the sound is against the pictures
    (positive: late), drift_s: by how much more at the end than at the beginning. None: there is no sound to measure.
    """

    times_identical: bool | None
    times_off_s: float | None
    samples_before: int | None = None
    samples_after: int | None = None
    rate_before_hz: int | None = None
    rate_after_hz: int | None = None
    lag_s: float | None = None
    drift_s: float | None = None

    @property
    def samples_equal(self) -> bool | None:
        if self.samples_before is None or self.samples_after is None:
            return None
        return (self.samples_before, self.rate_before_hz) == (self.samples_after, self.rate_after_hz)

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"samples_equal": self.samples_equal}


@dataclass(frozen=True, kw_only=True)
class FuseReport(Report):
    """What a run did, beside what every run reports.

    changed: of "background", "remove" and "voice" what was asked for, without a voice that was not found.
    kept, removed: numbers of the objects, where they are known. seen_share, invented_share, generations, warp_error: as
    a removal has them; None where nothing was filled. voice: as a conversion reports it. page: where the HTML report
    lies.
    """

    changed: tuple[str, ...]
    sync: Sync
    kept: tuple[int, ...] = ()
    removed: tuple[int, ...] = ()
    seen_share: float | None = None
    invented_share: float | None = None
    generations: int | None = None
    warp_error: float | None = None
    map_out: Path | None = None
    voice: VoiceReport | None = None
    page: Path | None = None

    def as_json(self) -> dict[str, Any]:
        return super().as_json() | {
            "sync": self.sync.as_json(),
            "voice": None if self.voice is None else self.voice.as_json(),
            "map_out": None if self.map_out is None else str(self.map_out),
            "page": None if self.page is None else str(self.page),
        }
