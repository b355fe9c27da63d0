"""What no frame shows: made up on one key frame, and carried to its neighbours by the motion of what is around.

Frames wait in a queue. When the first of them has to go and still has a gap, the frame of the queue with the largest
gap is painted, and the paint is carried to the others, forwards and backwards; so the next frames find theirs filled.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Mask, Rgb
from avfusion.errors import UsageError
from avfusion.inpainting import Filled, PictureInpainter, Wish
from avfusion.inpainting.flow_fill_carry import GOLDEN, gathered
from avfusion.inpainting.flow_fill_motion import Field, Small, depart, places
from avfusion.inpainting.flow_fill_survey import Survey
from avfusion.inpainting.hole import Window, window_around
from avfusion.inpainting.telea import Telea

WAITING = 30
"""So many frames are looked ahead for the best one to paint,"""

WAITING_BYTES = 256 * 2**20
"""but not more than this of pictures."""

KEPT_KEYS = 8
"""So many painted frames stay in memory."""

APART = 10
"""Frames of one shot are painted no closer together than this, unless nothing at all is known of a gap."""

SLIVER_SHARE = 0.04
SLIVER_PX = 48
"""A gap of fewer pixels, or of a smaller share of the hole, is closed by what is beside it."""

_NOWHERE = -1


class Waiting:
    """A frame whose gap is not closed yet.

    gap: bool [H, W], what no frame shows. key, x, y: for the gap's window, in which painted frame its paint lies (-1:
    in none yet) and where.
    """

    def __init__(self, index: int, rgb: Rgb, hole: Mask, gap: Mask) -> None:
        self.index, self.rgb, self.hole = index, rgb, hole
        self.window: Window = window_around(gap, 0) or (slice(0, 0), slice(0, 0))
        self.gap = gap
        self.key: NDArray[np.int32] = np.full(gap[self.window].shape, _NOWHERE, np.int32)
        self.x: Field = np.zeros(self.key.shape, np.float32)
        self.y: Field = np.zeros(self.key.shape, np.float32)
        self.small = Small(rgb, gap)
        self.small.cover()

    def open(self) -> Mask:
        """The gap's pixels without paint, bool of the window's size."""
        return self.gap[self.window] & (self.key < 0)


class Inventions:
    """The gaps of one shot. Frames go in by `add` in order; those that are done come out, the last ones by `finish`."""

    def __init__(
        self,
        known: Survey,
        inventor: PictureInpainter,
        wish: Wish,
        on_paint: Callable[[int, int], None] | None = None,
        on_key: Callable[[int], None] = lambda index: None,
    ) -> None:
        """on_paint(step, steps) while the inventor paints; on_key(frame) before it begins."""
        self._known, self._inventor, self._wish = known, inventor, wish
        self._on_paint, self._on_key = on_paint, on_key
        self._queue: deque[Waiting] = deque()
        self._left: Waiting | None = None
        self._keys: dict[int, Rgb] = {}
        self._painted = -APART

    def add(self, index: int, rgb: Rgb, hole: Mask, gap: Mask) -> Generator[Filled, None, None]:
        """rgb: the frame with what was seen filled in."""
        item = Waiting(index, rgb, hole, gap)
        before = self._queue[-1] if self._queue else self._left
        if before is not None:
            self._carry(before, item)
        self._queue.append(item)
        most = min(WAITING, max(2, WAITING_BYTES // (2 * rgb.nbytes)))
        yield from self._done(patient=len(self._queue) < most)

    def finish(self) -> Generator[Filled, None, None]:
        yield from self._done(patient=False)

    def _done(self, *, patient: bool) -> Iterator[Filled]:
        while self._queue:
            first = self._queue[0]
            missing = int(first.open().sum())
            sliver = missing <= max(SLIVER_PX, SLIVER_SHARE * first.hole.sum())
            if missing and not sliver:
                if patient:
                    return
                self._close(first)
            elif missing:
                self._stretch(first)
            self._queue.popleft()
            self._left = first
            yield self._rendered(first)
            self._forget()

    def _close(self, first: Waiting) -> None:
        """Closes the gap of the first frame, and what can be closed with it."""
        is_bare = bool((first.key < 0).all())
        if is_bare or first.index - self._painted >= APART:
            self._paint(self._best_key())
        if first.open().any() and bool((first.key < 0).all()):
            self._paint(first)  # what was painted elsewhere did not reach it
        if first.open().any():
            self._stretch(first)

    def _best_key(self) -> Waiting:
        sizes = [int(item.open().sum()) for item in self._queue]
        whole = self._queue[0].gap.size
        fair = [(size, -item.index, item) for size, item in zip(sizes, self._queue, strict=True) if size < whole]
        if not fair or max(fair)[0] == 0:
            raise UsageError("the masks cover the whole picture: nothing is left to fill it from. Give smaller masks.")
        return max(fair)[2]

    def _paint(self, item: Waiting, inventor: PictureInpainter | None = None) -> None:
        """Paints one frame's gap and carries the paint through the queue."""
        missing = np.zeros_like(item.gap)
        missing[item.window] = item.open()
        picture = self._rendered(item).rgb
        if inventor is None:
            self._on_key(item.index)
            self._keys[item.index] = self._inventor.paint(picture, missing, self._wish, tell=self._on_paint)
            self._painted = max(self._painted, item.index)
        else:
            self._keys[item.index] = inventor.paint(picture, missing)
        rows, columns = item.window
        at = missing[item.window]
        y, x = np.nonzero(at)
        item.key[at], item.x[at], item.y[at] = item.index, x + columns.start, y + rows.start
        place = self._queue.index(item)
        for earlier in range(place - 1, -1, -1):
            self._carry(self._queue[earlier + 1], self._queue[earlier])
        for later in range(place + 1, len(self._queue)):
            self._carry(self._queue[later - 1], self._queue[later])

    def _carry(self, there: Waiting, here: Waiting) -> None:
        """Paint of a neighbouring frame goes to the pixels that are still bare here."""
        missing = here.open()
        if not missing.any() or not (there.key >= 0).any():
            return
        camera = self._known.towards(here.index, there.index)
        departure = depart(here.small, there.small, camera, None)
        x, y = places(here.window, camera, departure, here.small.scale)
        rows, columns = there.window
        height, width = there.key.shape
        dither = there.index * GOLDEN % 1  # as `Carrier` rounds
        column = np.floor(x + dither).astype(np.intp) - columns.start
        row = np.floor(y + dither).astype(np.intp) - rows.start
        inside = missing & (column >= 0) & (row >= 0) & (column < width) & (row < height)
        row, column = row[inside], column[inside]
        here.key[inside] = there.key[row, column]
        here.x[inside] = there.x[row, column] + x[inside] - (column + columns.start)
        here.y[inside] = there.y[row, column] + y[inside] - (row + rows.start)

    def _stretch(self, item: Waiting) -> None:
        """Bare pixels go on from their nearest neighbour with paint; where there is none, `telea` paints them."""
        covered = item.gap[item.window] & (item.key >= 0)
        if not covered.any():
            self._paint(item, Telea())
            return
        _, labels = cv2.distanceTransformWithLabels(
            (~covered).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
        )
        index_of = np.zeros(int(labels.max()) + 1, np.intp)
        index_of[labels[covered]] = np.flatnonzero(covered)
        bare = item.open()
        row, column = np.nonzero(bare)
        near_row, near_column = np.unravel_index(index_of[labels[bare]], covered.shape)
        item.key[bare] = item.key[near_row, near_column]
        item.x[bare] = item.x[near_row, near_column] + (column - near_column)
        item.y[bare] = item.y[near_row, near_column] + (row - near_row)

    def _rendered(self, item: Waiting) -> Filled:
        """The frame with the paint that it has."""
        out = item.rgb.copy()
        view = out[item.window]
        exposure = self._known.exposure
        for key in np.unique(item.key[item.key >= 0]):
            here: NDArray[np.bool_] = item.key == key
            gain = np.exp(exposure[item.index] - exposure[key]).astype(np.float32)
            colours = gathered(self._keys[int(key)], item.x[here], item.y[here]) * gain
            view[here] = np.clip(np.rint(colours), 0, 255).astype(np.uint8)
        return Filled(item.index, out, item.hole & ~item.gap, item.gap)

    def _forget(self) -> None:
        """Lets painted frames go to which nothing points, and the oldest where there are too many."""
        items = [*self._queue, *([self._left] if self._left else [])]
        used = {int(key) for item in items for key in np.unique(item.key)}
        self._keys = {key: picture for key, picture in self._keys.items() if key in used}
        for key in sorted(self._keys)[: max(0, len(self._keys) - KEPT_KEYS)]:
            del self._keys[key]
            for item in items:
                item.key[item.key == key] = _NOWHERE
