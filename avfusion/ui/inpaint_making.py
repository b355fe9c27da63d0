"""What a removal hands out: the result, what was seen and what was invented, and copies that a browser plays."""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from avfusion.clip import Clip, Drawn, Mask, Rgb, Yuv
from avfusion.compositing.background import planes_like
from avfusion.media.cut import cut
from avfusion.media.pictures import is_picture
from avfusion.media.probe import probe
from avfusion.media.write import Encoding, write_video
from avfusion.pipelines.progress import OnProgress, ShouldStop, Teller
from avfusion.pipelines.remove import RemoveReport, RemoveSettings, remove
from avfusion.pipelines.track import Tracking
from avfusion.ui.following import followed
from avfusion.ui.inpaint_visit import InpaintVisit
from avfusion.ui.visit import TrackOf

# What a browser plays as it is: by the endings that are written, and by what a source was probed to be.
_PLAYABLE = (".mp4", ".webm")
_PLAYABLE_CODECS = ("h264", "vp8", "vp9", "av1")
_PLAYABLE_CONTAINERS = ("mp4", "webm", "mov")
_COPY = Encoding(quality=20, preset="ultrafast")
_GIVEN = "The masks that were given were used."


@dataclass(frozen=True)
class Wish:
    """What the visitor chose before they pressed Run. engine: the inpainter."""

    wanted: TrackOf
    engine: str
    ending: str
    settings: RemoveSettings


@dataclass(frozen=True)
class Outcome:
    """file: to download. before, after: of a clip, files to play; `before` starts offset_s earlier. clip: the part.

    A picture has neither; a part of a clip has them however short it is.

    middle: where the hole is, 0..1 of the width, for the border between before and after.
    """

    clip: Clip
    file: Path
    map: Path
    report: RemoveReport
    before: Path | None = None
    after: Path | None = None
    offset_s: float = 0.0
    middle: float = 0.5


def is_still(clip: Clip) -> bool:
    """Whether it is a picture: one frame of a clip is still a clip."""
    return clip.frame_count == 1 and is_picture(clip.path)


def make(visit: InpaintVisit, clip: Clip, wish: Wish, on_progress: OnProgress, should_stop: ShouldStop) -> Outcome:
    """Follows the object unless that was done for these clicks, removes it, and copies what a browser cannot play."""
    tracking, notes = followed(visit, clip, wish.wanted, on_progress, should_stop)
    span = wish.wanted.span
    with visit.folder_for("result") as folder:
        stem = f"{clip.path.stem}-{'replaced' if wish.settings.replace else 'removed'}"
        file = folder / f"{stem}{wish.ending}"
        map_out = folder / f"{stem}-map{'.png' if is_still(clip) else '.mp4'}"
        report = remove(
            clip, out=file, masks=tracking.track, engine=wish.engine, span=span,
            settings=replace(wish.settings, map_out=map_out), on_progress=on_progress, should_stop=should_stop,
        )  # fmt: skip
        worked = _what_worked(visit, clip, wish, tracking)
        report = _with_tracking(report, worked, _notes(tracking, worked, notes))
        part = cut(clip, *span) if span else clip
        first = span[0] if span else 0
        outcome = Outcome(part, file, map_out, report, middle=middle_of(tracking.track.union(first)))
        if is_still(clip):
            return outcome
        teller = Teller("playing", part.frame_count, on_progress, should_stop)
        after = file if wish.ending in _PLAYABLE else copied(part, _pictures_of(file), folder / "after.mp4", teller)
        if plays(clip):
            offset_s = float(clip.time(span[0]) - clip.time(0)) if span else 0.0
            return replace(outcome, before=clip.path, after=after, offset_s=offset_s)
        teller = Teller("playing", part.frame_count, on_progress, should_stop)
        return replace(outcome, before=copied(part, frames_of(part), folder / "before.mp4", teller), after=after)


def middle_of(mask: Mask) -> float:
    """Where a mask lies from left to right, 0..1 of the width; never quite at the edge."""
    columns = np.flatnonzero(mask.any(axis=0))
    return min(max(float(columns.mean()) / mask.shape[1], 0.08), 0.92) if len(columns) else 0.5


def _what_worked(visit: InpaintVisit, clip: Clip, wish: Wish, tracking: Tracking) -> Tracking:
    """The tracking with those engines alone that had something to do."""
    if visit.given is not None and tracking.track is visit.given.tracking.track:
        return replace(tracking, notes=(_GIVEN,))
    idle = {"tracking"} if clip.frame_count == 1 else set()
    if all(isinstance(prompt, Drawn) for prompt in wish.wanted.prompts):
        idle.add("segmentation")
    return replace(tracking, used={ability: one for ability, one in tracking.used.items() if ability not in idle})


def _notes(tracking: Tracking, worked: Tracking, notes: Sequence[str]) -> tuple[str, ...]:
    """Without why engines were taken that had nothing to do."""
    if not worked.used:
        return worked.notes if worked.notes == (_GIVEN,) else ()
    silent = {one.why for ability, one in tracking.used.items() if ability not in worked.used}
    return tuple(note for note in notes if note not in silent)


def _with_tracking(report: RemoveReport, worked: Tracking, notes: Sequence[str]) -> RemoveReport:
    """The report of a removal with given masks, as if it had followed the object itself."""
    own = {ability: name for ability, name in report.engines.items() if ability == "inpainting"}
    return replace(
        report,
        engines={**worked.engines, **own},
        revisions={**worked.revisions, **report.revisions},
        devices={**worked.devices, "inpainting": report.devices["inpainting"]},
        stages_s={**worked.stages_s, **report.stages_s},
        notes=(*notes, *report.notes),
    )


def plays(clip: Clip) -> bool:
    is_known = any(name in clip.container for name in _PLAYABLE_CONTAINERS)
    return is_known and clip.codec in _PLAYABLE_CODECS and clip.bit_depth == 8


def copied(part: Clip, pictures: Iterator[Rgb], out: Path, teller: Teller) -> Path:
    def planes() -> Generator[Yuv, None, None]:
        for rgb in pictures:
            teller.step()
            yield planes_like(part, rgb)

    with contextlib.closing(planes()) as made:
        write_video(out, made, clip=part, encoding=_COPY)
    return out


def frames_of(clip: Clip) -> Iterator[Rgb]:
    with contextlib.closing(clip.frames()) as frames:
        for frame in frames:
            yield frame.rgb


def _pictures_of(file: Path) -> Iterator[Rgb]:
    """The pictures of a file that was written: of a video, an animation, or a ZIP of PNGs."""
    if file.suffix != ".zip":
        yield from frames_of(probe(file))
        return
    with zipfile.ZipFile(file) as archive:
        for name in sorted(archive.namelist()):
            data = np.frombuffer(archive.read(name), np.uint8)
            yield cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
