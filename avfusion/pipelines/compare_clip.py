"""A clip put to a tracking engine, from the masks with which all trackers start."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from avfusion.clip import Drawn, Frame, MaskTrack, Prompt
from avfusion.engines.registry import Settled
from avfusion.media.cut import cut, cut_track
from avfusion.media.masks import TrackFolder
from avfusion.metrics.flicker import FlickerMeter
from avfusion.pipelines.compare_question import Found, Question
from avfusion.pipelines.frame import mask_frame
from avfusion.pipelines.keys import keys_of, words_alone
from avfusion.pipelines.progress import OnProgress, Progress, Teller
from avfusion.pipelines.track import Tracking, track
from avfusion.tracking import Describable, Tracker


class Starts:
    """What trackers start with: the prompts on the first key frame as masks, made once, and the later prompts as they
    are. What is only described stays so for a tracker that follows words."""

    def __init__(self, question: Question) -> None:
        self._question = question
        self._known: dict[bool, tuple[Prompt, ...]] = {}

    def of(self, tracker: Tracker) -> tuple[Prompt, ...]:
        """Raises what `mask_frame` raises."""
        by_words = isinstance(tracker, Describable)
        if by_words not in self._known:
            self._known[by_words] = self._made(by_words)
        return self._known[by_words]

    def _made(self, by_words: bool) -> tuple[Prompt, ...]:
        asked = self._question
        first, *later = keys_of(asked.clip, asked.prompts)
        described = words_alone(first.prompts) if by_words else {}
        pointed = [prompt for prompt in first.prompts if prompt.object not in described]
        made: list[Prompt] = [prompt for prompt in first.prompts if prompt.object in described]
        if pointed:
            found = mask_frame(
                asked.clip, pointed, frame=first.frame, segmenter=asked.segmenter, device=asked.device
            )  # fmt: skip
            made += [Drawn(mask, first.frame, number) for number, mask in found.masks.items()]
        return (*made, *(prompt for key in later for prompt in key.prompts))


def follow(
    question: Question, settled: Settled, tracker: Tracker, starts: Starts, *, work: Path, folder: Path
) -> Found:
    """The object through the span. seconds: tracking and learning, with the reading of the clip.

    work: a folder that trackers share for what lies there between calls. Raises what `track` raises.
    """
    name, clip, span = settled.engine.name, question.clip, question.span
    prompts = starts.of(tracker)
    has_more = any(prompt.frame != prompts[0].frame for prompt in prompts)
    tracking = track(
        clip, prompts, folder=work, engine=name, segmenter=question.segmenter if has_more else "auto",
        device=question.device, span=span, exhaustive=question.exhaustive,
        on_progress=by_name(name, question.on_progress), should_stop=question.should_stop,
    )  # fmt: skip
    learning_s = tracking.stages_s.get("learning", 0.0)
    tracking_s = tracking.stages_s["tracking"]
    masks, flicker = _kept(question, tracking, name, folder)
    return Found(
        masks=masks,
        labels=(),
        confidence=_mean_confidence(masks),
        seconds=tracking_s + learning_s,
        frames_per_s=tracking.frames_tracked / max(tracking_s, 1e-9),
        learning_s=learning_s,
        flicker=flicker,
    )


def by_name(engine: str, on_progress: OnProgress | None) -> OnProgress | None:
    """Progress that says whose it is."""
    if on_progress is None:
        return None

    def tell(progress: Progress) -> None:
        on_progress(replace(progress, stage=f"{engine}: {progress.stage}"))

    return tell


def _kept(question: Question, tracking: Tracking, engine: str, folder: Path) -> tuple[MaskTrack, float | None]:
    """The track of the span in a folder of its own, and its flicker."""
    start, stop = question.span
    part, masks = cut(question.clip, start, stop), cut_track(tracking.track, start, stop)
    out = TrackFolder(
        folder, width_px=part.width_px, height_px=part.height_px, frame_count=part.frame_count, engine=engine
    )
    meter = FlickerMeter()
    teller = Teller(f"{engine}: measuring", part.frame_count, question.on_progress, question.should_stop)
    with contextlib.closing(part.frames()) as frames:
        for frame in frames:
            _put(out, masks, frame.index)
            meter.observe(_alpha(masks, frame), frame.yuv[0])
            teller.step()
    return out.seal(), meter.score


def _put(out: TrackFolder, masks: MaskTrack, place: int) -> None:
    for number in masks.objects:
        out.put(place, number, masks.mask(place, number), float(masks.confidence[number][place]))


def _alpha(masks: MaskTrack, frame: Frame) -> np.ndarray:
    return masks.union(frame.index).view(np.uint8) * np.uint8(255)


def _mean_confidence(masks: MaskTrack) -> float:
    values = [float(np.mean(masks.confidence[number])) for number in masks.objects]
    return sum(values) / max(len(values), 1)
