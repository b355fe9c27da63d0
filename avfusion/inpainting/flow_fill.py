"""`flow-fill`: what other frames show behind the hole, and one invention for what none shows.

The clip is looked through (shots, camera, exposure), gone through backwards, then forwards. Where the camera stands
still the median of what was seen takes the place of the two directions.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avfusion.clip import Clip, Frame, Mask, Masks, Rgb
from avfusion.inpainting import Filled, PictureInpainter, Tell, Wish
from avfusion.inpainting.flow_fill_carry import Carrier
from avfusion.inpainting.flow_fill_invent import Inventions
from avfusion.inpainting.flow_fill_merge import CarriedFiles, merged
from avfusion.inpainting.flow_fill_survey import Survey, survey
from avfusion.inpainting.hole import NO_WISH, check_count, hole_of
from avfusion.inpainting.patches import Patches
from avfusion.inpainting.plate import Plate


@dataclass(frozen=True)
class FlowFillSettings:
    """replace: the whole hole is invented on key frames (something else in its place), and nothing seen is used."""

    replace: bool = False


@dataclass(frozen=True, eq=False)
class Shot:
    """Frames first..end-1 of a clip whose holes are being filled, and what is known of them."""

    clip: Clip
    holes: Masks
    known: Survey
    first: int
    end: int
    tell: Tell

    def frames(self, stage: str, *, backwards: bool = False) -> Iterator[tuple[Frame, Mask]]:
        """Each frame with its hole. Says how far it is."""
        with contextlib.closing(self.clip.frames(self.first, self.end, backwards=backwards)) as frames:
            for frame in frames:
                done = self.first + (self.end - 1 - frame.index if backwards else frame.index - self.first)
                self.tell(stage, done, self.clip.frame_count)
                yield frame, hole_of(self.clip, self.holes, frame.index)


class FlowFill:
    """A `ClipInpainter` and a `PictureInpainter`. `inventor` paints what no frame shows, on key frames only.

    inventions: how many frames were painted by the inventor in the clip filled last, or so far in this one.
    """

    name = "flow-fill"

    def __init__(self, inventor: PictureInpainter | None = None, settings: FlowFillSettings | None = None) -> None:
        self.inventor: PictureInpainter = Patches() if inventor is None else inventor
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
        """As `ClipInpainter.fill` says. Stages: looking, carrying back, filling, inventing.

        Raises `UsageError` where a frame is all hole and no other shows anything, `MaskCountMismatch`, `CannotWrite`.
        """
        check_count(clip, holes)
        self.inventions = 0
        known = survey(clip, holes, tell)
        for first, end, is_still in known.spans():
            shot = Shot(clip, holes, known, first, end, tell)
            if self.settings.replace:
                parts = _nothing(shot)
            elif is_still:
                parts = _from_plate(shot)
            else:
                parts = _from_both_directions(shot, CarriedFiles(folder / "carried"))
            yield from self._invented(shot, parts, wish)

    def _invented(
        self, shot: Shot, parts: Iterator[tuple[Frame, Mask, Rgb, Mask]], wish: Wish
    ) -> Generator[Filled, None, None]:
        def on_key(index: int) -> None:
            self.inventions += 1

        def on_paint(step: int, steps: int) -> None:
            shot.tell("inventing", step, steps)

        gaps = Inventions(shot.known, self.inventor, wish, on_paint, on_key)
        for frame, hole, rgb, gap in parts:
            yield from gaps.add(frame.index, rgb, hole, gap)
        yield from gaps.finish()


def _nothing(shot: Shot) -> Iterator[tuple[Frame, Mask, Rgb, Mask]]:
    """The frame, its hole, the frame with what was seen filled in, and the gap that is left: here all of the hole."""
    for frame, hole in shot.frames("filling"):
        yield frame, hole, frame.rgb, hole


def _from_plate(shot: Shot) -> Iterator[tuple[Frame, Mask, Rgb, Mask]]:
    exposure = shot.known.exposure
    plate = Plate((shot.clip.height_px, shot.clip.width_px))
    for frame, hole in shot.frames("carrying back"):
        plate.learn(frame.rgb, hole, exposure[frame.index])
    picture, seen = plate.picture()
    for frame, hole in shot.frames("filling"):
        out = frame.rgb.copy()
        filled = hole & seen
        colours = picture[filled] * np.exp(exposure[frame.index]).astype(np.float32)
        out[filled] = np.clip(np.rint(colours), 0, 255).astype(np.uint8)
        yield frame, hole, out, hole & ~seen


def _from_both_directions(shot: Shot, files: CarriedFiles) -> Iterator[tuple[Frame, Mask, Rgb, Mask]]:
    later = Carrier(shot.known)
    for frame, hole in shot.frames("carrying back", backwards=True):
        files.put(frame.index, later.step(frame.index, frame.rgb, hole))
    earlier = Carrier(shot.known)
    for frame, hole in shot.frames("filling"):
        colours, seen = merged(frame.rgb, hole, earlier.step(frame.index, frame.rgb, hole), files.take(frame.index))
        out, gap = frame.rgb.copy(), np.zeros_like(hole)
        out[hole] = np.where(seen[:, None], colours, out[hole])
        gap[hole] = ~seen
        yield frame, hole, out, gap
