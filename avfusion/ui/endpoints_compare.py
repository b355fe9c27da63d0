"""What programs call to ask several engines the same: /compare."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from avfusion.clip import Clip
from avfusion.engines.catalogue import of_ability
from avfusion.engines.state import state
from avfusion.pipelines.compare import Comparison, write_report
from avfusion.pipelines.compare import compare as run_compare
from avfusion.pipelines.progress import OnProgress, ShouldStop
from avfusion.ui.compare_running import zipped
from avfusion.ui.endpoints_asked import Says
from avfusion.ui.endpoints_parameters import PictureOrVideo, Points
from avfusion.ui.endpoints_points import parse_points
from avfusion.ui.endpoints_running import Made, made

CompareFormat = Literal["html", "zip"]


def compare(
    clip: PictureOrVideo,
    points: Points = "",
    engines: Annotated[str, Says("names of engines with commas between. Nothing: all that are ready.")] = "",
    whole_clip: Annotated[
        bool, Says("false for engines that find the object on one frame, true for those that follow it.")
    ] = False,
    frame: Annotated[int, Says("the frame to compare, unless it is the whole clip.")] = 0,
    format: Annotated[
        CompareFormat, Says("html for one page with pictures and numbers, zip for that with the masks, a table, more.")
    ] = "html",
) -> Made:
    """Asks several engines for the same object in a picture or a video clip, and says how far their masks agree.

    Without points it asks for all that is in the picture, of engines that can say so.

    Returns:
        The finished file, and a report: each engine's answer with time, memory, score or problem, and their IoU.
    """

    def work(source: Clip, out: Path, on_progress: OnProgress, should_stop: ShouldStop) -> Comparison:
        names = [name.strip() for name in engines.split(",") if name.strip()]
        made = run_compare(
            source, parse_points(points), engines=names or _ready("tracking" if whole_clip else "segmentation"),
            folder=out.parent / "masks", whole_clip=whole_clip, frame=frame, on_progress=on_progress,
            should_stop=should_stop,
        )  # fmt: skip
        files = write_report(made, out.parent / "report", on_progress=on_progress, should_stop=should_stop)
        if out.suffix == ".html":
            next(file for file in files if file.suffix == ".html").rename(out)
        else:
            zipped(files, out)
        return made

    yield from made(clip, f"comparison.{format}", work)


def _ready(ability: str) -> list[str]:
    return [engine.name for engine in of_ability(ability) if state(engine).is_ready]
