"""A made audio-visual set on disk, in the layouts of the published ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from avfusion.datasets.avs_clip import AvsSample, check_setting
from avfusion.datasets.avs_write import write_avs
from avfusion.datasets.made import MadeSettings, made_avs
from avfusion.datasets.made_rvos import made_rvos
from avfusion.datasets.rvos_clip import RVOS_LAYOUTS, RvosLayout, RvosSample
from avfusion.datasets.rvos_write import write_rvos
from avfusion.errors import UsageError
from avfusion.media.target import refuse_target
from avfusion.pipelines.progress import OnProgress, ShouldStop, Teller

RVOS = "rvos"
MADE_SETTINGS = ("s4", "ms3", "avss", "ov", RVOS)

_Sample = TypeVar("_Sample", AvsSample, RvosSample)


@dataclass(frozen=True)
class MakeReport:
    """splits: how many clips there are of each. layout: of a referring set, else ""."""

    out: Path
    setting: str
    layout: str
    seed: int
    clips: int
    splits: dict[str, int]
    seconds: float

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"out": str(self.out)}


def make_avs(
    out: Path | str,
    *,
    setting: str,
    settings: MadeSettings,
    layout: str = "",
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> MakeReport:
    """Makes `settings.clips` clips into a new or empty folder: the same settings make the same bytes.

    setting: one of `MADE_SETTINGS`, "rvos" in the `layout` youtube, davis or mevis ("": mevis), of moving clips alone.
    Raises `UsageError`, `CannotWrite`, and `Stopped`, which leaves nothing behind.
    """
    out = Path(out)
    teller = Teller("making", settings.clips, on_progress, should_stop, unit="clips")
    splits: Counter[str] = Counter()

    def told(samples: Iterator[_Sample]) -> Iterator[_Sample]:
        teller.check()
        for sample in samples:
            splits[sample.split] += 1
            yield sample  # the writer comes back for more when this one is written
            teller.step()

    if setting not in MADE_SETTINGS:
        raise UsageError(f"--setting {setting}: no such set is made. There are: {', '.join(MADE_SETTINGS)}.")
    refuse_target(out, folder=True)
    if setting == RVOS and not settings.is_moving:
        raise UsageError(f"--no-video is not for --setting {RVOS}, which keeps every frame as a picture. Leave it out.")
    if setting == RVOS:
        chosen = _check_layout(layout or "mevis")
        written, layout = write_rvos(out, chosen, told(made_rvos(chosen, settings))), chosen
    elif layout:
        raise UsageError(f"--layout {layout} is for --setting {RVOS}, and this is {setting}. Leave it out.")
    else:
        checked = check_setting(setting)
        written = write_avs(out, checked, told(made_avs(checked, settings)))
    return MakeReport(out, setting, layout, settings.seed, written, dict(sorted(splits.items())), teller.seconds)


def _check_layout(name: str) -> RvosLayout:
    for layout in RVOS_LAYOUTS:
        if name == layout:
            return layout
    raise UsageError(f"--layout {name}: there is no such layout. There are: {', '.join(RVOS_LAYOUTS)}.")
