"""The engine `mutual-information`: what moves when it sounds, with nothing learnt beforehand.

Loudness and the motion of small places are compared from moment to moment; where they share more than chance would
give, something is sounding. What sounds without moving, and what moves with the beat, it cannot tell: it abstains.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

from avfusion.clip import Box, Clip, Point, Prompt, Sound
from avfusion.sounding import Source, Sources, Tell, Wish
from avfusion.sounding.evidence import Evidence, EvidenceSettings, weigh
from avfusion.sounding.loudness import band_power
from avfusion.sounding.motion_energy import Motion, MotionSettings, motions

Floats = NDArray[np.float32]

_ANYTHING = Wish()


@dataclass(frozen=True)
class MutualInformationSettings:
    """chance: sources that chance would give more often are not believed. step_s: how finely it is said when something
    sounds."""

    chance: float = 0.02
    step_s: float = 1.0
    evidence: EvidenceSettings = field(default_factory=EvidenceSettings)
    motion: MotionSettings = field(default_factory=MotionSettings)


class MutualInformation:
    """The engine. Deterministic; holds nothing between clips."""

    name = "mutual-information"

    def __init__(self, settings: MutualInformationSettings | None = None) -> None:
        self._settings = settings or MutualInformationSettings()

    def locate(self, clip: Clip, sound: Sound, wish: Wish = _ANYTHING, *, folder: Path, tell: Tell) -> Sources:
        """See `Locator`. Names nothing."""
        settings = self._settings
        steps = max(1, int(np.ceil(float(clip.duration_s) / settings.step_s - 1e-6)))
        if not sound.samples.size or float(np.abs(sound.samples).max()) < 1e-4:
            return Sources((), settings.step_s, abstained="The sound is silent throughout.")
        found: list[Source] = []
        heat: Floats | None = None
        done = 0

        def step(_: object) -> None:
            nonlocal done
            done += 1
            tell("looking and listening", done, clip.frame_count)

        for motion in motions(clip, settings.motion, on_frame=step):
            power = band_power(sound, motion.edges_s)
            rate_hz = len(motion.energy) / (motion.edges_s[-1] - motion.edges_s[0])
            evidence = weigh(np.sqrt(power.sum(axis=0)), motion.energy, rate_hz, settings.evidence)
            if evidence is None or evidence.chance > settings.chance:
                continue
            found.append(self._source(clip, motion, power, evidence, steps, len(found) + 1))
        if not found:
            return Sources(
                (), settings.step_s, heat, "Nothing in the picture moves with the sound by more than chance."
            )
        return Sources(tuple(found[: wish.sources]), settings.step_s, heat)

    def _source(self, clip: Clip, motion: Motion, power: Floats, evidence: Evidence, steps: int, number: int) -> Source:
        information = evidence.information
        peak = np.unravel_index(int(information.argmax()), information.shape)
        parts, _ = label(information >= 0.5 * information.max())
        region = parts == parts[peak]
        loudness = np.sqrt(power.sum(axis=0))
        at = int((loudness * motion.energy[:, region].mean(axis=1)).argmax())
        prompts = _prompts(clip, region, (int(peak[0]), int(peak[1])), int(motion.frames[at + 1]), number)
        sounds = np.zeros(steps, np.float32)
        loud = loudness > 0.1 * np.quantile(loudness, 0.98)
        for moment in np.flatnonzero(loud):
            sounds[min(steps - 1, int(motion.edges_s[moment] / self._settings.step_s))] = 1.0
        return Source(number, prompts, sounds, float(1 - evidence.chance))


def _prompts(clip: Clip, region: NDArray[np.bool_], peak: Sequence[int], frame: int, number: int) -> tuple[Prompt, ...]:
    cell_y, cell_x = clip.height_px / region.shape[0], clip.width_px / region.shape[1]
    x, y, width, height = cv2.boundingRect(region.astype(np.uint8))
    box = Box(x * cell_x, y * cell_y, (x + width) * cell_x, (y + height) * cell_y, frame, number)
    return (box, Point((peak[1] + 0.5) * cell_x, (peak[0] + 0.5) * cell_y, True, frame, number))
