"""`flow-fill`: what other frames show behind the hole, and one invention for what none shows."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avfusion.clip import Clip, Mask, Masks, Rgb
from avfusion.inpainting import Filled, PictureInpainter, Tell, Wish
from avfusion.inpainting.flow_fill_carry import Carrier
from avfusion.inpainting.flow_fill_merge import CarriedFiles, merged
from avfusion.inpainting.flow_fill_survey import Survey, survey
from avfusion.inpainting.hole import NO_WISH, check_count, hole_of
from avfusion.inpainting.patches import Patches
from avfusion.inpainting.telea import Telea


@dataclass(frozen=True)
class FlowFillSettings:
    """replace: the whole hole is invented on key frames (something else in its place), and nothing seen is used."""

    replace: bool = False


class FlowFill:
    """A `ClipInpainter` and a `PictureInpainter`. `inventor` paints what no frame shows, on key frames only."""

    name = "flow-fill"

    def __init__(self, inventor: PictureInpainter | None = None, settings: FlowFillSettings | None = None) -> None:
        self.inventor = Patches() if inventor is None else inventor
        self.settings = settings or FlowFillSettings()
        self.inventions = 0

    def paint(
        self, picture: Rgb, hole: Mask, wish: Wish = NO_WISH, *, tell: Callable[[int, int], None] | None = None
    ) -> Rgb:
        """As `PictureInpainter.paint` says: the inventor's answer."""
        return self.inventor.paint(picture, hole, wish, tell=tell)

    def fill(
        self, clip: Clip, holes: Masks, wish: Wish = NO_WISH, *, folder: Path, tell: Tell
    ) -> Generator[Filled, None, None]:
        """As `ClipInpainter.fill` says."""
        check_count(clip, holes)
        known = survey(clip, holes, tell)
        for first, end, _ in known.spans():
            yield from self._fill_shot(clip, holes, known, (first, end), CarriedFiles(folder / "carried"), tell)

    def _fill_shot(
        self, clip: Clip, holes: Masks, known: Survey, span: tuple[int, int], files: CarriedFiles, tell: Tell
    ) -> Generator[Filled, None, None]:
        later = Carrier(known)
        with contextlib.closing(clip.frames(*span, backwards=True)) as frames:
            for frame in frames:
                tell("carrying back", span[1] - 1 - frame.index, clip.frame_count)
                files.put(frame.index, later.step(frame.index, frame.rgb, hole_of(clip, holes, frame.index)))
        earlier = Carrier(known)
        with contextlib.closing(clip.frames(*span)) as frames:
            for frame in frames:
                tell("filling", frame.index, clip.frame_count)
                hole = hole_of(clip, holes, frame.index)
                colours, seen = merged(hole, earlier.step(frame.index, frame.rgb, hole), files.take(frame.index))
                out = frame.rgb.copy()
                out[hole] = colours
                known_ = np.zeros_like(hole)
                known_[hole] = seen
                un = hole & ~known_
                if un.any():
                    out = Telea().paint(out, un)
                yield Filled(frame.index, out, known_, un)
