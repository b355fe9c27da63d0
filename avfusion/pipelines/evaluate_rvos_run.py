"""A sounding engine that understands words on an expression of a data set, told the truth or something else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, overload

import numpy as np

from avfusion.clip import Mask, Sound
from avfusion.datasets.rvos_clip import RvosClip
from avfusion.errors import NothingFound
from avfusion.pipelines.evaluate_avs_run import EngineChoice
from avfusion.pipelines.evaluate_sound import sound_under
from avfusion.pipelines.locate_find import Located, find
from avfusion.pipelines.picture_clip import clip_of_pictures
from avfusion.pipelines.progress import ShouldStop

Telling: TypeAlias = Literal["own", "words", "mute", "swap"]
"""own: the expression as it is. words: the words for something else. mute, swap: its words, with the clip's sound left
out or replaced. What ignores the words, or the sound, scores the same."""


@dataclass(frozen=True, eq=False)
class Found(Sequence[Mask]):
    """bool [H, W] for each frame, read from disk when asked; empty masks where nothing was found."""

    located: Located | None
    frames: int
    size: tuple[int, int]

    @property
    def confidence(self) -> float:
        """How sure the engine is of the surest thing that it found."""
        heard = () if self.located is None else self.located.heard
        return max((one.confidence for one in heard), default=0.0)

    def __len__(self) -> int:
        return self.frames

    @overload
    def __getitem__(self, frame: int) -> Mask: ...
    @overload
    def __getitem__(self, frame: slice) -> list[Mask]: ...
    def __getitem__(self, frame: int | slice) -> Mask | list[Mask]:
        if isinstance(frame, slice):
            return [self[k] for k in range(*frame.indices(self.frames))]
        return np.zeros(self.size, np.bool_) if self.located is None else self.located.track.union(frame)


def tellings(controls: bool, clips: Sequence[RvosClip]) -> tuple[Telling, ...]:
    """Under what the expressions of these clips can be tried."""
    if not controls:
        return ("own",)
    has_others = all(
        _other_words(clips, place, said) is not None
        for place, clip in enumerate(clips)
        for said in range(len(clip.expressions))
    )
    words: tuple[Telling, ...] = ("words",) if has_others else ()
    sound: tuple[Telling, ...] = ("mute", "swap") if all(clip.sound for clip in clips) else ()
    return ("own", *words, *sound)


def told(
    telling: Telling, clips: Sequence[RvosClip], place: int, said: int, choice: EngineChoice, folder: Path,
    should_stop: ShouldStop | None,
) -> Found:  # fmt: skip
    """What the engine finds for expression number `said` of clip number `place`, its masks under `folder`.

    Raises what `find` raises.
    """
    clip = clips[place]
    pictures = clip_of_pictures(clip.frames, clip.fps)
    words = clip.expressions[said].words
    if telling == "words":
        words = _other_words(clips, place, said) or words
    sound: Path | Sound | None = clip.sound
    if clip.sound is not None and (telling == "mute" or telling == "swap"):
        sounds = [one.sound for one in clips if one.sound is not None]
        sound = sound_under(telling, sounds.index(clip.sound), pictures, sounds, [()] * len(sounds))
    try:
        located = find(
            pictures, folder=folder, engine=choice.engine, tracker=choice.tracker, segmenter=choice.segmenter,
            device=choice.device, text=words, sound=sound, should_stop=should_stop,
        )  # fmt: skip
    except NothingFound:
        located = None
    return Found(located, len(clip.frames), (pictures.height_px, pictures.width_px))


def _other_words(clips: Sequence[RvosClip], place: int, said: int) -> str | None:
    """Words for something else in the clip, or else in the next one; None where there are none."""
    clip, objects = clips[place], set(clips[place].expressions[said].objects)
    for other in clip.expressions:
        if objects.isdisjoint(other.objects):
            return other.words
    for step in range(1, len(clips)):
        following = clips[(place + step) % len(clips)].expressions
        if following:
            return following[0].words
    return None
