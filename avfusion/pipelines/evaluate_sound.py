"""The sounds under which a data set is scored: each clip's own, none at all, and another clip's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from avfusion.clip import Clip, Sound
from avfusion.pipelines.locate_sound import sound_for

Hearing: TypeAlias = Literal["own", "mute", "swap"]
"""own: the clip's own sound. mute: silence of its length. swap: the sound of another clip. What ignores the sound
scores the same under all three."""

HEARINGS: tuple[Hearing, ...] = ("own", "mute", "swap")


def sound_under(
    hearing: Hearing, place: int, clip: Clip, sounds: Sequence[Path], labels: Sequence[Sequence[str]]
) -> Path | Sound:
    """What the engine hears with the clip number `place`, whose pictures are `clip`.

    sounds, labels: of all clips. Another clip's sound is that of the next one of which nothing sounds that sounds here
    too; where there is only one clip, its own, turned round by half of its length. Raises `CannotRead`.
    """
    if hearing == "own":
        return sounds[place]
    if hearing == "swap" and len(sounds) > 1:
        return sounds[other_clip(place, labels)]
    own = sound_for(clip, sounds[place], needed=True)
    if hearing == "mute":
        return Sound(np.zeros_like(own.samples), own.rate_hz)
    return Sound(np.roll(own.samples, own.samples.shape[1] // 2, axis=1), own.rate_hz)


def other_clip(place: int, labels: Sequence[Sequence[str]]) -> int:
    """The place of the next clip of which nothing sounds that sounds in this one; else simply the next, or its own."""
    others = [(place + step) % len(labels) for step in range(1, len(labels))]
    return next((other for other in others if set(labels[other]).isdisjoint(labels[place])), (place + 1) % len(labels))
