"""clip + prompts -> masks: on one frame for a click, through the whole clip for a track, or out to files."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Clip, Frame, Mask, MaskTrack, Prompt, Yuv
from avfusion.compositing.background import planes_like
from avfusion.engines.catalogue import choose
from avfusion.engines.registry import lend
from avfusion.errors import NoPrompt, UnknownFormat
from avfusion.media.formats import format_of
from avfusion.media.masks import TrackFolder, overlay, write_mask_folder, write_rle
from avfusion.media.probe import probe
from avfusion.media.target import refuse_inputs
from avfusion.media.write import write_video
from avfusion.pipelines.progress import OnProgress, ShouldStop, Teller
from avfusion.pipelines.prompts import by_frame, check
from avfusion.pipelines.report import Report
from avfusion.segmentation import Segmented
from avfusion.tracking import Tracker

Kind = Literal["auto", "masks", "rle", "overlay", "matte"]

KeyMasks: TypeAlias = Mapping[int, Mapping[int, Mask]]
"""frame -> object -> the mask that the prompts on that frame give."""


@dataclass(frozen=True, eq=False)
class Tracking:
    """A finished track, and how it came about."""

    track: MaskTrack
    engines: Mapping[str, str]
    stages_s: Mapping[str, float]
    notes: tuple[str, ...] = ()


def as_clip(source: Clip | Path | str) -> Clip:
    return source if isinstance(source, Clip) else probe(Path(source))


def one_frame(clip: Clip, index: int) -> Frame:
    """A single frame; nothing stays open."""
    with contextlib.closing(clip.frames(index, index + 1)) as frames:
        return next(frames)


def mask_frame(
    clip: Clip, prompts: Sequence[Prompt], *, frame: int, segmenter: str = "auto", device: str = "auto"
) -> Segmented:
    """Masks of the objects that the prompts on `frame` point at. Raises `NoPrompt` when there is none on it."""
    own = [prompt for prompt in prompts if prompt.frame == frame]
    if not own:
        raise NoPrompt(f"{clip.path}: there is no click on frame {frame}.")
    for prompt in own:
        check(clip, prompt)
    choice = choose("segmentation", segmenter)
    picture = one_frame(clip, frame)
    with lend(choice.engine.name, "segmentation", device) as engine:
        return engine.segment(picture.rgb, own)


def track(
    clip: Clip,
    prompts: Sequence[Prompt],
    *,
    folder: Path,
    engine: str = "auto",
    segmenter: str = "auto",
    device: str = "auto",
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> Tracking:
    """Masks of every prompted object on every frame, written under `folder`.

    Each frame with prompts is a key frame: what they say there holds there exactly. From it the tracker goes forwards
    to the next key frame, and backwards half-way to the one before, or to the start where there is none.
    """
    keys = by_frame(clip, prompts)
    tracker_choice = choose("tracking", engine)
    segmenter_choice = choose("segmentation", segmenter)
    given = {
        frame: dict(mask_frame(clip, log, frame=frame, segmenter=segmenter_choice.engine.name, device=device).masks)
        for frame, log in keys.items()
    }
    spans = _backward_spans(given)
    total = clip.frame_count - min(given) + sum(key - stop for key, stop in spans.items())
    teller = Teller("tracking", total, on_progress, should_stop)
    with lend(tracker_choice.engine.name, "tracking", device) as tracker:
        out = TrackFolder(
            folder,
            width_px=clip.width_px,
            height_px=clip.height_px,
            frame_count=clip.frame_count,
            engine=tracker_choice.engine.name,
        )
        _forwards(clip, tracker, given, out, teller)
        for key in sorted(spans, reverse=True):
            _backwards(clip, tracker, given, key, out, teller)
    return Tracking(
        track=out.track(),
        engines={"segmentation": segmenter_choice.engine.name, "tracking": tracker_choice.engine.name},
        stages_s={"tracking": teller.seconds},
        notes=tuple(choice.why for choice in (segmenter_choice, tracker_choice) if choice.why),
    )


def _backward_spans(given: KeyMasks) -> dict[int, int]:
    """key frame -> the lowest frame that going backwards from it has to reach."""
    spans = {}
    for key, masks in given.items():
        stop = min(_reach(given, key, number) for number in masks)
        if stop < key:
            spans[key] = stop
    return spans


def _reach(given: KeyMasks, key: int, number: int) -> int:
    """How far back the word of `key` counts for an object: half-way to its last key frame, or to the start."""
    before = [frame for frame, masks in given.items() if frame < key and number in masks]
    return (max(before) + key) // 2 + 1 if before else 0


def _forwards(clip: Clip, tracker: Tracker, given: KeyMasks, out: TrackFolder, teller: Teller) -> None:
    state = None
    current: dict[int, Mask] = {}
    with contextlib.closing(clip.frames(min(given))) as frames:
        for frame in frames:
            confidence: Mapping[int, float] = {}
            if state is not None:
                tracked = state.step(frame)
                current, confidence = dict(tracked.masks), tracked.confidence
            if frame.index in given:
                current = _overruled(current, given[frame.index])
                confidence = dict(confidence) | dict.fromkeys(given[frame.index], 1.0)
                state = tracker.begin(frame, current)
            for number, mask in current.items():
                out.put(frame.index, number, mask, float(confidence[number]))
            teller.step(partial(_shown, frame, current))


def _backwards(clip: Clip, tracker: Tracker, given: KeyMasks, key: int, out: TrackFolder, teller: Teller) -> None:
    reach = {number: _reach(given, key, number) for number in given[key]}
    written = out.track()
    state = tracker.begin(one_frame(clip, key), given[key])
    with contextlib.closing(clip.frames(min(reach.values()), key, backwards=True)) as frames:
        for frame in frames:
            tracked = state.step(frame)
            masks = {number: mask for number, mask in tracked.masks.items() if frame.index >= reach[number]}
            others = {number: written.mask(frame.index, number) for number in written.objects if number not in masks}
            for number, mask in _overruled(others, masks).items():
                confidence = tracked.confidence.get(number) if number in masks else None
                if confidence is None:
                    confidence = float(written.confidence[number][frame.index])
                out.put(frame.index, number, mask, float(confidence))
            teller.step(partial(_shown, frame, masks))


def _overruled(masks: Mapping[int, Mask], by: Mapping[int, Mask]) -> dict[int, Mask]:
    """Both together; where they overlap, `by` has the pixel."""
    if not by:
        return dict(masks)
    taken = np.logical_or.reduce(list(by.values()))
    return {number: mask & ~taken for number, mask in masks.items() if number not in by} | dict(by)


def _shown(frame: Frame, masks: Mapping[int, Mask]) -> NDArray[np.uint8]:
    height, width = frame.rgb.shape[:2]
    labels = np.zeros((height, width), np.uint8)
    for number, mask in masks.items():
        labels[mask] = number
    scale = min(1.0, 640 / max(height, width))
    size = (round(width * scale), round(height * scale))
    small = cv2.resize(frame.rgb, size, interpolation=cv2.INTER_AREA)
    return overlay(small, cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST))


def segment(
    clip: Clip | Path | str,
    prompts: Sequence[Prompt],
    *,
    out: Path | str,
    kind: Kind = "auto",
    engine: str = "auto",
    segmenter: str = "auto",
    device: str = "auto",
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> Report:
    """Masks of the prompted objects through the clip, written to `out`.

    kind `auto` goes by the ending: a folder gets palette PNGs, `.json` COCO RLE, a video the overlay; `matte` writes
    the object white on black. Raises what `track` and `avfusion.media.write` raise.
    """
    clip, out = as_clip(clip), Path(out)
    kind = kind_of(out) if kind == "auto" else kind
    if kind in ("overlay", "matte"):
        format_of(out)
    refuse_inputs(out, [clip.path])
    with tempfile.TemporaryDirectory(prefix="avfusion-") as folder:
        tracking = track(
            clip, prompts, folder=Path(folder), engine=engine, segmenter=segmenter, device=device,
            on_progress=on_progress, should_stop=should_stop,
        )  # fmt: skip
        teller = Teller("rendering", clip.frame_count, on_progress, should_stop)
        notes = write_track(clip, tracking.track, out, kind, teller)
    return Report(
        verb="segment",
        out=out,
        frames=clip.frame_count,
        width_px=clip.width_px,
        height_px=clip.height_px,
        duration_s=float(clip.duration_s),
        engines=tracking.engines,
        device="cpu",
        stages_s={**tracking.stages_s, "rendering": teller.seconds},
        notes=(*clip.notes, *tracking.notes, *notes),
    )


def kind_of(out: Path) -> Kind:
    """What `segment` writes to a path of this ending. Raises `UnknownFormat`."""
    kinds: dict[str, Kind] = {"": "masks", ".json": "rle", ".mp4": "overlay", ".webm": "overlay", ".mov": "overlay"}
    if out.suffix.lower() not in kinds:
        raise UnknownFormat(f"{out}: masks go to a folder of PNGs, a .json (COCO RLE) or an .mp4 (overlay).")
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
