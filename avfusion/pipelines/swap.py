"""A new background behind the object of a clip."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Clip, Frame, Mask, Masks, Prompt, Yuv
from avfusion.compositing.background import (
    Background,
    Loop,
    Moving,
    OutOfFocus,
    colour_background,
    picture_background,
)
from avfusion.compositing.blend import Blender
from avfusion.compositing.cutout import cut_out
from avfusion.compositing.fit import Fit, FitKind
from avfusion.compositing.match import ColourMatch
from avfusion.errors import UsageError
from avfusion.matting import Edges, Matte, Matting
from avfusion.media.colour import matrix_in_use
from avfusion.media.cut import cut, later
from avfusion.media.formats import format_of
from avfusion.media.probe import probe
from avfusion.media.target import refuse_inputs, refuse_target, whole_file
from avfusion.media.write import Encoding, as_rgb, write_video
from avfusion.metrics.flicker import FlickerMeter
from avfusion.pipelines.frame import as_clip, one_frame
from avfusion.pipelines.given import Given, given_masks
from avfusion.pipelines.progress import OnProgress, ShouldStop, Teller
from avfusion.pipelines.report import Report
from avfusion.pipelines.segment import grey_planes
from avfusion.pipelines.track import check_span, track

TRANSPARENT = "transparent"
BLUR = "blur"


@dataclass(frozen=True)
class SwapSettings:
    """How the swap looks.

    edges: `soft` alpha from the image, `hard` the mask as it is, `closed-form` (pymatting, slow). fit, position, scale:
    how the background lies behind the clip. loop: what a shorter background clip does. blur: strength 0..1 for the
    background `blur`. light_wrap, colour_match: 0 (off) to 1.
    """

    edges: Edges = "soft"
    fit: FitKind = "cover"
    position: tuple[float, float] = (0.5, 0.5)
    scale: float = 1.0
    loop: Loop = "loop"
    blur: float = 0.5
    light_wrap: float = 0.0
    colour_match: float = 0.0
    encoding: Encoding = field(default_factory=Encoding)

    def __post_init__(self) -> None:
        for name in ("blur", "light_wrap", "colour_match"):
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError(f"{name.replace('_', ' ')} {getattr(self, name):g}: give a number from 0 to 1.")
        self.placement()

    def placement(self) -> Fit:
        return Fit(self.fit, self.position, self.scale)


def swap(
    clip: Clip | Path | str,
    prompts: Sequence[Prompt] = (),
    *,
    background: Path | str,
    out: Path | str,
    masks: Path | Masks | None = None,
    matte: Path | None = None,
    engine: str = "auto",
    segmenter: str = "auto",
    device: str = "auto",
    span: tuple[int, int] | None = None,
    settings: SwapSettings | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> Report:
    """Writes `clip` to `out` with `background` behind the object that the prompts or masks say.

    background: path of a picture or clip, `#rrggbb`, `blur` or `transparent`. masks: a folder of PNGs or a finished
    track, instead of prompts; a clip that has an alpha of its own needs neither. matte: also write the alpha there, as
    a grey video. span: only frames start..stop-1, and the sound that goes with them; masks may be those of the whole
    clip or of this part. Frames, times and sound are the source's. Raises what the rooms below raise, `Stopped` when
    `should_stop` says so; nothing half-written stays.
    """
    clip, out, settings = as_clip(clip), Path(out), settings or SwapSettings()
    background = str(background)
    check_output(out, background)
    for target in [out] if matte is None else [out, matte]:
        refuse_inputs(target, [clip.path, Path(background)])
        refuse_target(target, folder=format_of(target).ending == ".png")
    if matte is not None and matte.absolute() == out.absolute():
        raise UsageError(f"{out}: the matte needs a file of its own. Choose another name for it.")
    whole, (start, stop) = clip, check_span(clip, span)
    clip = cut(whole, start, stop)
    behind = open_background(clip, background, settings)
    with contextlib.ExitStack() as stack:
        if isinstance(behind, Moving):
            stack.callback(behind.close)
        given = Given(None, {"matte": "the clip's own alpha"})
        if masks is not None:
            given = given_masks(whole, clip, prompts, masks)
        elif prompts or not clip.has_alpha:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="avfusion-")))
            given = Given.of(
                track(
                    whole, prompts, folder=folder, engine=engine, segmenter=segmenter, device=device,
                    span=(start, stop), on_progress=on_progress, should_stop=should_stop,
                )
            )  # fmt: skip
        masks_shown = given.masks
        if masks_shown is not None and masks_shown.frame_count != clip.frame_count:
            masks_shown = later(masks_shown, start, stop)
        stages_s = dict(given.stages_s)
        if matte is not None:
            # It takes its name when the block ends, after the clip has: both are there in the end, or neither.
            part = stack.enter_context(whole_file(matte))
            teller = Teller("matte", clip.frame_count, on_progress, should_stop)
            write_matte(clip, masks_shown, part, settings, teller)
            stages_s["matte"] = teller.seconds
        teller = Teller("rendering", clip.frame_count, on_progress, should_stop)
        meter = FlickerMeter()
        notes = render(clip, masks_shown, behind, out, settings, teller, meter)
        stages_s["rendering"] = teller.seconds
    return Report(
        verb="swap",
        out=out,
        frames=clip.frame_count,
        width_px=clip.width_px,
        height_px=clip.height_px,
        duration_s=float(clip.duration_s),
        engines=given.engines,
        revisions=given.revisions,
        devices=given.devices,
        stages_s=stages_s,
        notes=(*clip.notes, *given.notes, *notes),
        flicker=meter.score,
    )


def check_output(out: Path, background: str) -> None:
    """Raises `UnknownFormat`, or `UsageError` when the format cannot hold what is asked of it."""
    form = format_of(out)
    if background == TRANSPARENT and not form.alpha_pixels and form.ending == ".mp4":
        raise UsageError(f"{out}: .mp4 has no transparency. Use .webm, .mov (ProRes 4444), .gif or a folder of PNGs.")


def open_background(clip: Clip, background: str, settings: SwapSettings) -> Background | None:
    """What to put behind the clip; None for transparent. Raises what reading it raises, and `UsageError`."""
    if background == TRANSPARENT:
        return None
    if background == BLUR:
        return OutOfFocus(settings.blur)
    if background.startswith("#"):
        return colour_background(clip, background)
    source = probe(Path(background))
    if source.frame_count == 1:
        return picture_background(clip, one_frame(source, 0).rgb, settings.placement())
    return Moving(clip, source, settings.placement(), settings.loop)


def render(
    clip: Clip,
    mask_track: Masks | None,
    behind: Background | None,
    out: Path,
    settings: SwapSettings,
    teller: Teller,
    meter: FlickerMeter,
) -> tuple[str, ...]:
    """Writes the swapped clip; returns notes. Without a track the clip's own alpha is the matte."""
    blender = Blender(clip, light_wrap=settings.light_wrap)
    matching = None
    if settings.colour_match and behind is not None:
        matrix = matrix_in_use(clip.colour, clip.height_px)
        matching = ColourMatch(settings.colour_match, matrix=matrix, full_range=clip.colour.full_range)
    held = 0

    def pictures() -> Generator[Yuv | NDArray[np.uint8], None, None]:
        nonlocal held
        for frame, mask, matte in mattes(clip, mask_track, settings):
            held += frame.held
            meter.observe(matte.alpha, frame.yuv[0])
            if behind is None:
                picture = cut_out(frame, matte)
                teller.step(partial(_on_checkers, picture))
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

    with contextlib.closing(pictures()) as made:
        written = write_video(out, made, clip=clip, alpha=behind is None, encoding=settings.encoding)
    damaged = (f"{held} frames could not be decoded and show the picture before them.",) if held else ()
    return (*damaged, *written.notes)


def _matched(matte: Matte, matching: ColourMatch) -> Matte:
    if matte.foreground is None:
        return matte
    return replace(matte, foreground=matching.rgb(matte.foreground))


def mattes(
    clip: Clip, mask_track: Masks | None, settings: SwapSettings
) -> Generator[tuple[Frame, Mask, Matte], None, None]:
    """(frame, mask, matte) for each frame of the clip."""
    matting = Matting(settings.edges)
    with contextlib.closing(clip.frames()) as frames:
        for frame in frames:
            if mask_track is None:
                alpha = frame.alpha
                assert alpha is not None
                yield frame, alpha > 127, Matte(alpha)
            else:
                mask = mask_track.union(frame.index)
                yield frame, mask, matting.matte(frame, mask)


def write_matte(
    clip: Clip, mask_track: Masks | None, out: Path, settings: SwapSettings, teller: Teller
) -> tuple[str, ...]:
    """The alpha of a swap as a grey video without sound; returns notes."""

    def pictures() -> Generator[Yuv, None, None]:
        for _, _, matte in mattes(clip, mask_track, settings):
            teller.step()
            yield grey_planes(clip, matte.alpha)

    with contextlib.closing(pictures()) as made:
        return write_video(out, made, clip=clip, sound=False, encoding=settings.encoding).notes


def _on_checkers(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The cut-out over a grey checkerboard, for looking at."""
    height, width = rgba.shape[:2]
    rows, columns = np.ogrid[:height, :width]
    checkers = np.where((rows // 16 + columns // 16) % 2, 200, 235).astype(np.float32)[..., None]
    alpha = rgba[..., 3:].astype(np.float32) / 255.0
    return np.rint(rgba[..., :3] * alpha + checkers * (1 - alpha)).astype(np.uint8)
