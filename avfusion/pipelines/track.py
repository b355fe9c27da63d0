"""clip + prompts -> masks of every object on every frame."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Clip, Frame, Mask, MaskTrack, Prompt
from avfusion.engines.catalogue import choose
from avfusion.engines.registry import lend
from avfusion.media.masks import TrackFolder, overlay
from avfusion.pipelines.frame import mask_frame, one_frame
from avfusion.pipelines.progress import OnProgress, ShouldStop, Teller
from avfusion.pipelines.prompts import by_frame
from avfusion.tracking import Tracker

KeyMasks: TypeAlias = Mapping[int, Mapping[int, Mask]]
"""frame -> object -> the mask that the prompts on that frame give."""


@dataclass(frozen=True, eq=False)
class Tracking:
    """A finished track, and how it came about."""

    track: MaskTrack
    engines: Mapping[str, str]
    stages_s: Mapping[str, float]
    notes: tuple[str, ...] = ()


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
