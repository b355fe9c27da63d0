"""One frame put to a segmentation engine: what the prompts mean, or everything that is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from avfusion.clip import Clip, Mask, MaskTrack, Words
from avfusion.engines.registry import Settled
from avfusion.errors import NothingFound, UsageError
from avfusion.media.masks import TrackFolder
from avfusion.pipelines.compare_question import Found, Question
from avfusion.pipelines.frame import look, mask_frame
from avfusion.pipelines.measured import Stopwatch
from avfusion.pipelines.segmenters import Segmenters
from avfusion.segmentation import Parser, Segmenter
from avfusion.segmentation.labelled import Labelled
from avfusion.segmentation.segments import Segments

MOST_SEGMENTS = 255
"""Of everything in a picture, the largest so many are kept."""

# A segment's name goes with an object if this much of the object lies in it.
_NAMED_SHARE = 0.05


def on_frame(question: Question, settled: Settled, engine: Segmenter, folder: Path) -> Found:
    """What the prompts mean to this engine. Raises what the engine raises."""
    clip, frame = question.clip, question.span[0]
    has_words = any(isinstance(prompt, Words) for prompt in question.prompts)
    if not has_words and "clicks" not in settled.engine.understands:
        raise UsageError(f"{settled.engine.name} finds things by words only; say what the object is.")
    alone = Segmenters(settled if has_words else None, settled)
    view = look(clip, frame)
    watch = Stopwatch(settled.device)
    segmented = mask_frame(clip, question.prompts, frame=frame, segmenter=alone)
    seconds = watch.seconds()
    masks = _put(folder, clip, settled.engine.name, segmented.masks, segmented.confidence)
    labels = _names(engine.segments(view.rgb), segmented.masks) if isinstance(engine, Labelled) else ()
    confidence = sum(segmented.confidence.values()) / max(len(segmented.confidence), 1)
    return Found(masks, labels, confidence, seconds, 1 / max(seconds, 1e-9))


def everything(question: Question, settled: Settled, engine: Segmenter, folder: Path) -> Found:
    """All segments that the engine sees, the largest first, each as an object of its own with its name."""
    name, frame = settled.engine.name, question.span[0]
    if not isinstance(engine, Parser):
        raise UsageError(f"{name} has to be told what the object is: click it, draw a box, or say it in words.")
    rgb = look(question.clip, frame).rgb
    watch = Stopwatch(settled.device)
    segments = engine.segments(rgb)
    seconds = watch.seconds()
    areas = np.bincount(segments.number.ravel() + 1, minlength=len(segments.labels) + 1)[1:]
    largest = [int(one) for one in np.argsort(-areas, kind="stable")[:MOST_SEGMENTS] if areas[one]]
    if not largest:
        raise NothingFound(f"{name} found nothing in frame {frame}.")
    masks = {number: segments.number == one for number, one in enumerate(largest, 1)}
    scores = {number: segments.scores[one] for number, one in enumerate(largest, 1)}
    track = _put(folder, question.clip, name, masks, scores)
    labels = tuple(segments.labels[one] for one in largest)
    return Found(track, labels, sum(scores.values()) / len(scores), seconds, 1 / max(seconds, 1e-9))


def _put(
    folder: Path, clip: Clip, engine: str, masks: Mapping[int, Mask], confidence: Mapping[int, float]
) -> MaskTrack:
    out = TrackFolder(folder, width_px=clip.width_px, height_px=clip.height_px, frame_count=1, engine=engine)
    for number, mask in masks.items():
        out.put(0, number, mask, confidence.get(number, 0.0))
    return out.seal()


def _names(segments: Segments, masks: Mapping[int, Mask]) -> tuple[str, ...]:
    """What the engine calls the parts of the objects, the largest part first; each name once."""
    names: list[str] = []
    for mask in masks.values():
        numbers, areas = np.unique(segments.number[mask], return_counts=True)
        names += _largest(segments.labels, numbers.tolist(), areas.tolist(), int(mask.sum()))
    return tuple(dict.fromkeys(names))


def _largest(labels: Sequence[str], numbers: Sequence[int], areas: Sequence[int], whole: int) -> list[str]:
    parts = sorted(zip(areas, numbers, strict=True), reverse=True)
    return [labels[number] for area, number in parts if number >= 0 and area >= _NAMED_SHARE * whole and labels[number]]
