"""Filled frames -> the clip's own planes with only the hole replaced, and the map of what was seen."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Clip, Frame, Mask, Masks, Rgb, Yuv
from avfusion.compositing.background import planes_like
from avfusion.inpainting import Filled
from avfusion.media.encoder import Encoding
from avfusion.media.journal import Arrays, packed, unpacked
from avfusion.media.masks import TrackFolder, shown_colour
from avfusion.media.segments import Segments
from avfusion.media.write import NewSound, Rgba, write_video
from avfusion.metrics.inpaint import WarpMeter
from avfusion.pipelines.keep_pictures import Rendering
from avfusion.pipelines.progress import Teller

SEEN, INVENTED = 1, 2
"""Their numbers in the map."""

_DIMMED = 0.45
_TINT = 0.6


@dataclass(eq=False)
class Tally:
    """What a run comes to, counted frame by frame. map: what was seen and what was invented, if it is to be kept."""

    meter: WarpMeter = field(default_factory=WarpMeter)
    map: TrackFolder | None = None
    seen_px: int = 0
    invented_px: int = 0
    held: int = 0

    def observe(self, filled: Filled) -> None:
        self.seen_px += int(np.count_nonzero(filled.seen))
        self.invented_px += int(np.count_nonzero(filled.invented))
        self.meter.observe(filled.rgb, filled.seen | filled.invented)
        self.pass_over(filled)

    def pass_over(self, filled: Filled) -> None:
        """One that an earlier run has observed."""
        if self.map is not None:
            self.map.put(filled.index, SEEN, filled.seen)
            self.map.put(filled.index, INVENTED, filled.invented)

    def state(self) -> Arrays:
        """As `avfusion.pipelines.keep_pictures.Carrier`."""
        own = {"counts": np.array([self.seen_px, self.invented_px, self.held])}
        return packed({"own": own, "meter": self.meter.state()})

    def restore(self, state: Arrays) -> None:
        """As `avfusion.pipelines.keep_pictures.Carrier`."""
        self.seen_px, self.invented_px, self.held = (int(count) for count in state["own.counts"])
        self.meter.restore(unpacked(state, "meter"))

    def share(self, pixels: int) -> float:
        return pixels / max(1, self.seen_px + self.invented_px)


def render(
    clip: Clip,
    filled: Iterator[Filled],
    out: Path,
    encoding: Encoding,
    teller: Teller,
    tally: Tally,
    sound: bool | NewSound = True,
    kept: Segments | None = None,
) -> tuple[str, ...]:
    """Writes the clip with its holes filled; returns notes. sound, kept: as `write_video` takes them."""

    def pictures(start: int) -> Generator[Yuv | Rgba, None, None]:
        teller.skip(start)
        with contextlib.closing(clip.frames(start)) as frames:
            for frame in without_holes(clip, frames, filled_from(filled, start, tally), tally):
                tally.held += frame.held
                teller.step(partial(_shown, frame))
                yield frame.yuv

    made = Rendering(pictures, {"tally": tally})
    written = write_video(out, made, clip=clip, sound=sound, encoding=encoding, kept=kept)
    notes = [f"{tally.held} frames could not be decoded and show the picture before them."] if tally.held else []
    if clip.has_alpha:
        notes.append("The clip's transparency was left out.")
    return (*notes, *written.notes)


def filled_from(filled: Iterator[Filled], start: int, tally: Tally) -> Iterator[Filled]:
    """Those of frames start, start + 1, ...: an engine fills a clip from its beginning, and gives the same again."""
    for one in islice(filled, start):
        tally.pass_over(one)
    return filled


def without_holes(clip: Clip, frames: Iterable[Frame], filled: Iterable[Filled], tally: Tally) -> Iterator[Frame]:
    """Frames of the clip, each with what fills its hole; `tally` observes it."""
    for frame, one in zip(frames, filled, strict=True):
        tally.observe(one)
        yield Frame(frame.index, frame.time, _Whole(clip, frame, one), held=frame.held)


class _Whole:
    """A frame's picture with its hole filled; outside, planes are the frame's own to the bit."""

    def __init__(self, clip: Clip, frame: Frame, one: Filled) -> None:
        self.rgb = lambda: one.rgb
        self.yuv = lambda: replaced(clip, frame.yuv, one.rgb, one.seen | one.invented)
        self.alpha = lambda: frame.alpha


def _shown(frame: Frame) -> Rgb:
    return frame.rgb


def replaced(clip: Clip, planes: Yuv, rgb: Rgb, hole: Mask) -> Yuv:
    """`planes` with the hole's samples from `rgb`; all others to the bit. The hole is of whole blocks of 2 x 2."""
    if not hole.any():
        return planes
    blocks = np.ascontiguousarray(hole[::2, ::2]).view(np.uint8)
    filled = planes_like(clip, rgb)
    out = tuple(plane.copy() for plane in planes)
    for new, old, where in zip(filled, out, (hole.view(np.uint8), blocks, blocks), strict=True):
        cv2.copyTo(new, where, old)
    return out  # type: ignore[return-value]


def write_map(clip: Clip, map_: Masks, out: Path, teller: Teller, encoding: Encoding) -> tuple[str, ...]:
    """What was seen (blue) and what was invented (orange), over the dimmed clip, as a video without sound."""

    def pictures() -> Generator[Yuv, None, None]:
        with contextlib.closing(clip.frames()) as frames:
            for frame in frames:
                teller.step()
                yield planes_like(clip, map_picture(frame.rgb, map_.labels(frame.index)))

    with contextlib.closing(pictures()) as made:
        return write_video(out, made, clip=clip, sound=False, encoding=encoding).notes


def map_picture(rgb: Rgb, labels: NDArray[np.uint8]) -> Rgb:
    """uint8 [H, W, 3]: the picture dark and grey, `SEEN` and `INVENTED` tinted in the colours of objects 1 and 2."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)[..., None] * _DIMMED
    out = np.repeat(grey, 3, axis=2)
    for number in (SEEN, INVENTED):
        colour = np.array(list(bytes.fromhex(shown_colour(number)[1:])), np.float32)
        inside = labels == number
        out[inside] = out[inside] * (1 - _TINT) / _DIMMED + colour * _TINT
    return np.rint(out).clip(0, 255).astype(np.uint8)
