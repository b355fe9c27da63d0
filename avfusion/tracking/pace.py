"""How far one object has moved as a whole from one frame to the next."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Mask
from avfusion.tracking.plate import Picture
from avfusion.tracking.scene import Scene
from avfusion.tracking.window import Field

Vector = NDArray[np.float64]

FEWEST_PX = 12
"""Coarse pixels that an object needs to have a motion of its own."""

HARDLY_SEEN = 0.2
"""Below this share of its usual area an object's visible rest does not tell where the whole goes."""

PARTLY_SEEN = 0.6
"""Below this share its visible part still shows where it goes, but not how fast, nor what it looks like."""

WHOLE = 0.8
"""Above this share it is seen as a whole."""

GOOD_FIT = 12.0
"""Root mean square difference, in grey levels, up to which a guess of the motion is taken without looking further."""

CLEARLY_BETTER = 0.7
"""A place found by looking around must have this share of the guess's difference, or less."""


class Pace:
    """Remembers an object's motion over the background, for frames in which it is hidden."""

    def __init__(self) -> None:
        self._own: Vector | None = None

    def turn(self) -> None:
        """From here on time runs the other way."""
        self._own = None if self._own is None else -self._own

    def shift(self, scene: Scene, mask: Mask, middle: tuple[float, float], seen: float) -> tuple[int, int]:
        """The shift (dx, dy) from the last frame to this one in even full-size pixels.

        mask: bool [H, W], the object on the last frame; middle: where it is, hidden parts too, in full-size pixels;
        seen: 0..1, how much of it was visible. An object that is hidden goes on as it did.
        """
        scale = np.array(scene.scale)
        height, width = scene.coarse.shape[:2]
        small = cv2.resize(mask.view(np.uint8) * np.uint8(255), (width, height), interpolation=cv2.INTER_AREA) > 127
        x, y = (int(np.clip(at / by, 0, end - 1)) for at, by, end in zip(middle, scale, (width, height), strict=True))
        ground = -scene.background[y, x].astype(np.float64)
        usual = ground if self._own is None else ground + self._own
        if seen < HARDLY_SEEN or np.count_nonzero(small) < FEWEST_PX:
            return _even(usual * scale)
        guesses = [_flow_on(scene.coarse_flow, small)] + ([] if self._own is None else [usual])
        moved = _best_place(scene, small, guesses, look_around=seen > PARTLY_SEEN)
        # What goes behind something is seen to slow down, and does not.
        sure = max(0.0, (seen - WHOLE) / (1 - WHOLE))
        self._own = moved - ground if self._own is None else self._own + 0.25 * sure * (moved - ground - self._own)
        return _even(moved * scale)


def _even(shift: Vector) -> tuple[int, int]:
    return 2 * round(float(shift[0]) / 2), 2 * round(float(shift[1]) / 2)


def _flow_on(flow: Field, small: Mask) -> Vector:
    """The median motion of what came from the mask, in coarse pixels a frame; none when flow leads nowhere near it."""
    height, width = small.shape
    rows, columns = np.mgrid[0:height:2, 0:width:2]
    found = flow[::2, ::2]
    x = np.clip(np.rint(columns + found[..., 0]).astype(np.int32), 0, width - 1)
    y = np.clip(np.rint(rows + found[..., 1]).astype(np.int32), 0, height - 1)
    on = small[y, x]
    if np.count_nonzero(on) < 4:
        return np.zeros(2)
    return -np.median(found[on], axis=0).astype(np.float64)


def _best_place(scene: Scene, small: Mask, guesses: list[Vector], *, look_around: bool) -> Vector:
    """The guess at which the object's picture fits best; when none fits well, the best place in a wide surrounding.

    Dense flow loses objects that move by more than about their own size in a frame; comparing pictures does not.
    """
    x, y, width, height = cv2.boundingRect(small.view(np.uint8))
    shape = small[y : y + height, x : x + width].view(np.uint8)
    looks = np.ascontiguousarray(scene.coarse_before[y : y + height, x : x + width])
    misfits = [_misfit(scene.coarse, looks, shape, x + round(float(g[0])), y + round(float(g[1]))) for g in guesses]
    best = int(np.argmin(misfits))
    if misfits[best] < GOOD_FIT or not look_around:
        return guesses[best]
    reach = round(0.5 * max(width, height)) + 12
    left, top = max(0, x - reach), max(0, y - reach)
    around = scene.coarse[top : y + height + reach, left : x + width + reach]
    squares = cv2.matchTemplate(around, looks, cv2.TM_SQDIFF, mask=np.dstack([shape] * 3))
    lowest, _, (at_x, at_y), _ = cv2.minMaxLoc(squares)
    if (max(lowest, 0.0) / (3 * np.count_nonzero(shape))) ** 0.5 < CLEARLY_BETTER * misfits[best]:
        return np.array([left + at_x - x, top + at_y - y], np.float64)
    return guesses[best]


def _misfit(picture: Picture, looks: Picture, shape: NDArray[np.uint8], x: int, y: int) -> float:
    """Root mean square difference in grey levels, the object's upper left corner at (x, y); parts outside are cut."""
    height, width = shape.shape
    rows = slice(max(0, y), min(picture.shape[0], y + height))
    columns = slice(max(0, x), min(picture.shape[1], x + width))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return float("inf")
    inner = (slice(rows.start - y, rows.stop - y), slice(columns.start - x, columns.stop - x))
    on = shape[inner] > 0
    if not on.any():
        return float("inf")
    difference = picture[rows, columns][on].astype(np.float32) - looks[inner][on]
    return float(np.sqrt(np.mean(difference * difference)))
