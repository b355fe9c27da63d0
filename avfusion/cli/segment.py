"""`avfusion segment`: masks of the object through the clip."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from avfusion.cli.jobs import SaveJobOption, run_as_job
from avfusion.cli.options import (
    BoxOption,
    ClipArgument,
    DeviceOption,
    EngineOption,
    FallbackOption,
    FromOption,
    JsonOption,
    LocatorOption,
    MaskOption,
    NotOption,
    ObjectOption,
    PointOption,
    QuietOption,
    SegmenterOption,
    SoundOption,
    TextOption,
    ToOption,
    span_of,
)
from avfusion.cli.progress import ProgressLine
from avfusion.cli.prompts import mask_files, read_prompts
from avfusion.cli.results import print_report
from avfusion.cli.stopping import stopping

Kind = Literal["auto", "masks", "rle", "overlay", "matte"]

_OUT = "A new folder for PNGs, a .json for COCO RLE, an .mp4 to look at."


def segment(
    ctx: typer.Context,
    clip: ClipArgument,
    out: Annotated[Path, typer.Option(metavar="DIR|FILE", help=_OUT)],
    point: PointOption = None,
    not_: NotOption = None,
    box: BoxOption = None,
    mask: MaskOption = None,
    text: TextOption = None,
    sound: SoundOption = None,
    object_: ObjectOption = None,
    from_: FromOption = None,
    to: ToOption = None,
    kind: Annotated[Kind, typer.Option(help="auto goes by the ending of --out; a matte is white on black.")] = "auto",
    engine: EngineOption = "auto",
    segmenter: SegmenterOption = "auto",
    locator: LocatorOption = "auto",
    device: DeviceOption = "auto",
    fallback: FallbackOption = None,
    save_job: SaveJobOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Write masks of objects through the whole of CLIP. Say which objects with prompts: --point and the like."""
    from avfusion.jobs.schema import SegmentOptions
    from avfusion.media.probe import probe

    source = probe(clip)
    prompts = read_prompts(ctx.obj, source)
    with ProgressLine(quiet=quiet) as progress, stopping() as should_stop:
        report = run_as_job(
            "segment", inputs={"clip": clip}, out=out, prompts=prompts, options=SegmentOptions(kind),
            read=mask_files(ctx.obj),
            engines={"engine": engine, "segmenter": segmenter, "locator": locator, "device": device},
            span=span_of(source, from_, to), clip=source, save_as=save_job, on_progress=progress,
            should_stop=should_stop,
        )  # fmt: skip
    print_report(report, as_json=json)
