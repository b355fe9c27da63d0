"""What a run of the Fusion tab does on its thread: follows, fuses, and copies what a browser cannot play."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from avfusion.clip import Clip
from avfusion.media.cut import cut
from avfusion.media.probe import probe
from avfusion.pipelines.fuse import fuse
from avfusion.pipelines.fuse_settings import FuseReport
from avfusion.pipelines.progress import OnProgress, Progress, ShouldStop, Teller
from avfusion.pipelines.track import Tracking
from avfusion.ui.following import followed
from avfusion.ui.fusion_wish import FusionWish
from avfusion.ui.inpaint_making import copied, frames_of, middle_of, plays
from avfusion.ui.visit import Visit

_PLAYABLE = (".mp4", ".webm")
# How much of all the work following an object usually is, where it has not been followed before.
_FOLLOWING = 0.5


@dataclass(frozen=True)
class Outcome:
    """file: to download. page: the report for people. before, after: to be played; `before` starts offset_s earlier.

    clip: the part. middle: where the border between before and after begins, 0..1 of the width. has_old_sound: in
    `before`.
    """

    clip: Clip
    file: Path
    page: Path | None
    report: FuseReport
    before: Path
    after: Path
    offset_s: float
    middle: float
    has_old_sound: bool


def make(visit: Visit, wish: FusionWish, on_progress: OnProgress, should_stop: ShouldStop) -> Outcome:
    """The whole run. Raises what following and `fuse` raise."""
    clip, span = wish.clip, wish.wanted.span
    tracking: Tracking | None = None
    notes: tuple[str, ...] = ()
    fusing = on_progress
    if wish.wanted.prompts:
        is_known = visit.track_for(wish.wanted) is not None
        share = 0.0 if is_known else _FOLLOWING
        tracking, notes = followed(visit, clip, wish.wanted, _part_of(on_progress, 0.0, share), should_stop)
        fusing = _part_of(on_progress, share, 1.0)
    with visit.folder_for("fused") as folder:
        file, page = folder / f"{clip.path.stem}-fused{wish.ending}", folder / f"{clip.path.stem}-report.html"
        report = fuse(
            clip, out=file, background=wish.background, remove=wish.removed or None, voice=wish.voice,
            masks=tracking.track if tracking else None, inpainter=wish.inpainter, span=span, settings=wish.settings,
            report=page, on_progress=fusing, should_stop=should_stop,
        )  # fmt: skip
        if tracking is not None:
            report = replace(
                report, engines={**tracking.engines, **report.engines},
                revisions={**tracking.revisions, **report.revisions}, devices={**tracking.devices, **report.devices},
                stages_s={**tracking.stages_s, **report.stages_s}, notes=(*notes, *report.notes),
            )  # fmt: skip
        part = cut(clip, *span) if span else clip
        teller = Teller("playing", part.frame_count, on_progress, should_stop)
        after = file
        if file.suffix not in _PLAYABLE:
            after = copied(part, frames_of(probe(file)), folder / "after.mp4", teller)
        before, offset_s, has_old_sound = clip.path, 0.0, bool(clip.sounds)
        if plays(clip):
            offset_s = float(clip.time(span[0]) - clip.time(0)) if span else 0.0
        else:
            before, has_old_sound = copied(part, frames_of(part), folder / "before.mp4", teller), False
        middle = middle_of(tracking.track.union(span[0] if span else 0)) if tracking else 0.5
        return Outcome(
            part, file, page if page.is_file() else None, report, before, after, offset_s, middle, has_old_sound
        )


def _part_of(on_progress: OnProgress, start: float, stop: float) -> Callable[[Progress], None]:
    """Tells of work that is a part of the whole: from `start` to `stop` of its overall progress, 0..1."""

    def tell(now: Progress) -> None:
        own = now.done / max(1, now.total) if now.overall is None else now.overall
        on_progress(replace(now, overall=start + (stop - start) * min(1.0, own)))

    return tell
