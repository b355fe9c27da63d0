"""What a run hands out: the clip with its new background, something to look at in the page, and the masks."""

from __future__ import annotations

import re
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from avfusion.clip import Clip, MaskTrack
from avfusion.media.cut import cut, cut_track
from avfusion.media.target import whole_file
from avfusion.media.write import Encoding
from avfusion.pipelines.progress import OnProgress, Progress, ShouldStop, Teller
from avfusion.pipelines.report import Report
from avfusion.pipelines.segment import write_track
from avfusion.pipelines.swap import TRANSPARENT, SwapSettings, swap, write_matte
from avfusion.pipelines.track import Tracking
from avfusion.ui.following import followed
from avfusion.ui.span import Span
from avfusion.ui.visit import TrackOf, Visit

Export = Literal["masks", "rle", "matte"]
# What a browser plays as it is. A transparent WebM would show the page through, so it gets a preview as well.
_PLAYABLE = (".mp4", ".webm")
_PREVIEW_ENCODING = Encoding(quality=23, preset="ultrafast")


@dataclass(frozen=True)
class Wish:
    """What the visitor chose before they pressed Run. background: as `swap` takes it."""

    wanted: TrackOf
    background: str
    ending: str
    settings: SwapSettings


@dataclass(frozen=True)
class Outcome:
    """file: to download. shown: the same, or a preview that plays in the page."""

    file: Path
    shown: Path
    report: Report


def make(visit: Visit, clip: Clip, wish: Wish, on_progress: OnProgress, should_stop: ShouldStop) -> Outcome:
    """Tracks the object unless the track of these clicks is there already, renders, and makes a preview if need be."""
    tracking, notes = _tracking(visit, clip, wish, on_progress, should_stop)
    with visit.folder_for("result") as folder:
        file = folder / f"{clip.path.stem}-{_word_for(wish.background)}{wish.ending}"
        report = swap(
            clip, background=wish.background, out=file, masks=tracking.track if tracking else None,
            span=wish.wanted.span, settings=wish.settings, on_progress=on_progress, should_stop=should_stop,
        )  # fmt: skip
        if tracking is not None:
            stages_s = {**tracking.stages_s, **report.stages_s}
            report = replace(
                report, engines=tracking.engines, revisions=tracking.revisions, devices=tracking.devices,
                stages_s=stages_s, notes=(*notes, *report.notes),
            )  # fmt: skip
        if file.suffix in _PLAYABLE and wish.background != TRANSPARENT:
            return Outcome(file, file, report)
        preview, took_s = _preview(clip, wish, tracking, folder, on_progress, should_stop)
        return Outcome(file, preview, replace(report, stages_s={**report.stages_s, "preview": took_s}))


def _tracking(
    visit: Visit, clip: Clip, wish: Wish, on_progress: OnProgress, should_stop: ShouldStop
) -> tuple[Tracking | None, tuple[str, ...]]:
    """The masks through the clip, and notes. None: the clip's own alpha is the matte."""
    if not wish.wanted.prompts and clip.has_alpha:
        return None, ()
    return followed(visit, clip, wish.wanted, on_progress, should_stop)


def _preview(
    clip: Clip, wish: Wish, tracking: Tracking | None, folder: Path, on_progress: OnProgress, should_stop: ShouldStop
) -> tuple[Path, float]:
    """The same render as an mp4, over a checkerboard where the result is transparent; and the seconds it took."""
    settings = replace(wish.settings, encoding=_PREVIEW_ENCODING)
    background = wish.background
    if background == TRANSPARENT:
        background = str(_checkerboard(clip, folder / "checkerboard.png"))
        settings = replace(settings, fit="stretch", position=(0.5, 0.5), scale=1.0, light_wrap=0.0, colour_match=0.0)

    def tell(progress: Progress) -> None:
        on_progress(replace(progress, stage="preview"))

    report = swap(
        clip, background=background, out=folder / "preview.mp4", masks=tracking.track if tracking else None,
        span=wish.wanted.span, settings=settings, on_progress=tell, should_stop=should_stop,
    )  # fmt: skip
    return report.out, sum(report.stages_s.values())


def _checkerboard(clip: Clip, out: Path) -> Path:
    """A grey checkerboard of the clip's size: the usual sign for transparency."""
    side = max(8, min(clip.width_px, clip.height_px) // 30)
    rows, columns = np.ogrid[: clip.height_px, : clip.width_px]
    cv2.imwrite(str(out), np.where((rows // side + columns // side) % 2, 196, 240).astype(np.uint8))
    return out


def export(
    visit: Visit, clip: Clip, tracking: Tracking, span: Span | None, kind: Export, settings: SwapSettings,
    on_progress: OnProgress, should_stop: ShouldStop,
) -> Path:  # fmt: skip
    """The masks of a track as a zip of PNGs or COCO RLE, or the soft matte as a grey video. Nothing is tracked.

    As in the rendered clip, only the part between the in and out points is there, numbered from 0.
    """
    start, stop = span or (0, clip.frame_count)
    part, track = cut(clip, start, stop), cut_track(tracking.track, start, stop)
    teller = Teller("writing", part.frame_count, on_progress, should_stop)
    writers: dict[Export, tuple[str, Callable[[Path], object]]] = {
        "masks": ("-masks.zip", lambda out: _write_zip(part, track, out, teller)),
        "rle": ("-masks.json", lambda out: write_track(part, track, out, "rle", teller)),
        "matte": ("-matte.mp4", lambda out: write_matte(part, track, out, settings, teller)),
    }
    ending, write = writers[kind]
    with visit.folder_for(kind) as folder:
        out = folder / f"{clip.path.stem}{ending}"
        write(out)
    return out


def _write_zip(clip: Clip, track: MaskTrack, out: Path, teller: Teller) -> None:
    folder = out.with_suffix("")
    write_track(clip, track, folder, "masks", teller)
    with whole_file(out) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
        for picture in sorted(folder.iterdir()):
            archive.write(picture, picture.name)
    shutil.rmtree(folder)


def _word_for(background: str) -> str:
    """A word for a file name: #204060 -> 204060, /somewhere/the beach.jpg -> the-beach."""
    return re.sub(r"[^\w]+", "-", Path(background).stem).strip("-")[:40] or "background"
