"""Parameters that more than one endpoint has."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

from avfusion.clip import Clip, Prompt
from avfusion.errors import NoPrompt, UsageError
from avfusion.pipelines.track import check_span
from avfusion.ui.endpoints_asked import File, Json, Says
from avfusion.ui.endpoints_points import parse_points

Video = Annotated[str, File("the video file.")]
PictureOrVideo = Annotated[str, File("the picture or video file.")]
Points = Annotated[
    str,
    Json(
        'which object is meant: a list, in JSON, of [x, y], of {"x": 320, "y": 180, "keep": true, "frame": 0}, of '
        '{"box": [x0, y0, x1, y1], "frame": 0}, or of {"scribble": [[x, y], ...], "keep": true, "frame": 0}, in pixels '
        'of the full frame. "keep": false marks what it is not; "object": 2 means a second object. Where an engine '
        'for words is ready, {"words": "a dog", "frame": 0} names it; {"sounding": true} is what makes the sound.'
    ),
]
Masks = Annotated[
    str | None,
    File(
        "instead of points, a ZIP with a mask PNG for each frame, as /segment makes it, or one PNG for a picture: not "
        "black is the object."
    ),
]
FromFrame = Annotated[int | None, Says("the first frame to take; frames count from 0. Nothing: the first.")]
ToFrame = Annotated[int | None, Says("the last frame to take. Nothing: the last.")]
Tracker = Annotated[str, Says("carries masks through the clip: flow, online, ...; auto takes the best that is ready.")]
Segmenter = Annotated[
    str, Says("turns points into the first mask: grabcut, sam-vit-b, ...; auto takes the best that is ready.")
]


def span_of(clip: Clip, first: int | None, last: int | None) -> tuple[int, int] | None:
    """from_frame and to_frame as (start, stop); None for the whole clip. Raises `UsageError`."""
    if first is None and last is None:
        return None
    return check_span(clip, (first or 0, clip.frame_count if last is None else last + 1))


def prompts_or_masks(points: str, masks: str | None, *, needed: bool = True) -> tuple[Prompt, ...]:
    """Raises `UsageError` where both or, if either is needed, none of them are given."""
    prompts = parse_points(points)
    if prompts and masks:
        raise UsageError("Give points or masks, not both: masks are taken as they are.")
    if needed and not prompts and not masks:
        raise NoPrompt("Nothing says which object is meant. Give points, or masks.")
    return prompts


def masks_in(masks: str | None, folder: Path) -> Path | None:
    """What the pipelines take as masks: the ZIP, or a new folder under `folder` with the one PNG."""
    if masks is None or masks.lower().endswith(".zip"):
        return Path(masks) if masks else None
    into = folder / "masks"
    into.mkdir()
    shutil.copyfile(masks, into / "00000.png")
    return into
