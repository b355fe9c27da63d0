"""What programs call to have an object removed or replaced: /remove."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from avfusion.clip import Clip
from avfusion.errors import AvfusionError, UnknownFormat
from avfusion.media.pictures import is_picture
from avfusion.media.probe import probe
from avfusion.pipelines.progress import OnProgress, ShouldStop
from avfusion.pipelines.remove import RemoveReport, RemoveSettings
from avfusion.pipelines.remove import remove as run_remove
from avfusion.ui.compare_running import zipped
from avfusion.ui.endpoints_asked import Says
from avfusion.ui.endpoints_parameters import (
    FromFrame,
    Masks,
    PictureOrVideo,
    Points,
    Segmenter,
    ToFrame,
    Tracker,
    masks_in,
    prompts_or_masks,
    span_of,
)
from avfusion.ui.endpoints_running import Made, made

RemoveFormat = Literal["auto", "mp4", "webm", "mov", "gif", "zip", "png", "jpg", "webp"]
PICTURES = ("png", "jpg", "webp")
InpaintEngine = Annotated[
    str, Says("flow-fill, telea, sd-1.5-inpaint, sdxl-inpaint or wan-vace-1.3b; auto takes the best that is ready.")
]
GrowPx = Annotated[
    float | None, Says("by how much the masks are grown. Nothing: as much as the size of the picture asks.")
]
Shadows = Annotated[bool, Says("whether the object's shadow and reflection go too.")]


def remove(
    clip: PictureOrVideo,
    points: Points = "",
    masks: Masks = None,
    words: Annotated[
        str, Says("what is there instead, for engines that take words. Nothing: what is behind the object.")
    ] = "",
    unwanted: Annotated[str, Says("what must not be there, for the same engines.")] = "",
    from_frame: FromFrame = None,
    to_frame: ToFrame = None,
    engine: InpaintEngine = "auto",
    grow_px: GrowPx = None,
    shadows: Shadows = False,
    each_frame: Annotated[bool, Says("paints each frame for itself, to compare with.")] = False,
    seed: Annotated[int, Says("equal seeds give equal pictures.")] = 0,
    steps: Annotated[int, Says("of engines that paint by diffusion.")] = 30,
    strength: Annotated[float, Says("above 0, to 1: how little of what was there stays, for the same engines.")] = 1.0,
    guidance: Annotated[float, Says("how closely the words are followed, by the same engines.")] = 7.5,
    feather_px: Annotated[float, Says("how far inside the hole a painted picture fades in.")] = 8.0,
    map: Annotated[
        bool,
        Says(
            "also gives a map of what was seen in other frames (blue) and what was invented (orange): the file is then "
            "a ZIP with the result and the map."
        ),
    ] = False,
    tracker: Tracker = "auto",
    segmenter: Segmenter = "auto",
    format: Annotated[
        RemoveFormat,
        Says(
            "mp4, webm, mov, gif or zip (PNG pictures) for a clip; png, jpg or webp for a picture or one frame; auto "
            "takes png for a picture and mp4 for a clip."
        ),
    ] = "auto",
) -> Made:
    """Takes an object out of a picture or a video clip, or puts there what words say. Frames, times and sound stay.

    Returns:
        The finished file, and a report: frames, size, engines, which part of the hole other frames showed and which was
        invented, seconds in each stage, notes.
    """
    settings = RemoveSettings(
        words=words.strip(), unwanted=unwanted.strip(), replace=bool(words.strip()), seed=seed, steps=steps,
        strength=strength, guidance=guidance, feather_px=feather_px, grow_px=grow_px, shadows=shadows,
        each_frame=each_frame,
    )  # fmt: skip
    ending = format if format != "auto" else "png" if _is_picture(clip) else "mp4"

    def work(source: Clip, out: Path, on_progress: OnProgress, should_stop: ShouldStop) -> RemoveReport:
        span = span_of(source, from_frame, to_frame)
        frames = source.frame_count if span is None else span[1] - span[0]
        if ending in PICTURES and frames > 1:
            raise UnknownFormat(
                f"{source.path}: {ending} holds one picture, and there are {frames} frames. "
                "Give the format mp4, webm, mov, gif or zip, or one frame as from_frame and to_frame."
            )
        result, drawn = out, None
        if map:
            result = out.with_name(f"removed.{ending}")
            drawn = out.with_name(f"map.{ending}")
        report = run_remove(
            source, prompts_or_masks(points, masks), out=result, masks=masks_in(masks, out.parent), engine=engine,
            tracker=tracker, segmenter=segmenter, span=span, settings=replace(settings, map_out=drawn),
            on_progress=on_progress, should_stop=should_stop,
        )  # fmt: skip
        if drawn is None:
            return report
        zipped([result, drawn], out)
        return replace(report, map_out=Path(drawn.name))

    yield from made(clip, "removed-with-map.zip" if map else f"removed.{ending}", work)


def _is_picture(path: str) -> bool:
    """A video is none, not even one of a single frame. What is wrong with the file is said when it is opened."""
    with contextlib.suppress(AvfusionError):
        return is_picture(Path(path)) and probe(Path(path)).frame_count == 1
    return False
