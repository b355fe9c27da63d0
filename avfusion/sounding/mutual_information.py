"""The engine `mutual-information`: what moves when it sounds, with nothing learnt beforehand.

The loudness of the sound and of its parts is compared with the motion of each small place of the picture, moment by
moment; where they share more than chance would give, something is sounding. What sounds without moving it cannot find,
and what moves in the same rhythm it cannot tell from what sounds: it abstains when the evidence is weak.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Clip, Frame, Sound
from avfusion.errors import UsageError
from avfusion.sounding import Sources, Tell, Wish
from avfusion.sounding.evidence import EvidenceSettings, places_of
from avfusion.sounding.gathering import Gathered
from avfusion.sounding.loudness import band_power
from avfusion.sounding.motion_energy import Motion, MotionSettings, motions, windows_of
from avfusion.sounding.parts import take_apart
from avfusion.sounding.sources import Belief, Place, sources_in

_ANYTHING = Wish()
# Below this amplitude (-80 dB) is nothing but rounding.
_SILENT = 1e-4
_SILENT_CLIP = "The sound is silent throughout."
_NO_EVIDENCE = "Nothing in the picture moves with the sound by more than chance would have it."


@dataclass(frozen=True)
class MutualInformationSettings:
    """parts: into so many the sound is taken apart by its spectrum. step_s: how finely it is said when something
    sounds."""

    parts: int = 3
    step_s: float = 1.0
    belief: Belief = field(default_factory=Belief)
    evidence: EvidenceSettings = field(default_factory=EvidenceSettings)
    motion: MotionSettings = field(default_factory=MotionSettings)


class MutualInformation:
    """The engine. Deterministic; holds nothing between clips, and of a clip no more than one window's motion."""

    name = "mutual-information"

    def __init__(self, settings: MutualInformationSettings | None = None) -> None:
        self._settings = settings or MutualInformationSettings()

    def locate(self, clip: Clip, sound: Sound, wish: Wish = _ANYTHING, *, folder: Path, tell: Tell) -> Sources:
        """See `Locator`. Names nothing; raises `UsageError` for words."""
        if wish.text:
            raise UsageError(f"engine {self.name} understands no words; 'avfusion engines' lists those that do")
        step_s = self._settings.step_s
        if not sound.samples.size or float(np.abs(sound.samples).max()) < _SILENT:
            return Sources((), step_s, abstained=_SILENT_CLIP)
        looked = 0

        def look(_: Frame) -> None:
            nonlocal looked
            looked += 1
            tell("looking and listening", looked, clip.frame_count)

        gathered = Gathered(clip, step_s)
        belief = self._settings.belief.among(windows_of(clip, self._settings.motion))
        is_silent = True
        for motion in motions(clip, self._settings.motion, on_frame=look):
            power = band_power(sound, motion.edges_s)
            if float(power.max()) >= _SILENT**2:
                is_silent = False
                gathered.add(motion, self._places(motion, power, belief, wish.sources))
        found = gathered.sources(wish.sources)
        if found:
            return Sources(found, step_s, gathered.heat())
        return Sources((), step_s, abstained=_SILENT_CLIP if is_silent else _NO_EVIDENCE)

    def _places(self, motion: Motion, power: NDArray[np.float32], belief: Belief, most: int) -> tuple[Place, ...]:
        settings = self._settings
        rate_hz = float(len(motion.energy) / (motion.edges_s[-1] - motion.edges_s[0]))
        places = places_of(motion.energy, rate_hz, settings.evidence)
        parts = take_apart(power, settings.parts)
        return sources_in(parts, places, settings.evidence, belief, most)
