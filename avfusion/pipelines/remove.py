"""An object out of a clip or a picture, or something else in its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from avfusion.clip import Clip, Masks, Prompt
from avfusion.errors import UsageError
from avfusion.inpainting import Wish
from avfusion.media.write import Encoding
from avfusion.pipelines.progress import OnProgress, ShouldStop
from avfusion.pipelines.report import Report


@dataclass(frozen=True)
class RemoveSettings:
    """What is put where the object was.

    words, unwanted, seed, steps, strength, guidance, feather_px: as in `avfusion.inpainting.Wish`. replace: something
    else takes the object's place, and nothing that was seen behind it is used. grow_px: how far the masks are grown
    first; None: as far as a picture of this size needs. shadows: what moves with the object and darkens or mirrors what
    it passes goes with it. each_frame: every frame is painted for itself, to compare with. map_out: a file for what was
    seen and what was invented: a video for a clip, a picture for a picture.
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
        if not 1 <= self.steps <= 500:
            raise UsageError(f"{self.steps} steps: give 1 to 500.")
        if not 0 < self.strength <= 1:
            raise UsageError(f"strength {self.strength:g}: give a number above 0, and 1 at most.")
        if self.guidance < 0 or self.feather_px < 0 or (self.grow_px is not None and self.grow_px < 0):
            raise UsageError("guidance, feather and growth are no less than 0.")

    def wish(self) -> Wish:
        return Wish(self.words, self.unwanted, self.seed, self.steps, self.strength, self.guidance, self.feather_px)


@dataclass(frozen=True)
class RemoveReport(Report):
    """What a run did, beside what every run reports.

    seen_share, invented_share: of the hole's pixels over all frames, what other frames showed there and what was made
    up; they add up to 1, and both are 0 without a hole. generations: how often a picture was painted. warp_error: how
    unsteady the hole is (`avfusion.metrics.inpaint`); None for a picture.
    """

    seen_share: float = 0.0
    invented_share: float = 0.0
    generations: int = 0
    warp_error: float | None = None

    def as_json(self) -> dict[str, Any]:
        return super().as_json()


def remove(
    clip: Clip | Path | str,
    prompts: Sequence[Prompt] = (),
    *,
    out: Path | str,
    masks: Path | Masks | None = None,
    engine: str = "auto",
    tracker: str = "auto",
    segmenter: str = "auto",
    device: str = "auto",
    span: tuple[int, int] | None = None,
    settings: RemoveSettings | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> RemoveReport:
    """Writes `clip` to `out` without the object that the prompts or masks say, or with something else in its place.

    masks: a folder of PNGs or a finished track, instead of prompts. engine: the inpainter. span: only frames
    start..stop-1, and the sound that goes with them. Frames, times and sound are the source's, and so is every pixel
    outside the grown masks, before encoding. A still picture gives a picture: .png, .jpg or .webp. Raises what the
    rooms below raise, `Stopped` when `should_stop` says so; nothing half-written stays.
    """
    raise NotImplementedError
