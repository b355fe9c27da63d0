"""A clip painted frame by frame, each for itself: nothing is known of its neighbours, and so it flickers.

Only a frame that is all hole has nothing of its own: it shows its neighbour's painted picture, of the frame before it
or, at the clip's beginning, of the first one that shows something.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avfusion.clip import Clip, Frame, Mask, Masks, Rgb
from avfusion.errors import UsageError
from avfusion.inpainting import Filled, PictureInpainter, Tell, Wish
from avfusion.inpainting.hole import NO_WISH, check_count, hole_of


@dataclass(frozen=True)
class EachFrame:
    """A `ClipInpainter` out of a `PictureInpainter`."""

    painter: PictureInpainter

    @property
    def name(self) -> str:
        return self.painter.name

    def fill(
        self, clip: Clip, holes: Masks, wish: Wish = NO_WISH, *, folder: Path, tell: Tell
    ) -> Generator[Filled, None, None]:
        """As `ClipInpainter.fill` says. Nothing is written to `folder`.

        Raises `UsageError` too, where all frames are all hole.
        """
        check_count(clip, holes)
        last: Rgb | None = None
        with contextlib.closing(clip.frames()) as frames:
            for frame in frames:
                tell("filling", frame.index, clip.frame_count)
                hole = hole_of(clip, holes, frame.index)
                if hole.all():
                    last = self._first(clip, holes, wish) if last is None else last
                else:
                    last = self._painted(frame, hole, wish)
                yield Filled(frame.index, last, np.zeros_like(hole), hole)
        tell("filling", clip.frame_count, clip.frame_count)

    def _first(self, clip: Clip, holes: Masks, wish: Wish) -> Rgb:
        """The first frame that is not all hole, painted."""
        for index in range(clip.frame_count):
            hole = hole_of(clip, holes, index)
            if not hole.all():
                with contextlib.closing(clip.frames(index, index + 1)) as frames:
                    return self._painted(next(frames), hole, wish)
        raise UsageError(
            f"{clip.path}: the masks cover every frame whole, from frame 0 on. Nothing is left to fill them from."
        )

    def _painted(self, frame: Frame, hole: Mask, wish: Wish) -> Rgb:
        return self.painter.paint(frame.rgb, hole, wish) if hole.any() else frame.rgb
