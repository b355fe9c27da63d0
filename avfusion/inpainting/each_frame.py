"""A clip painted frame by frame, each for itself: nothing is known of its neighbours, and so it flickers."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avfusion.clip import Clip, Masks
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
        """As `ClipInpainter.fill` says. Nothing is written to `folder`. Raises `UsageError` too, as `paint` does."""
        check_count(clip, holes)
        with contextlib.closing(clip.frames()) as frames:
            for frame in frames:
                tell("filling", frame.index, clip.frame_count)
                hole = hole_of(clip, holes, frame.index)
                if hole.all():
                    raise UsageError(f"frame {frame.index}: the mask covers it all: nothing is left to fill it from.")
                rgb = self.painter.paint(frame.rgb, hole, wish) if hole.any() else frame.rgb
                yield Filled(frame.index, rgb, np.zeros_like(hole), hole)
        tell("filling", clip.frame_count, clip.frame_count)
