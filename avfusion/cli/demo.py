"""`avfusion demo`: the bundled clip through every ability, with a report. Nothing is downloaded."""

from __future__ import annotations

import json as json_format
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from avfusion.cli.options import JsonOption, QuietOption
from avfusion.cli.progress import ProgressLine
from avfusion.cli.results import print_json
from avfusion.cli.stopping import stopping
from avfusion.errors import CannotRead

if TYPE_CHECKING:
    from avfusion.clip import Prompt
    from avfusion.pipelines.report import Report

ASSETS = Path(__file__).resolve().parents[2] / "assets"
_NEEDED = ("example.mp4", "background.jpg", "background.mp4", "prompts.json")

_SWAPS = (
    ("picture.mp4", "background.jpg", "a picture behind the object"),
    ("clip.mp4", "background.mp4", "another clip behind it"),
    ("colour.mp4", "#1e6b52", "one colour behind it"),
    ("blur.mp4", "blur", "what was there, out of focus"),
    ("transparent.webm", "transparent", "nothing behind it: VP9 with transparency"),
)

# Filling takes longer than anything else here.
_REMOVED_FRAMES = 60


def demo(
    out: Annotated[Path, typer.Option(metavar="DIR", help="A new folder for the results.")] = Path("avfusion-demo"),
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Run the bundled clip through every ability and write a report. Nothing is downloaded."""
    missing = [name for name in _NEEDED if not (ASSETS / name).is_file()]
    if missing:
        raise CannotRead(f"{ASSETS}: {', '.join(missing)} missing. The example comes with a checkout of AVFusion.")
    from avfusion.media.target import new_folder

    with ProgressLine(quiet=quiet) as progress, stopping() as should_stop, new_folder(out) as folder:
        rows = _run(folder, progress, should_stop)
        (folder / "report.json").write_text(json_format.dumps(rows, indent=2), encoding="utf-8")
        progress.say("report.png")
        _write_sheet(folder, rows)
    if json:
        print_json({"out": str(out), "results": rows})
        return
    for row in rows:
        print(f"{out / row['file']}: {row['what']} ({row['seconds']:.1f} s)")
    print(f"{out / 'report.png'}: all of them at a glance")


def _run(folder: Path, progress: ProgressLine, should_stop: Callable[[], bool]) -> list[dict[str, Any]]:
    """The object is followed once; every result is made from those masks."""
    from avfusion.media.probe import probe
    from avfusion.pipelines.progress import Teller
    from avfusion.pipelines.remove import RemoveSettings, remove
    from avfusion.pipelines.segment import write_track
    from avfusion.pipelines.swap import swap
    from avfusion.pipelines.track import track

    clip = probe(ASSETS / "example.mp4")
    rows = []
    with tempfile.TemporaryDirectory(prefix="avfusion-") as scratch:
        progress.say("following the object")
        tracking = track(clip, _prompts(), folder=Path(scratch), on_progress=progress, should_stop=should_stop)
        for kind, name, what in (("masks", "masks", "masks"), ("overlay", "overlay.mp4", "the object, tinted")):
            progress.say(name)
            teller = Teller("rendering", clip.frame_count, progress, should_stop)
            notes = write_track(clip, tracking.track, folder / name, kind, teller)  # type: ignore[arg-type]
            seconds = tracking.stages_s["tracking"] + teller.seconds if kind == "masks" else teller.seconds
            rows.append(_row(name, what, seconds, dict(tracking.engines), notes))
        for name, background, what in _SWAPS:
            progress.say(name)
            report: Report = swap(
                clip, masks=folder / "masks", out=folder / name, on_progress=progress, should_stop=should_stop,
                background=ASSETS / background if (ASSETS / background).is_file() else background,
            )  # fmt: skip
            rows.append(_row(name, what, sum(report.stages_s.values()), dict(report.engines), report.notes))
        progress.say("removed.mp4")
        removed = remove(
            clip, masks=folder / "masks", out=folder / "removed.mp4", settings=RemoveSettings(shadows=True),
            span=(0, min(_REMOVED_FRAMES, clip.frame_count)), on_progress=progress, should_stop=should_stop,
        )  # fmt: skip
        what = "the beginning without the object and its shadow"
        rows.append(_row("removed.mp4", what, sum(removed.stages_s.values()), dict(removed.engines), removed.notes))
    return rows


def _prompts() -> list[Prompt]:
    from avfusion.clip import Box, Point

    given = json_format.loads((ASSETS / "prompts.json").read_text(encoding="utf-8"))
    prompts: list[Prompt] = [Box(*given["box"])]
    prompts += [Point(x, y, keep=bool(keep)) for x, y, keep in given["points"]]
    if "antenna" in given:  # so thin that it gets lost as a part of the robot
        x0, y0, x1, y1 = given["antenna"]
        prompts.append(Box(x0, y0, x1, y1, object=2))
    return prompts


def _row(file: str, what: str, seconds: float, engines: dict[str, str], notes: tuple[str, ...]) -> dict[str, Any]:
    return {"file": file, "what": what, "seconds": round(seconds, 2), "engines": engines, "notes": list(notes)}


def _write_sheet(folder: Path, rows: list[dict[str, Any]]) -> None:
    from avfusion.cli.sheet import write_sheet

    results = [(f"{row['file']}: {row['what']}", folder / row["file"]) for row in rows if row["file"] != "masks"]
    write_sheet([("the bundled clip", ASSETS / "example.mp4"), *results], folder / "report.png")
