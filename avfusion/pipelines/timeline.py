"""How sure a track is, and where to click next: the frame on which a correction helps most."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# A single doubtful frame is a blink of the measure; a stretch of them is a mask that slipped.
_SMOOTH_FRAMES = 7
# Right beside a frame that the user has seen there is nothing to find.
_BESIDE_KEY_FRAMES = 3
# Above this there is no reason to bother anybody.
_DOUBT_BELOW = 0.9


# Small errors of each step add up, and no step sees them: what an answer loses of its trust on the way, and how fast.
_LOST_ON_THE_WAY = 0.5
_ON_THE_WAY_FRAMES = 50


def drifted(confidence: float, frames_away: int) -> float:
    """A tracker's own confidence, less what it cannot know: how far it has come from the frame that it started from."""
    kept = (1 - _LOST_ON_THE_WAY) + _LOST_ON_THE_WAY * math.exp(-frames_away / _ON_THE_WAY_FRAMES)
    return confidence * kept


@dataclass(frozen=True)
class Worst:
    """The object's mask on `frame` is the one to doubt most; confidence: 0..1, of that frame and those around it."""

    frame: int
    object: int
    confidence: float


def worst(
    confidence: Mapping[int, NDArray[np.float32]], keys: Mapping[int, Sequence[int]], span: tuple[int, int]
) -> Worst | None:
    """confidence: float32 [frames] by object; keys: the frames with prompts by object; span: (start, stop)."""
    found: list[Worst] = []
    start, stop = span
    for number, values in confidence.items():
        smooth = _smooth(values[start:stop])
        frames = np.arange(start, stop)
        away = np.min([np.abs(frames - key) for key in keys[number]], axis=0)
        smooth[away <= _BESIDE_KEY_FRAMES] = np.inf
        if len(smooth) and np.isfinite(smooth.min()):
            place = int(smooth.argmin())
            found.append(Worst(start + place, number, float(smooth[place])))
    least = min(found, key=lambda one: one.confidence, default=None)
    return least if least is not None and least.confidence < _DOUBT_BELOW else None


def _smooth(values: NDArray[np.float32]) -> NDArray[np.float64]:
    side = _SMOOTH_FRAMES // 2
    padded = np.pad(values.astype(np.float64), side, mode="edge")
    return np.convolve(padded, np.full(_SMOOTH_FRAMES, 1 / _SMOOTH_FRAMES), mode="valid")
