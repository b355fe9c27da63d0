"""What programs call for a new background: /swap."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from avfusion.clip import Clip
from avfusion.compositing.fit import FitKind
from avfusion.errors import UsageError
from avfusion.matting import Edges
from avfusion.pipelines.progress import OnProgress, ShouldStop
from avfusion.pipelines.report import Report
from avfusion.pipelines.swap import SwapSettings
from avfusion.pipelines.swap import swap as run_swap
from avfusion.ui.endpoints_asked import File, Says
from avfusion.ui.endpoints_parameters import (
    FromFrame,
    Masks,
    Points,
    Segmenter,
    ToFrame,
    Tracker,
    Video,
    masks_in,
    prompts_or_masks,
    span_of,
)
from avfusion.ui.endpoints_running import Made, made

SwapFormat = Literal["mp4", "webm", "mov", "gif", "zip"]
Background = Annotated[
    str, Says("a colour like #204060, or blur, or transparent. Nothing, or file, takes the background file.")
]
BackgroundFile = Annotated[str | None, File("a picture or a video to put behind the object.")]


def swap(
    clip: Video,
    points: Points = "",
    background: Background = "",
    background_file: BackgroundFile = None,
    masks: Masks = None,
    from_frame: FromFrame = None,
    to_frame: ToFrame = None,
    edges: Annotated[Edges, Says("soft, hard (the mask as it is), or closed-form, the finest and slowest.")] = "soft",
    fit: Annotated[FitKind, Says("how the background fills the frame.")] = "cover",
    blur: Annotated[float, Says("strength of the background blur, 0 to 1.")] = 0.5,
    light_wrap: Annotated[float, Says("light of the background on the object's edges, 0 to 1.")] = 0.0,
    colour_match: Annotated[float, Says("how far the object takes on the background's light, 0 to 1.")] = 0.0,
    tracker: Tracker = "auto",
    segmenter: Segmenter = "auto",
    format: Annotated[
        SwapFormat, Says("mov is ProRes 4444, zip PNG pictures. Transparent needs another one than mp4.")
    ] = "mp4",
) -> Made:
    """Puts a new background behind an object of a video clip. Frames, times and sound stay those of the clip.

    Returns:
        The finished file, and a report: frames, size, engines, seconds in each stage, notes.
    """
    behind = background_of(background, background_file)
    settings = SwapSettings(edges=edges, fit=fit, blur=blur, light_wrap=light_wrap, colour_match=colour_match)

    def work(source: Clip, out: Path, on_progress: OnProgress, should_stop: ShouldStop) -> Report:
        return run_swap(
            source, prompts_or_masks(points, masks, needed=not source.has_alpha), background=behind, out=out,
            masks=masks_in(masks, out.parent), engine=tracker, segmenter=segmenter,
            span=span_of(source, from_frame, to_frame), settings=settings, on_progress=on_progress,
            should_stop=should_stop,
        )  # fmt: skip

    yield from made(clip, f"swapped.{format}", work)


def background_of(background: str, file: str | None) -> str:
    """What `pipelines.swap` takes as a background; a word never names a file. Raises `UsageError`."""
    if background in ("", "file"):
        if file is None:
            raise UsageError("There is no background. Give #rrggbb, blur or transparent, or a file as background_file.")
        return file
    if background in ("blur", "transparent") or background.startswith("#"):
        if file is not None:
            raise UsageError(f"The background is {background}, and there is a file too. Leave one of them out.")
        return background
    raise UsageError(f"{background}: no such background. Give #rrggbb, blur or transparent, or a background_file.")
