"""A clip with sound -> what in its pictures makes the sound, second by second: one engine a file.

sources = MutualInformation().locate(clip, sound, Wish(), tell=tell)
for source in sources.found:
    track(clip, source.prompts, folder=folder)  # then shown only in the seconds in which it sounds
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Clip, Prompt, Sound

Tell: TypeAlias = Callable[[str, int, int], None]
"""tell(stage, done, total): called several times a second; it may raise to stop the work."""


@dataclass(frozen=True)
class Wish:
    """What to look for. labels: names that a source may have; empty for any. text: words that describe one thing, to be
    found whether it sounds or not; "" for whatever sounds. sources: at most so many are given."""

    labels: tuple[str, ...] = ()
    text: str = ""
    sources: int = 3


@dataclass(frozen=True, eq=False)
class Source:
    """One thing that makes sound.

    prompts: where it is, on its pivot frames, with `object` = `number`; the segmentation and tracking engines make
    masks of them. sounds: float32 [steps], confidence 0..1 that it sounds during each step of `Sources.step_s`.
    name: "" where the engine cannot name things.
    """

    number: int
    prompts: tuple[Prompt, ...]
    sounds: NDArray[np.float32]
    confidence: float
    name: str = ""
    name_confidence: float = 0.0


@dataclass(frozen=True, eq=False)
class Sources:
    """What an engine found in a clip.

    found: the surest first; empty where it abstains, and then `abstained` says why in one line. Step k is the time
    k * step_s .. (k + 1) * step_s after the first frame's. heat: float32 [steps, h, w] in 0..1, a coarse map of where
    the sound seems to come from, over the whole picture; None where the engine has none.
    """

    found: tuple[Source, ...]
    step_s: float = 1.0
    heat: NDArray[np.float32] | None = None
    abstained: str = ""
    notes: tuple[str, ...] = ()


@runtime_checkable
class Locator(Protocol):
    """Finds what makes a sound."""

    @property
    def name(self) -> str: ...

    def locate(self, clip: Clip, sound: Sound, wish: Wish = Wish(), *, folder: Path, tell: Tell) -> Sources:
        """sound: [channels, n] at its own rate; sample 0 goes with the clip's first frame; it may be shorter or longer
        than the clip. Work in progress lies under `folder`. Raises `InputError` for what cannot be used at all."""
        ...
