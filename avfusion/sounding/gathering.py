"""What was found window by window, as sources of the whole clip: where to point, when each is heard, a map of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Clip, Point, Prompt
from avfusion.sounding import Source
from avfusion.sounding.motion_energy import Motion
from avfusion.sounding.sources import Place, are_one

Floats = NDArray[np.float32]

# A step sounds if it does so in more than one moment: a click in the recording is not a source.
_MOMENTS = 2
# Points lie where information times depth in the region is at least this share of the most, so many, so far apart.
_GOOD, _POINTS, _APART_CELLS = 0.6, 4, 2.0


@dataclass(eq=False)
class _Found:
    """One source so far. heat: float32 [steps, rows, columns]."""

    region: NDArray[np.bool_]
    prompts: list[Prompt]
    sounds: Floats
    heat: Floats
    confidence: float


class Gathered:
    """The sources of a clip. step_s: seconds of one step."""

    def __init__(self, clip: Clip, step_s: float) -> None:
        self._clip = clip
        self._step_s = step_s
        self._steps = max(1, int(np.ceil(float(clip.duration_s) / step_s - 1e-6)))
        self._found: list[_Found] = []

    def add(self, motion: Motion, places: tuple[Place, ...]) -> None:
        """The sources of one window. One that lies where an earlier one did is the same."""
        for place in places:
            prompts = prompts_for(self._clip, motion, place)
            sounds = self._by_step(motion, place)
            heat = sounds[:, None, None] * (place.evidence.information / place.evidence.information.max())
            known = next((each for each in self._found if are_one(each.region, place.evidence.region)), None)
            if known is None:
                self._found.append(
                    _Found(place.evidence.region, [*prompts], sounds, heat, place.confidence),
                )
                continue
            known.prompts += prompts
            np.maximum(known.sounds, sounds, out=known.sounds)
            np.maximum(known.heat, heat, out=known.heat)
            known.confidence = max(known.confidence, place.confidence)

    def sources(self, most: int) -> tuple[Source, ...]:
        """The surest first, at most so many."""
        surest = sorted(self._found, key=lambda each: each.confidence, reverse=True)[:most]
        return tuple(
            Source(
                number,
                tuple(replace(prompt, object=number) for prompt in each.prompts),
                each.sounds,
                each.confidence,
            )
            for number, each in enumerate(surest, start=1)
        )

    def heat(self) -> Floats | None:
        """float32 [steps, rows, columns] in 0..1, of all sources together."""
        if not self._found:
            return None
        return np.asarray(np.maximum.reduce([each.heat for each in self._found]), np.float32)

    def _by_step(self, motion: Motion, place: Place) -> Floats:
        """float32 [steps]: how clearly the source is heard in each."""
        steps = np.minimum((motion.edges_s[:-1] / self._step_s + 1e-6).astype(int), self._steps - 1)
        sounds = np.zeros(self._steps, np.float32)
        for step in np.unique(steps):
            moments = np.sort(place.heard[steps == step])
            sounds[step] = moments[-min(_MOMENTS, len(moments))]
        return sounds


def prompts_for(clip: Clip, motion: Motion, place: Place) -> tuple[Prompt, ...]:
    """Points in the midst of a region, far from each other, on the frame on which it moves and sounds the most.

    Points and no box: the region is where it moves, which is more than the thing where it swings and less where only a
    part of it stirs; and a box is taken by its word.
    """
    evidence = place.evidence
    moves = motion.energy[:, evidence.region].mean(axis=1)
    frame = int(motion.frames[int((place.loudness * moves).argmax()) + 1])
    rows, columns = evidence.region.shape
    depth = cv2.distanceTransform(np.pad(evidence.region, 1).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # What swings leaves its place: only the middle of where it moves is never left.
    worth = evidence.information * depth[1:-1, 1:-1]
    good = np.argwhere(worth >= _GOOD * worth.max())
    chosen = [np.array(np.unravel_index(int(worth.argmax()), worth.shape))]
    while len(chosen) < _POINTS:
        apart = np.min([np.hypot(*(good - one).T) for one in chosen], axis=0)
        if apart.max() < _APART_CELLS:
            break
        chosen.append(good[int(apart.argmax())])
    return tuple(
        Point((column + 0.5) / columns * clip.width_px, (row + 0.5) / rows * clip.height_px, frame=frame)
        for row, column in np.array(chosen).tolist()
    )
