"""clip + prompts -> masks in files."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Clip, Frame, MaskTrack, Prompt, Yuv
from avfusion.compositing.background import planes_like
from avfusion.errors import UnknownFormat
from avfusion.media.cut import cut, cut_track
from avfusion.media.formats import format_of
from avfusion.media.masks import overlay, write_mask_folder, write_rle
from avfusion.media.target import refuse_inputs, refuse_target
from avfusion.media.write import write_video
from avfusion.pipelines.frame import as_clip
from avfusion.pipelines.keep import Keep, scratch
from avfusion.pipelines.progress import OnProgress, ShouldStop, Teller
from avfusion.pipelines.report import Report
from avfusion.pipelines.track import track

Kind = Literal["auto", "masks", "rle", "overlay", "matte"]


def segment(
    clip: Clip | Path | str,
    prompts: Sequence[Prompt],
    *,
    out: Path | str,
    kind: Kind = "auto",
    engine: str = "auto",
    segmenter: str = "auto",
    locator: str = "auto",
    device: str = "auto",
    span: tuple[int, int] | None = None,
    keep: Keep | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> Report:
    """Masks of the prompted objects through the clip, written to `out`.

    kind `auto` goes by the ending: a folder gets palette PNGs, `.json` COCO RLE, a video the overlay; `matte` writes
    the object white on black. span: only frames start..stop-1, numbered from 0 in what is written. keep: what a killed
    run leaves for the next. Raises what `track` and `avfusion.media.write` raise.
    """
    clip, out = as_clip(clip), Path(out)
    kind = kind_of(out) if kind == "auto" else kind
    if kind in ("overlay", "matte"):
        format_of(out)
    refuse_inputs(out, [clip.path])
    refuse_target(out, folder=kind == "masks")
    with scratch(keep) as folder:
        tracking = track(
            clip, prompts, folder=folder, engine=engine, segmenter=segmenter, locator=locator, device=device,
            span=span, keep=keep, on_progress=on_progress, should_stop=should_stop,
        )  # fmt: skip
        found = cut_track(tracking.track, *tracking.span)
        clip = cut(clip, *tracking.span)
        teller = Teller("rendering", clip.frame_count, on_progress, should_stop)
        notes = write_track(clip, found, out, kind, teller)
    return Report(
        verb="segment",
        out=out,
        frames=clip.frame_count,
        width_px=clip.width_px,
        height_px=clip.height_px,
        duration_s=float(clip.duration_s),
        engines=tracking.engines,
        revisions=tracking.revisions,
        devices=tracking.devices,
        stages_s={**tracking.stages_s, "rendering": teller.seconds},
        notes=(*clip.notes, *tracking.notes, *notes),
    )


def kind_of(out: Path) -> Kind:
    """What `segment` writes to a path of this ending. Raises `UnknownFormat`."""
    kinds: dict[str, Kind] = {"": "masks", ".json": "rle", ".mp4": "overlay", ".webm": "overlay", ".mov": "overlay"}
    if out.suffix.lower() not in kinds:
        raise UnknownFormat(f"{out}: masks go to a folder of PNGs, .json (COCO RLE), or .mp4, .webm or .mov (overlay).")
    return kinds[out.suffix.lower()]


def write_track(clip: Clip, track: MaskTrack, out: Path, kind: Kind, teller: Teller) -> tuple[str, ...]:
    """Writes a finished track in one of the forms of `segment`; returns notes."""
    if kind == "masks":
        write_mask_folder(track, out, lambda _: teller.step())
        return ()
    if kind == "rle":
        write_rle(track, clip, out, lambda _: teller.step())
        return ()
    draw = _overlay_planes if kind == "overlay" else _matte_planes
    with contextlib.closing(_drawn(clip, track, draw, teller)) as pictures:
        return write_video(out, pictures, clip=clip, sound=kind == "overlay").notes


def _drawn(
    clip: Clip, track: MaskTrack, draw: Callable[[Clip, Frame, NDArray[np.uint8]], Yuv], teller: Teller
) -> Generator[Yuv, None, None]:
    with contextlib.closing(clip.frames()) as frames:
        for frame in frames:
            teller.step()
            yield draw(clip, frame, track.labels(frame.index))


def _overlay_planes(clip: Clip, frame: Frame, labels: NDArray[np.uint8]) -> Yuv:
    return planes_like(clip, overlay(frame.rgb, labels))


def _matte_planes(clip: Clip, frame: Frame, labels: NDArray[np.uint8]) -> Yuv:
    return grey_planes(clip, np.where(labels > 0, 255, 0).astype(np.uint8))


def grey_planes(clip: Clip, values: NDArray[np.uint8]) -> Yuv:
    """A grey picture (uint8 [H, W]) as planes in the clip's range."""
    height, width = values.shape
    luma = values if clip.colour.full_range else cv2.convertScaleAbs(values, alpha=219 / 255, beta=16)
    neutral = np.full((-(-height // 2), -(-width // 2)), 128, np.uint8)
    return luma, neutral, neutral
