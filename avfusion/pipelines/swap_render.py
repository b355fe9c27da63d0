"""Frames with masks -> the object on its new background, one picture after the other."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Clip, Frame, Mask, Masks, Yuv
from avfusion.compositing.background import Background
from avfusion.compositing.blend import Blender
from avfusion.compositing.cutout import cut_out
from avfusion.compositing.match import ColourMatch
from avfusion.matting import Matte, Matting
from avfusion.media.colour import matrix_in_use
from avfusion.media.journal import Arrays, packed, unpacked
from avfusion.media.write import Rgba, as_rgb
from avfusion.metrics.flicker import FlickerMeter
from avfusion.pipelines.progress import Teller
from avfusion.pipelines.swap_settings import SwapSettings


@dataclass(eq=False)
class Edging:
    """What a rendering knows of the frames before, and comes to. held: frames that did not decode."""

    meter: FlickerMeter = field(default_factory=FlickerMeter)
    held: int = 0
    _steady: dict[str, Matting | ColourMatch] = field(default_factory=dict)
    _restored: Arrays = field(default_factory=dict)

    def matting(self, settings: SwapSettings) -> Matting:
        """What makes the mattes, with what it knew before."""
        found = Matting(settings.edges)
        found.restore(unpacked(self._restored, "matting"))
        self._steady["matting"] = found
        return found

    def matching(self, clip: Clip, settings: SwapSettings) -> ColourMatch:
        """What matches the object's colours, with what it knew before."""
        matrix = matrix_in_use(clip.colour, clip.height_px)
        found = ColourMatch(settings.colour_match, matrix=matrix, full_range=clip.colour.full_range)
        found.restore(unpacked(self._restored, "matching"))
        self._steady["matching"] = found
        return found

    def state(self) -> Arrays:
        """As `avfusion.pipelines.keep_pictures.Carrier`."""
        steady = {name: one.state() for name, one in self._steady.items()}
        return packed({**steady, "meter": self.meter.state(), "own": {"held": np.array(self.held)}})

    def restore(self, state: Arrays) -> None:
        """As `avfusion.pipelines.keep_pictures.Carrier`."""
        self._restored, self.held = state, int(state["own.held"])
        self.meter.restore(unpacked(state, "meter"))

    @property
    def notes(self) -> tuple[str, ...]:
        return (f"{self.held} frames could not be decoded and show the picture before them.",) if self.held else ()


def mattes(
    frames: Iterable[Frame], mask_track: Masks | None, settings: SwapSettings, edging: Edging
) -> Iterator[tuple[Frame, Mask, Matte]]:
    """(frame, mask, matte) for each frame; without a track the frame's own alpha is the matte."""
    matting = edging.matting(settings)
    for frame in frames:
        if mask_track is None:
            alpha = frame.alpha
            assert alpha is not None
            yield frame, alpha > 127, Matte(alpha)
        else:
            mask = mask_track.union(frame.index)
            yield frame, mask, matting.matte(frame, mask)


def on_background(
    clip: Clip,
    frames: Iterable[tuple[Frame, Mask, Matte]],
    behind: Background | None,
    settings: SwapSettings,
    teller: Teller,
    edging: Edging,
) -> Generator[Yuv | Rgba, None, None]:
    """The planes of every frame, or with no background straight RGBA. frames: as `mattes` gives them."""
    blender = Blender(clip, light_wrap=settings.light_wrap)
    matching = None
    if settings.colour_match and behind is not None:
        matching = edging.matching(clip, settings)
    for frame, mask, matte in frames:
        edging.held += frame.held
        edging.meter.observe(matte.alpha, frame.yuv[0])
        if behind is None:
            picture = cut_out(frame, matte)
            teller.step(partial(on_checkers, picture))
            yield picture
            continue
        background = behind.behind(frame, mask)
        planes = frame.yuv
        if matching is not None:
            matching.observe(planes, mask, background)
            planes, matte = matching.planes(planes), _matched(matte, matching)
        blended = blender.blend(planes, matte, background)
        teller.step(partial(as_rgb, blended, clip))
        yield blended


def _matched(matte: Matte, matching: ColourMatch) -> Matte:
    if matte.foreground is None:
        return matte
    return replace(matte, foreground=matching.rgb(matte.foreground))


def on_checkers(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The cut-out over a grey checkerboard, for looking at."""
    height, width = rgba.shape[:2]
    rows, columns = np.ogrid[:height, :width]
    checkers = np.where((rows // 16 + columns // 16) % 2, 200, 235).astype(np.float32)[..., None]
    alpha = rgba[..., 3:].astype(np.float32) / 255.0
    return np.rint(rgba[..., :3] * alpha + checkers * (1 - alpha)).astype(np.uint8)
