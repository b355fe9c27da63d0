"""What is painted second after second -> things: connected patches, linked by their overlap.

Of each patch only its own rectangle is kept, a few kilobytes, so that an hour fits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

# Of the picture: smaller patches are specks. Of the smaller one of two patches: what shares more is one thing.
_LEAST_AREA, _SAME = 0.003, 0.2
# A patch that lies so much within a thing that has one already is a second part of it.
_WITHIN = 0.5
# The largest of a second, and the things that were painted most: others are dropped, so that noise fills no memory.
_PATCHES_AT_MOST, _THINGS_AT_MOST = 12, 100


@dataclass(frozen=True, eq=False)
class Patch:
    """number: of its name. sure: uint8 [h, w] in 0..255, above 127 on it, in the rectangle at (top, left). score: the
    mean there, 0.5..1. area: pixels."""

    number: int
    top: int
    left: int
    sure: NDArray[np.uint8]
    score: float
    area: int

    def shared(self, other: Patch) -> int:
        """Pixels that both are on."""
        top, left = max(self.top, other.top), max(self.left, other.left)
        bottom = min(self.top + self.sure.shape[0], other.top + other.sure.shape[0])
        right = min(self.left + self.sure.shape[1], other.left + other.sure.shape[1])
        if bottom <= top or right <= left:
            return 0
        mine, theirs = (
            one.sure[top - one.top : bottom - one.top, left - one.left : right - one.left] > 127
            for one in (self, other)
        )
        return int(np.count_nonzero(mine & theirs))


@dataclass(eq=False)
class Thing:
    """patches: second -> its parts, as the seconds come. weight: how long it was painted, and how surely."""

    patches: dict[int, list[Patch]] = field(default_factory=dict)
    weight: float = 0.0

    @property
    def last(self) -> list[Patch]:
        return self.patches[next(reversed(self.patches))]

    def score(self, second: int) -> float:
        """0.5..1 where it is painted, else 0."""
        parts = self.patches.get(second, [])
        area = sum(part.area for part in parts)
        return sum(part.score * part.area for part in parts) / area if area else 0.0

    def votes(self) -> dict[int, float]:
        """number -> its share of all that was painted."""
        found: dict[int, float] = {}
        for parts in self.patches.values():
            for part in parts:
                found[part.number] = found.get(part.number, 0.0) + part.score * part.area
        whole = sum(found.values())
        return {number: weight / whole for number, weight in found.items()}

    def sure_at(self, second: int, shape: tuple[int, int]) -> NDArray[np.uint8]:
        """uint8 [h, w] in 0..255 of the whole picture, above 127 on the thing."""
        out = np.zeros(shape, np.uint8)
        for part in self.patches[second]:
            here = out[part.top : part.top + part.sure.shape[0], part.left : part.left + part.sure.shape[1]]
            np.maximum(here, part.sure, out=here)
        return out


@dataclass(frozen=True, eq=False)
class _Pair:
    """A thing and a patch of this second, by its place among them. shared: pixels; overlap: intersection over union,
    both with where the thing was painted last."""

    thing: Thing
    place: int
    shared: int
    overlap: float


class Things:
    """The things of a clip, second by second."""

    def __init__(self) -> None:
        self._found: list[Thing] = []

    def add(self, second: int, sure: NDArray[np.float32], numbers: NDArray[np.uint8]) -> None:
        """sure: float32 [h, w]; numbers: uint8 [h, w], of what it is where sure is above 0.5; 0 is nothing."""
        patches = patches_of(sure, numbers)
        pairs = sorted(self._pairs(patches), key=lambda pair: -pair.overlap)
        taken: set[int] = set()
        for pair in pairs:
            if pair.place not in taken and second not in pair.thing.patches:
                taken.add(pair.place)
                pair.thing.patches[second] = [patches[pair.place]]
        for pair in pairs:
            if pair.place not in taken and pair.shared >= _WITHIN * patches[pair.place].area:
                taken.add(pair.place)
                pair.thing.patches[second].append(patches[pair.place])
        self._found += [Thing({second: [patch]}) for place, patch in enumerate(patches) if place not in taken]
        for thing in self._found:
            thing.weight += thing.score(second)
        if len(self._found) > _THINGS_AT_MOST:
            # What is painted now may go on.
            self._found.sort(key=lambda thing: (second not in thing.patches, -thing.weight))
            del self._found[_THINGS_AT_MOST // 2 :]

    def most_painted(self, count: int) -> list[Thing]:
        """The longest and surest first."""
        return sorted(self._found, key=lambda thing: -thing.weight)[:count]

    def _pairs(self, patches: list[Patch]) -> Iterator[_Pair]:
        """Of those that may be one."""
        for thing in self._found:
            before = thing.last
            area = sum(part.area for part in before)
            for place, patch in enumerate(patches):
                shared = sum(map(patch.shared, before))
                if shared >= _SAME * min(area, patch.area):
                    yield _Pair(thing, place, shared, shared / (area + patch.area - shared))


def patches_of(sure: NDArray[np.float32], numbers: NDArray[np.uint8]) -> list[Patch]:
    """The largest first."""
    on = (sure > 0.5) & (numbers > 0)
    patches = [
        patch
        for number in np.unique(numbers[on]).tolist()
        for patch in _connected(on & (numbers == number), sure, on, number)
    ]
    return sorted(patches, key=lambda patch: -patch.area)[:_PATCHES_AT_MOST]


def _connected(
    mask: NDArray[np.bool_], sure: NDArray[np.float32], on: NDArray[np.bool_], number: int
) -> Iterator[Patch]:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    for label in range(1, count):
        left, top, width, height, area = (int(value) for value in stats[label])
        if area < _LEAST_AREA * mask.size:
            continue
        # With a pixel around it, in which it is not quite nothing: so its edge lies right when it is enlarged.
        top, left, bottom, right = max(top - 1, 0), max(left - 1, 0), top + height + 1, left + width + 1
        here = np.s_[top:bottom, left:right]
        own = labels[here] == label
        kept = np.where(own | ~on[here], sure[here], 0)
        # Above a half is above 127 also when it is rounded.
        coded = np.where(own, np.maximum(np.rint(kept * 255), 128), np.minimum(np.rint(kept * 255), 127))
        yield Patch(number, top, left, coded.astype(np.uint8), float(sure[here][own].mean()), area)
