"""What programs call to find what makes the sound: /locate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from avfusion.clip import Clip
from avfusion.pipelines.locate import LocateReport
from avfusion.pipelines.locate import locate as run_locate
from avfusion.pipelines.progress import OnProgress, ShouldStop
from avfusion.ui.compare_running import zipped
from avfusion.ui.endpoints_asked import File, Says
from avfusion.ui.endpoints_parameters import FromFrame, Segmenter, ToFrame, Tracker, Video, span_of
from avfusion.ui.endpoints_running import Made, made
from avfusion.ui.sounding_making import names_in

LocateFormat = Literal["mp4", "json", "zip"]


def locate(
    clip: Video,
    labels: Annotated[str, Says("names that what sounds may have, with commas between. Nothing: any.")] = "",
    text: Annotated[
        str, Says("instead, one thing in words: it is found and shown whether it sounds or not, by engines for words.")
    ] = "",
    sound: Annotated[
        str | None, File("another sound to go by than the clip's own, from its first frame on: to see what changes.")
    ] = None,
    from_frame: FromFrame = None,
    to_frame: ToFrame = None,
    engine: Annotated[
        str, Says("finds what sounds: mutual-information, al-ref-sam2, ...; auto takes the best that is ready.")
    ] = "auto",
    tracker: Tracker = "auto",
    segmenter: Segmenter = "auto",
    namer: Annotated[
        str, Says("names what the engine gives no name: clip-vit-b16, ...; auto takes the best that is ready, if any.")
    ] = "auto",
    format: Annotated[
        LocateFormat,
        Says(
            "mp4 for the clip with masks, names and confidences drawn over it, json for COCO annotations with "
            "compressed RLE and the sources beside them, zip for a PNG for each frame and sources.json."
        ),
    ] = "mp4",
) -> Made:
    """Finds what in a video clip makes its sound: masks, names where an engine can name, and when each thing sounds.

    Where the evidence is too weak it abstains: the report then says why, and has no sources.

    Returns:
        The finished file, and a report: each source with its name, confidence, seconds in which it sounds, whether and
        why the engine abstained, engines, seconds in each stage, notes.
    """

    def work(source: Clip, out: Path, on_progress: OnProgress, should_stop: ShouldStop) -> LocateReport:
        into = out.with_suffix("") if format == "zip" else out
        report = run_locate(
            source, out=into, engine=engine, tracker=tracker, segmenter=segmenter, namer=namer,
            labels=names_in(labels), text=text,
            sound=Path(sound) if sound else None, span=span_of(source, from_frame, to_frame), on_progress=on_progress,
            should_stop=should_stop,
        )  # fmt: skip
        if into == out:
            return report
        zipped(sorted(into.iterdir()), out)
        return replace(report, out=out)

    yield from made(clip, f"located.{format}", work)
