"""What a page gives its visitors: sizes, times and disk, from environment variables, all of them in one table."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from avfusion.clip import Clip
from avfusion.errors import UsageError
from avfusion.media.limits import USUAL, Limits, check_bytes
from avfusion.media.probe import probe
from avfusion.ui.disk import DISK

OFF = float("inf")


@dataclass(frozen=True)
class PageLimits:
    """What this page gives. A limit that is off is infinite. The fields' units are those of the variables."""

    upload_mb: float
    seconds: float
    pixels: float
    gigapixels: float
    run_seconds: float
    visitor_seconds_per_hour: float
    runs_at_once: float
    waiting: float
    disk_gb: float
    keep_hours: float
    gpu_turn_seconds: float

    @property
    def of_files(self) -> Limits:
        """What is asked of every file before it is decoded."""
        return Limits(
            pixels=self.pixels, frames=USUAL.frames, seconds=self.seconds, work_pixels=self.gigapixels * 1e9,
            file_bytes=self.upload_mb * 1e6,
        )  # fmt: skip


@dataclass(frozen=True)
class Setting:
    """A variable, what it is without one, on a page of one's own and on a Space or a shared link; and what it says."""

    field: str
    variable: str
    usual: float
    in_public: float
    says: str


SETTINGS = (
    Setting("upload_mb", "AVFUSION_MAX_UPLOAD_MB", 2048, 500, "megabytes of one file"),
    Setting("seconds", "AVFUSION_MAX_SECONDS", 86_400, 900, "seconds of a clip or recording"),
    Setting("pixels", "AVFUSION_MAX_PIXELS", USUAL.pixels, 50e6, "pixels of a picture or frame, width x height"),
    Setting("gigapixels", "AVFUSION_MAX_GIGAPIXELS", 200, 30, "width x height x frames of a clip, in 1e9 pixels"),
    Setting("run_seconds", "AVFUSION_RUN_SECONDS", OFF, 1200, "seconds that one run may work"),
    Setting(
        "visitor_seconds_per_hour", "AVFUSION_VISITOR_SECONDS_PER_HOUR", OFF, 1800,
        "seconds that one visitor's runs may work within an hour",
    ),
    Setting("runs_at_once", "AVFUSION_RUNS_AT_ONCE", max(1, (os.cpu_count() or 2) // 2), 1, "runs that work at a time"),
    Setting("waiting", "AVFUSION_MAX_WAITING", 64, 64, "runs that may wait for their turn"),
    Setting("disk_gb", "AVFUSION_MAX_DISK_GB", 100, 20, "gigabytes that visitors' files may fill"),
    Setting("gpu_turn_seconds", "AVFUSION_GPU_TURN_SECONDS", 60, 60, "seconds of a ZeroGPU card asked for at once"),
    Setting("keep_hours", "AVFUSION_KEEP_HOURS", 24, 3, "hours that files of visitors stay whom nobody sees any more"),
)  # fmt: skip


def page_limits(environment: Mapping[str, str] | None = None, *, is_shared: bool = False) -> PageLimits:
    """The limits as the environment has them. is_shared: whether the page gets a public link.

    Raises `UsageError`, naming the variable, for what is no amount.
    """
    environment = os.environ if environment is None else environment
    is_public = is_shared or bool(environment.get("SPACE_ID"))
    return PageLimits(**{each.field: _amount(each, environment, is_public=is_public) for each in SETTINGS})


def brought(path: Path) -> Clip:
    """The clip in a file that a visitor brings. Raises what probing raises, and `OverLimit` while the disk is full.

    The limits are those in force.
    """
    DISK.check()
    check_bytes(path, Limits())
    return probe(path)


def _amount(setting: Setting, environment: Mapping[str, str], *, is_public: bool) -> float:
    written = environment.get(setting.variable, "").strip()
    if not written:
        return setting.in_public if is_public else setting.usual
    if written.lower() == "off":
        return OFF
    try:
        amount = float(written)
    except ValueError:
        amount = 0.0
    if not 0 < amount < OFF:
        raise UsageError(
            f"{setting.variable}={written[:80]}: not an amount. Give {setting.says}, such as "
            f"{setting.in_public:g}, or off."
        )
    return amount
