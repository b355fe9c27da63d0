"""What programs call for masks: /segment."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from avfusion.clip import Clip
from avfusion.pipelines.progress import OnProgress, ShouldStop
from avfusion.pipelines.report import Report
from avfusion.pipelines.segment import segment as run_segment
from avfusion.ui.compare_running import zipped
from avfusion.ui.endpoints_asked import Says
from avfusion.ui.endpoints_parameters import (
    FromFrame,
    PictureOrVideo,
    Points,
    Segmenter,
    ToFrame,
    Tracker,
    span_of,
)
from avfusion.ui.endpoints_points import parse_points
from avfusion.ui.endpoints_running import Made, made

SegmentFormat = Literal["json", "zip", "mp4"]


def segment(
    clip: PictureOrVideo,
    points: Points,
    from_frame: FromFrame = None,
    to_frame: ToFrame = None,
    tracker: Tracker = "auto",
    segmenter: Segmenter = "auto",
    format: Annotated[
        SegmentFormat,
        Says(
            "json for COCO instance annotations with compressed RLE, zip for a PNG for each frame whose pixel values "
            "are the objects' numbers, mp4 for the clip with the objects tinted."
        ),
    ] = "json",
) -> Made:
    """Masks of objects in a picture or through a video clip.

    Returns:
        The finished file, and a report: frames, size, engines, seconds in each stage, notes.
    """

    def work(source: Clip, out: Path, on_progress: OnProgress, should_stop: ShouldStop) -> Report:
        into = out.with_suffix("") if format == "zip" else out
        report = run_segment(
            source, parse_points(points), out=into, engine=tracker, segmenter=segmenter,
            span=span_of(source, from_frame, to_frame), on_progress=on_progress, should_stop=should_stop,
        )  # fmt: skip
        if into == out:
            return report
        zipped(sorted(into.iterdir()), out)
        return replace(report, out=out)

    yield from made(clip, f"masks.{format}", work)
