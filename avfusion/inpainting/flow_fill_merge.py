"""What both directions of time have for a hole, as one picture; and the first direction's share kept on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Mask, Rgb
from avfusion.inpainting.flow_fill_carry import NEVER, Carried
from avfusion.inpainting.flow_fill_motion import membrane
from avfusion.inpainting.hole import window_around
from avfusion.media.target import writing

FADE_PX = 2.0
"""The breadth of the seam between two directions."""

AROUND_PX = 24
"""So far around the hole its surroundings are looked at."""

CONTRADICTION = 35.0
"""Directions that differ by so much, of 255, contradict each other,"""

MOST_SAY = 0.7
"""and then the surroundings have this share at most."""

_DOUBT_FLOOR = 3.0


@dataclass(frozen=True)
class CarriedFiles:
    """One file a frame under `folder`; each is read once and then gone."""

    folder: Path

    def put(self, index: int, carried: Carried) -> None:
        """Raises `CannotWrite`."""
        age = carried.age.view(np.uint8).reshape(-1, 2)
        rows = np.concatenate([carried.colour, age, carried.doubt[:, None]], 1)
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._path(index).write_bytes(rows.tobytes())

    def take(self, index: int) -> Carried:
        rows = np.frombuffer(self._path(index).read_bytes(), np.uint8).reshape(-1, 6)
        self._path(index).unlink()
        age = np.ascontiguousarray(rows[:, 3:5]).view(np.uint16)[:, 0]
        return Carried(rows[:, :3].copy(), age, rows[:, 5].copy())

    def _path(self, index: int) -> Path:
        return self.folder / f"{index:07d}.carried"


def merged(rgb: Rgb, hole: Mask, one: Carried, other: Carried) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Colours uint8 [n, 3] of the hole's n pixels, and which of them either direction has seen, bool [n].

    The nearer in time and the more like its surroundings counts more, by far; between the two it fades. Where they
    contradict each other, what surrounds the hole has a say too: one of them is wrong, and a guess between all has less
    error than the wrong one.
    """
    weights = np.stack([_weight(one), _weight(other)])
    seen = weights.max(0) > 0
    window = window_around(hole, AROUND_PX)
    if window is None or not seen.any():
        return one.colour, seen
    inside = hole[window]
    share = weights[0] / np.maximum(weights.sum(0), 1e-12)
    both: NDArray[np.bool_] = np.asarray((weights > 0).all(0))
    share = np.where(both, _faded(share, both, inside), share).astype(np.float32)[:, None]
    mixed = share * one.colour + (1 - share) * other.colour
    apart = np.abs(one.colour.astype(np.float32) - other.colour).mean(1)
    apart = np.where(both, _faded(apart, both, inside), 0)
    if apart.max(initial=0) > CONTRADICTION:
        smooth = membrane(rgb[window].astype(np.float32), (~inside).astype(np.float32))[inside]
        say = (MOST_SAY * apart**2 / (apart**2 + CONTRADICTION**2)).astype(np.float32)[:, None]
        mixed += say * (smooth - mixed)
    return np.rint(np.clip(mixed, 0, 255)).astype(np.uint8), seen


def _weight(carried: Carried) -> NDArray[np.float64]:
    """[n]: 0 where nothing was seen."""
    age = carried.age.astype(np.float64)
    doubt = carried.doubt.astype(np.float64)
    return np.where(carried.age == NEVER, 0, 1 / ((age + 1) * (doubt**2 + _DOUBT_FLOOR**2)))


def _faded(share: NDArray[np.float64], both: NDArray[np.bool_], inside: Mask) -> NDArray[np.float32]:
    """The share smoothed over the pixels that both have."""
    plane, weight = np.zeros(inside.shape, np.float32), np.zeros(inside.shape, np.float32)
    plane[inside], weight[inside] = share * both, both
    spread = cv2.GaussianBlur(plane, (0, 0), FADE_PX) / np.maximum(cv2.GaussianBlur(weight, (0, 0), FADE_PX), 1e-6)
    return np.asarray(spread[inside], np.float32)
