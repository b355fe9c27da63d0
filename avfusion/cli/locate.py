"""`avfusion locate`: what is making the sound, where and when."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from avfusion.cli.jobs import SaveJobOption, run_as_job
from avfusion.cli.options import (
    DeviceOption,
    FallbackOption,
    FromOption,
    JsonOption,
    QuietOption,
    SegmenterOption,
    ToOption,
    span_of,
)
from avfusion.cli.progress import ProgressLine
from avfusion.cli.results import print_done, print_json, print_notes
from avfusion.cli.stopping import stopping
from avfusion.errors import UsageError

if TYPE_CHECKING:
    from avfusion.pipelines.locate_settings import LocateReport

_OUT = "A new folder for PNGs and sources.json, a .json for COCO RLE, an .mp4 to look at."
_CLIP = "A video or an animation, with sound; with --text it may be without, or a picture."
_LABELS = "Names that what sounds may have; left out, any."
_TEXT = "Instead: one thing in words, shown whether it sounds or not."
_WITH = "Another sound to go by than the clip's own, from its first frame on."
_SOURCES = "At most so many sources."
_CONTROLS = "Look again without the sound, and with its halves exchanged: what goes by the sound changes."


def locate(
    clip: Annotated[Path, typer.Argument(metavar="CLIP", help=_CLIP)],
    out: Annotated[Path, typer.Option(metavar="DIR|FILE", help=_OUT)],
    labels: Annotated[str, typer.Option(metavar="A,B,...", help=_LABELS)] = "",
    text: Annotated[str, typer.Option(metavar="WORDS", help=_TEXT)] = "",
    with_sound: Annotated[Path | None, typer.Option(metavar="FILE", help=_WITH)] = None,
    sources: Annotated[int, typer.Option(metavar="N", min=1, help=_SOURCES)] = 3,
    controls: Annotated[bool, typer.Option("--controls", help=_CONTROLS)] = False,
    from_: FromOption = None,
    to: ToOption = None,
    engine: Annotated[str, typer.Option(metavar="NAME", help="Finds what sounds.")] = "auto",
    tracker: Annotated[str, typer.Option(metavar="NAME", help="Carries masks through the clip.")] = "auto",
    segmenter: SegmenterOption = "auto",
    namer: Annotated[str, typer.Option(metavar="NAME", help="Names what has no name yet.")] = "auto",
    device: DeviceOption = "auto",
    fallback: FallbackOption = None,
    save_job: SaveJobOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Find what makes the sound of CLIP: masks of it, shown while it sounds, with names where an engine can name."""
    from avfusion.jobs.schema import LocateOptions
    from avfusion.media.probe import probe
    from avfusion.pipelines.locate_settings import LocateSettings

    source = probe(clip)
    names = tuple(name.strip() for name in labels.split(",") if name.strip())
    if labels and not names:
        raise UsageError(f"--labels {labels!r}: there is no name in it. Give some, like dog,violin, or leave it out.")
    with ProgressLine(quiet=quiet) as progress, stopping() as should_stop:
        report = run_as_job(
            "locate", inputs={"clip": clip, "sound": with_sound}, out=out, options=LocateOptions(names, text, controls),
            settings=LocateSettings(sources=sources), span=span_of(source, from_, to), clip=source, save_as=save_job,
            engines={
                "engine": engine, "tracker": tracker, "segmenter": segmenter, "namer": namer, "device": device,
            },
            on_progress=progress, should_stop=should_stop,
        )  # fmt: skip
    print_located(report, as_json=json)


def print_located(report: LocateReport, *, as_json: bool) -> None:
    """What sounds when, on standard output."""
    if as_json:
        print_json(report.as_json())
        return
    print_done(report)
    for heard in report.sources:
        when = ", ".join(f"{start_s:.1f}-{end_s:.1f} s" for start_s, end_s in heard.spans) or "never"
        name = f"{heard.name}, " if heard.name else ""
        print(f"  source {heard.number}  {name}{heard.confidence:.0%} sure, sounds {when}")
    if report.abstained:
        print(f"  nothing  {report.abstained}")
    for control in report.controls:
        print(f"  control  {control.words}")
    print_notes(report)
