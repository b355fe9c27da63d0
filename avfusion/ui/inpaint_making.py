"""What a removal hands out: the result, what was seen and what was invented, and copies that a browser plays."""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from avfusion.clip import Clip, Rgb, Yuv
from avfusion.compositing.background import planes_like
from avfusion.media.cut import cut
from avfusion.media.probe import probe
from avfusion.media.write import Encoding, write_video
from avfusion.pipelines.progress import OnProgress, ShouldStop, Teller
from avfusion.pipelines.remove import RemoveReport, RemoveSettings, remove
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
    """file: to download. before, after: of a clip, files to play; `before` starts offset_s earlier. clip: the part."""

    clip: Clip
    file: Path
    map: Path
    report: RemoveReport
    before: Path | None = None
    after: Path | None = None
    offset_s: float = 0.0


def is_still(clip: Clip) -> bool:
    return clip.frame_count == 1


def make(visit: InpaintVisit, clip: Clip, wish: Wish, on_progress: OnProgress, should_stop: ShouldStop) -> Outcome:
    """Follows the object unless that was done for these clicks, removes it, and copies what a browser cannot play."""
    tracking, notes = followed(visit, clip, wish.wanted, on_progress, should_stop)
    if visit.given is not None and tracking.track is visit.given.tracking.track:
        notes = (_GIVEN,)
    span = wish.wanted.span
    with visit.folder_for("result") as folder:
        stem = f"{clip.path.stem}-{'replaced' if wish.settings.replace else 'removed'}"
        file = folder / f"{stem}{wish.ending}"
        map_out = folder / f"{stem}-map{'.png' if is_still(clip) else '.mp4'}"
        report = remove(
            clip, out=file, masks=tracking.track, engine=wish.engine, span=span,
            settings=replace(wish.settings, map_out=map_out), on_progress=on_progress, should_stop=should_stop,
        )  # fmt: skip
        report = replace(
            report,
            engines={**report.engines, **tracking.engines},
            revisions={**tracking.revisions, **report.revisions},
            devices={**report.devices, **tracking.devices},
            stages_s={**tracking.stages_s, **report.stages_s},
            notes=tuple(note for note in (*notes, *report.notes) if note),
        )
        part = cut(clip, *span) if span else clip
        outcome = Outcome(part, file, map_out, report)
        if is_still(clip):
            return outcome
        teller = Teller("playing", part.frame_count, on_progress, should_stop)
        after = file if wish.ending in _PLAYABLE else _copied(part, _pictures_of(file), folder / "after.mp4", teller)
        if _plays(clip):
            offset_s = float(clip.time(span[0]) - clip.time(0)) if span else 0.0
            return replace(outcome, before=clip.path, after=after, offset_s=offset_s)
        teller = Teller("playing", part.frame_count, on_progress, should_stop)
        return replace(outcome, before=_copied(part, _frames_of(part), folder / "before.mp4", teller), after=after)


def _plays(clip: Clip) -> bool:
    is_known = any(name in clip.container for name in _PLAYABLE_CONTAINERS)
    return is_known and clip.codec in _PLAYABLE_CODECS and clip.bit_depth == 8


def _copied(part: Clip, pictures: Iterator[Rgb], out: Path, teller: Teller) -> Path:
    def planes() -> Generator[Yuv, None, None]:
        for rgb in pictures:
            teller.step()
            yield planes_like(part, rgb)

    with contextlib.closing(planes()) as made:
        write_video(out, made, clip=part, encoding=_COPY)
    return out


def _frames_of(clip: Clip) -> Iterator[Rgb]:
    with contextlib.closing(clip.frames()) as frames:
        for frame in frames:
            yield frame.rgb


def _pictures_of(file: Path) -> Iterator[Rgb]:
    """The pictures of a file that was written: of a video, an animation, or a ZIP of PNGs."""
    if file.suffix != ".zip":
        yield from _frames_of(probe(file))
        return
    with zipfile.ZipFile(file) as archive:
        for name in sorted(archive.namelist()):
            data = np.frombuffer(archive.read(name), np.uint8)
            yield cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
