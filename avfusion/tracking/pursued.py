"""One object that is looked for among masks: where it should be, what it looks like, and which mask it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from avfusion.clip import Mask, Rgb
from avfusion.metrics.vos import region_similarity
from avfusion.tracking.looks import Looks
from avfusion.tracking.pace import HARDLY_SEEN, WHOLE, Pace
from avfusion.tracking.scene import Scene

_USUAL_PACE = 0.1
_LOOKED_AT = 3
"""So many places are looked at for an object that is not where it should be."""


@dataclass(frozen=True)
class Limits:
    """What a mask must have to be the object, each 0..1.

    least_overlap: with where the object should be, as intersection over union; least_shape: the same with both laid on
    one another, for a mask elsewhere. least_alike: of its colours. growth: how much further a hidden object is looked
    for with each frame, in its own sizes.
    """

    least_overlap: float = 0.3
    least_shape: float = 0.6
    least_alike: float = 0.5
    growth: float = 0.15


@dataclass(frozen=True, eq=False)
class Sighting:
    """A mask bool [H, W] that may be the object. fit: how well it lies where, or is as, the object should be, 0..1."""

    mask: Mask
    fit: float
    alike: float

    @property
    def rank(self) -> tuple[float, float, int, int]:
        """The same for the same mask, wherever it stands in a list."""
        return self.fit, self.alike, -int(np.count_nonzero(self.mask)), -int(self.mask.argmax())


class Pursued:
    """State of one object. `predict`, then `sighted` or `elsewhere` among masks, then `take` one or `miss` it.

    expected: bool [H, W], where it should be on the frame at hand.
    """

    def __init__(self, rgb: Rgb, mask: Mask, limits: Limits) -> None:
        self._limits = limits
        self._looks = Looks(rgb, mask)
        self._pace = Pace()
        self._shape, self._way = mask, (0, 0)
        self._shown = self.expected = mask
        self._usual_area = max(float(np.count_nonzero(mask)), 1.0)
        self._seen = 1.0
        self._frames_hidden = 0

    @property
    def is_hidden(self) -> bool:
        return self._frames_hidden > 0

    def predict(self, scene: Scene) -> None:
        """The whole object goes on as its visible part does; while it is hidden, as it went before."""
        dx, dy = self._pace.shift(scene, self._shown, self._middle(), self._seen)
        self._way = self._way[0] + dx, self._way[1] + dy
        self.expected = moved(self._shape, *self._way)

    def sighted(self, rgb: Rgb, masks: Sequence[Mask], others: Mask) -> Sighting | None:
        """The mask that is where the object should be; None where none is. others: where other objects should be.

        What others should cover and this one should not is theirs: two that touch may come as one mask.
        """
        theirs = others & ~self.expected
        return self._best(rgb, [(mask & ~theirs, self.expected) for mask in masks], self._limits.least_overlap)

    def elsewhere(self, rgb: Rgb, masks: Sequence[Mask], taken: Mask) -> Sighting | None:
        """The mask of the object's shape and colours near where it should be; taken: what other objects have."""
        x0, y0, x1, y1 = self.reach()
        pairs = []
        for mask in masks:
            free = mask & ~taken
            if not free.any() or np.count_nonzero(free) < 0.7 * np.count_nonzero(mask):
                continue
            x, y = _middle(free)
            if x0 <= x < x1 and y0 <= y < y1:
                pairs.append((free, self._laid_on(x, y)))
        return self._best(rgb, pairs, self._limits.least_shape)

    def reach(self) -> tuple[int, int, int, int]:
        """x0, y0, x1, y1: the part of the picture in which a hidden object is looked for."""
        height, width = self._shape.shape
        x, y = self._middle()
        across, down = self._size()
        further = 0.5 + self._limits.growth * self._frames_hidden
        left, right = x - across * (0.5 + further), x + across * (0.5 + further)
        top, bottom = y - down * (0.5 + further), y + down * (0.5 + further)
        x0, x1 = int(np.clip(left, 0, width - 1)), int(np.clip(np.ceil(right), 1, width))
        y0, y1 = int(np.clip(top, 0, height - 1)), int(np.clip(np.ceil(bottom), 1, height))
        return x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)

    def guesses(self, rgb: Rgb) -> list[Mask]:
        """The object laid on the places near where it should be that have its colours, bool [H, W] each."""
        places = self._looks.places(rgb, self._size(), self.reach(), _LOOKED_AT)
        return [guess for x, y in places if (guess := self._laid_on(x, y)).any()]

    def take(self, rgb: Rgb, sighting: Sighting, mask: Mask) -> float:
        """This is the object, and `mask` what is left of it to see; gives the confidence 0..1."""
        self._shown, self._frames_hidden = mask, 0
        area = float(np.count_nonzero(mask))
        self._seen = min(1.0, area / self._usual_area)
        if self._seen >= WHOLE:
            self._shape, self._way, self.expected = mask, (0, 0), mask
            self._looks.learn(rgb, mask)
        self._usual_area += _USUAL_PACE * self._seen * (area - self._usual_area)
        return sighting.fit * sighting.alike

    def miss(self) -> None:
        """It is nowhere to be seen on this frame."""
        self._shown = np.zeros_like(self._shape)
        self._seen = 0.0
        self._frames_hidden += 1

    def correct(self, rgb: Rgb, mask: Mask, *, turns: bool) -> None:
        """The user says that this is the object. turns: from here on time runs the other way."""
        if turns:
            self._pace.turn()
        self._shape, self._way = mask, (0, 0)
        self._shown = self.expected = mask
        self._usual_area = max(float(np.count_nonzero(mask)), HARDLY_SEEN * self._usual_area)
        self._seen, self._frames_hidden = 1.0, 0
        self._looks.learn(rgb, mask)

    def _best(self, rgb: Rgb, pairs: Sequence[tuple[Mask, Mask]], least_fit: float) -> Sighting | None:
        """Of masks, each with what it should be like, the one that fits best; by no means the first or the last."""
        found: list[Sighting] = []
        for mask, wanted in pairs:
            fit = region_similarity(mask, wanted) if mask.any() else 0.0
            if fit >= least_fit:
                alike = self._looks.alike(rgb, mask)
                if alike >= self._limits.least_alike:
                    found.append(Sighting(mask, fit, alike))
        return max(found, key=lambda sighting: sighting.rank, default=None)

    def _laid_on(self, x: float, y: float) -> Mask:
        """The object's shape with its middle at a place."""
        own_x, own_y = _middle(self._shape)
        return moved(self._shape, round(x - own_x), round(y - own_y))

    def _middle(self) -> tuple[float, float]:
        """Where the object should be, inside the picture or not."""
        x, y = _middle(self._shape)
        return x + self._way[0], y + self._way[1]

    def _size(self) -> tuple[float, float]:
        _, _, width, height = cv2.boundingRect(self._shape.view(np.uint8))
        return float(max(width, 1)), float(max(height, 1))


def moved(mask: Mask, dx: int, dy: int) -> Mask:
    """A mask bool [H, W] shifted to the right and downwards; what leaves the picture is gone."""
    height, width = mask.shape
    out = np.zeros_like(mask)
    if abs(dx) < width and abs(dy) < height:
        out[max(0, dy) : height + min(0, dy), max(0, dx) : width + min(0, dx)] = mask[
            max(0, -dy) : height + min(0, -dy), max(0, -dx) : width + min(0, -dx)
        ]
    return out


def _middle(mask: Mask) -> tuple[float, float]:
    """x, y of the middle of all that a mask holds."""
    moments = cv2.moments(mask.view(np.uint8), binaryImage=True)
    return moments["m10"] / max(moments["m00"], 1.0), moments["m01"] / max(moments["m00"], 1.0)
