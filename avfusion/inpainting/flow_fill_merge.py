"""What both directions of time have for a hole, as one picture; and the first direction's share kept on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Mask
from avfusion.inpainting.flow_fill_carry import NEVER, Carried
from avfusion.inpainting.hole import window_around
from avfusion.media.target import writing

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


def merged(hole: Mask, one: Carried, other: Carried) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Colours uint8 [n, 3] of the hole's n pixels, and which of them either direction has seen, bool [n].

    The nearer in time and the more like its surroundings counts more, by far; between the two it fades.
    """
    weights = np.stack([_weight(one), _weight(other)])
    seen = weights.max(0) > 0
    window = window_around(hole, 4)
    if window is None or not seen.any():
        return one.colour, seen
    share = weights[0] / np.maximum(weights.sum(0), 1e-12)
    both: NDArray[np.bool_] = np.asarray((weights > 0).all(0))
    share = np.where(both, _faded(share, both, hole[window]), share).astype(np.float32)[:, None]
    mixed = share * one.colour + (1 - share) * other.colour
    return np.rint(mixed).astype(np.uint8), seen


def _weight(carried: Carried) -> NDArray[np.float64]:
    """[n]: 0 where nothing was seen."""
    age = carried.age.astype(np.float64)
    doubt = carried.doubt.astype(np.float64)
    return np.where(carried.age == NEVER, 0, 1 / ((age + 1) * (doubt**2 + _DOUBT_FLOOR**2)))


def _faded(share: NDArray[np.float64], both: NDArray[np.bool_], inside: Mask) -> NDArray[np.float32]:
    """The share smoothed over the pixels that both have."""
    plane, weight = np.zeros(inside.shape, np.float32), np.zeros(inside.shape, np.float32)
    plane[inside], weight[inside] = share * both, both
    spread = cv2.GaussianBlur(plane, (0, 0), 2.0) / np.maximum(cv2.GaussianBlur(weight, (0, 0), 2.0), 1e-6)
    return np.asarray(spread[inside], np.float32)
