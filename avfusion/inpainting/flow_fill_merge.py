"""What both directions of time have for a hole, as one picture; and the first direction's share kept on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

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

ERROR_OF_DOUBT = 1.5
"""The error to be expected of what was carried, as a multiple of its doubt. Measured it is up to three times as much;
but half of that the surroundings' answer has too, and leaning on them does not help there."""

MOST_SAY = 0.8
"""The share of the surroundings in a pixel, at most."""

FAINT = 15.0
"""Of 255. What departs from the surroundings by less is texture: unsure or not, the eye wants it rather than a blur."""

_NEAR_PX = 4.0
_FLOOR = 9.0


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

    The nearer in time and the less doubtful counts more; between the two it fades. The surroundings of the hole have a
    say too, the more the error to be expected is of what departs from them.
    """
    in_one, in_other = one.age != NEVER, other.age != NEVER
    both, seen = in_one & in_other, in_one | in_other
    window = window_around(hole, AROUND_PX)
    if window is None or not seen.any():
        return one.colour, seen
    inside = hole[window]
    share = np.where(both, _shares(one, other, both, inside), in_one).astype(np.float32)
    mixed = other.colour + share[:, None] * (one.colour.astype(np.float32) - other.colour)
    smooth = membrane(rgb[window].astype(np.float32), (~inside).astype(np.float32))[inside]
    away = mixed - smooth
    error = _faded(_expected_error(one, other, share, both, inside), seen, inside, _NEAR_PX)
    size = _faded((away * away).mean(1), seen, inside, _NEAR_PX)
    say = np.minimum(error / np.maximum(size, 1), MOST_SAY) * size / (size + FAINT**2)
    mixed -= say[:, None] * away
    return np.rint(np.clip(mixed, 0, 255)).astype(np.uint8), seen


def _shares(one: Carried, other: Carried, both: NDArray[np.bool_], inside: Mask) -> NDArray[np.float32]:
    """[n]: the first direction's share where both have seen something: by age and by expected error."""
    weights = [1 / ((carried.age + 1.0) * (_variance(carried) + _FLOOR)) for carried in (one, other)]
    return _faded(weights[0] / (weights[0] + weights[1]), both, inside, FADE_PX)


def _variance(carried: Carried) -> NDArray[np.float32]:
    """[n]: the squared error to be expected of what was carried."""
    return np.asarray(np.square(np.float32(ERROR_OF_DOUBT) * carried.doubt), np.float32)


def _expected_error(
    one: Carried, other: Carried, share: NDArray[np.float32], both: NDArray[np.bool_], inside: Mask
) -> NDArray[np.float32]:
    """[n]: the squared error to be expected of the mix.

    The directions err independently of each other. Where they contradict each other one of them is wrong; if nothing
    but time says which, the mix may well be of the wrong one.
    """
    first, second = _variance(one), _variance(other)
    own = share * share * first + (1 - share) * (1 - share) * second
    odds = np.square((second + _FLOOR) / (first + _FLOOR))
    apart = np.square(one.colour.astype(np.float32) - other.colour).mean(1)
    unsettled = odds / np.square(1 + odds) * _faded(apart, both, inside, FADE_PX)
    return np.asarray(own + both * unsettled, np.float32)


def _faded(values: NDArray[Any], where: NDArray[np.bool_], inside: Mask, reach_px: float) -> NDArray[np.float32]:
    """Values [n] of the hole's pixels, smoothed over those where they hold."""
    plane, weight = np.zeros(inside.shape, np.float32), np.zeros(inside.shape, np.float32)
    plane[inside], weight[inside] = values * where, where
    plane, weight = (np.asarray(cv2.GaussianBlur(of, (0, 0), reach_px), np.float32) for of in (plane, weight))
    return np.asarray((plane / np.maximum(weight, 1e-6))[inside], np.float32)
