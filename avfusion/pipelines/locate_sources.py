"""A sounding engine asked what makes the sound of a clip, and its answer kept on disk: the same is not asked twice."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from avfusion.clip import Box, Clip, Drawn, Frame, Point, Prompt, Scribble, Sound, Words
from avfusion.engines.registry import Settled, lend, settle
from avfusion.engines.sounders import decider
from avfusion.errors import InputError, UsageError
from avfusion.media.cut import cut
from avfusion.media.journal import Journal
from avfusion.pipelines.keep import Keep
from avfusion.pipelines.locate_sound import sound_for
from avfusion.pipelines.progress import OnProgress, ShouldStop, Teller
from avfusion.sounding import Locator, Source, Sources, Wish
from avfusion.tracking.snapshot import restored, snapshot

# A sound that ends a little before the pictures is usual.
_NOTED_S = 0.5

_KEPT = (Sources, Source, Point, Box, Scribble, Drawn, Words)


@dataclass(frozen=True, eq=False)
class Sought:
    """What an engine said, its frames those of the whole clip; and which engine it was. clip: the part looked at.

    notes: on the sound, and why this engine.
    """

    sources: Sources
    clip: Clip
    settled: Settled
    stages_s: dict[str, float]
    notes: tuple[str, ...] = ()


def seek(
    clip: Clip,
    wish: Wish,
    *,
    folder: Path,
    engine: str = "auto",
    device: str = "auto",
    span: tuple[int, int],
    sound: Path | Sound | None = None,
    keep: Keep | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> Sought:
    """What makes the sound on frames start..stop-1, from `folder` where the same was asked before.

    keep: then it is kept there instead.
    Raises `CannotRead` for a clip without sound, `InputError` for a single picture, and what the engine raises; an
    engine that abstains raises nothing.
    """
    part = cut(clip, *span)
    settled = settle("sounding", engine, device, understands="words" if wish.text else None)
    if wish.text and "words" not in settled.engine.understands:
        raise UsageError(
            f"{settled.engine.name} does not find things by words. Leave them out, or name another engine."
        )
    if part.frame_count == 1 and not wish.text:
        raise InputError(f"{clip.path}: a single picture cannot be held against a sound. Give a clip.")
    heard = sound_for(part, sound, needed=not wish.text)
    telling = _Telling(on_progress, should_stop)
    if keep is not None:
        folder = keep.stage("sounding", keep.clip_digest(clip)).folder
    kept = Journal(folder / "sounding")
    name = f"{_digest(settled, wish, span, heard)}.npz"
    arrays = kept.load(name)
    if arrays is not None:
        sources: Sources = restored(arrays, _KEPT, _no_frame)
    else:
        telling.check()
        with lend(settled.engine.name, "sounding", settled.device) as lent:
            locator: Locator = lent
            sources = locator.locate(part, heard, wish, folder=folder / "looking", tell=telling)
        sources = _numbered(sources, wish.sources, span[0])
        kept.save(name, snapshot(sources, _KEPT))
    notes = (*([settled.why] if settled.why else []), *_on_length(heard, part))
    return Sought(sources, part, settled, telling.seconds, notes)


def _on_length(sound: Sound, clip: Clip) -> list[str]:
    missing_s = float(clip.duration_s - sound.duration_s)
    if not sound.samples.size or missing_s < _NOTED_S:
        return []
    return [f"The sound ends {missing_s:.1f} s before the pictures: from there on nothing sounds."]


class _Telling:
    """Passes on what an engine tells, stage after stage."""

    def __init__(self, on_progress: OnProgress | None, should_stop: ShouldStop | None) -> None:
        self._on_progress, self._should_stop = on_progress, should_stop
        self._stages: dict[str, Teller] = {}
        self.seconds: dict[str, float] = {}

    def check(self) -> None:
        Teller("sounding", 0, None, self._should_stop).check()

    def __call__(self, stage: str, done: int, total: int) -> None:
        if stage not in self._stages:
            self._stages[stage] = Teller(stage, total, self._on_progress, self._should_stop)
        self._stages[stage].at(done, total)
        self.seconds[stage] = self._stages[stage].seconds


def _numbered(sources: Sources, most: int, first: int) -> Sources:
    """The surest ones, as objects 1, 2, ..., with prompts on the frames of the whole clip."""
    best = sorted(sources.found, key=lambda source: -source.confidence)[:most]
    found = tuple(
        replace(source, number=number, prompts=tuple(_moved(prompt, number, first) for prompt in source.prompts))
        for number, source in enumerate(best, start=1)
    )
    return replace(sources, found=found)


def _moved(prompt: Prompt, number: int, first: int) -> Prompt:
    return replace(prompt, object=number, frame=prompt.frame + first)


def _digest(settled: Settled, wish: Wish, span: tuple[int, int], sound: Sound) -> str:
    said = hashlib.sha256(
        f"{settled.engine.name} {settled.revision} {settled.device} {decider()} {wish} {span} {sound.rate_hz}".encode()
    )
    for channel in sound.samples:
        said.update(np.ascontiguousarray(channel).data)  # a view where it can be: minutes of sound are large
    return said.hexdigest()[:32]


def _no_frame(index: int) -> Frame:
    raise ValueError(f"no frame {index} is kept with sources")
