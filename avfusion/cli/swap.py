"""`avfusion swap`: a new background behind the object."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

import typer

from avfusion.cli.jobs import SaveJobOption, file_of, run_as_job
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
from avfusion.errors import UsageError

Edges = Literal["soft", "hard", "closed-form"]
FitKind = Literal["cover", "contain", "stretch"]
Loop = Literal["loop", "ping-pong", "hold"]
Preset = Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"]

_BACKGROUND = "A picture, a clip, '#rrggbb', blur or transparent."
_OUT = "The ending chooses the format: .mp4, .webm, .mov, .gif, .zip, or a folder of PNGs."


def swap(
    ctx: typer.Context,
    clip: ClipArgument,
    background: Annotated[str, typer.Option(metavar="IMAGE|CLIP|#rrggbb|blur|transparent", help=_BACKGROUND)],
    out: Annotated[Path, typer.Option(metavar="FILE", help=_OUT)],
    point: PointOption = None,
    not_: NotOption = None,
    box: BoxOption = None,
    mask: MaskOption = None,
    text: TextOption = None,
    sound: SoundOption = None,
    object_: ObjectOption = None,
    masks: Annotated[
        Path | None, typer.Option(metavar="DIR|ZIP", help="Mask PNGs instead of prompts, one a frame.")
    ] = None,
    from_: FromOption = None,
    to: ToOption = None,
    matte: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the alpha too, as a grey .mp4.")] = None,
    edges: Annotated[Edges, typer.Option(help="closed-form is the finest, and slow.")] = "soft",
    fit: Annotated[FitKind, typer.Option(help="How the background fills the frame.")] = "cover",
    position: Annotated[str, typer.Option(metavar="X,Y", help="Where it lies: 0,0 left and top.")] = "0.5,0.5",
    scale: Annotated[float, typer.Option(help="The background's size, on top of --fit.")] = 1.0,
    loop: Annotated[Loop, typer.Option(help="What a background clip does at its end.")] = "loop",
    blur: Annotated[float, typer.Option(help="Strength of the background blur, 0 to 1.")] = 0.5,
    light_wrap: Annotated[float, typer.Option(help="Background light on the object's edges, 0 to 1.")] = 0.0,
    colour_match: Annotated[float, typer.Option(help="The object takes on the background's light, 0 to 1.")] = 0.0,
    quality: Annotated[int, typer.Option(min=0, max=51, help="0 lossless, 51 worst.")] = 18,
    preset: Annotated[Preset, typer.Option(help="The encoder's speed; slower makes smaller files.")] = "veryfast",
    hardware: Annotated[bool, typer.Option("--hardware", help="Encode on an NVIDIA card.")] = False,
    engine: EngineOption = "auto",
    segmenter: SegmenterOption = "auto",
    locator: LocatorOption = "auto",
    device: DeviceOption = "auto",
    fallback: FallbackOption = None,
    save_job: SaveJobOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Give CLIP a new background. Say which object stays with prompts (--point and the like) or with --masks."""
    from avfusion.jobs.schema import SwapOptions
    from avfusion.media.probe import probe
    from avfusion.media.write import Encoding
    from avfusion.pipelines.swap_settings import SwapSettings

    settings = SwapSettings(
        edges=edges, fit=fit, position=position_of(position), scale=scale, loop=loop, blur=blur, light_wrap=light_wrap,
        colour_match=colour_match, encoding=Encoding(quality=quality, preset=preset, hardware=hardware),
    )  # fmt: skip
    source = probe(clip)
    prompts = read_prompts(ctx.obj, source)
    with ProgressLine(quiet=quiet) as progress, stopping() as should_stop:
        behind = file_of(background)
        report = run_as_job(
            "swap", inputs={"clip": clip, "background": behind, "masks": masks}, out=out, also={"matte": matte},
            prompts=prompts, read=mask_files(ctx.obj), settings=settings,
            options=SwapOptions("" if behind else background),
            engines={"engine": engine, "segmenter": segmenter, "locator": locator, "device": device},
            span=span_of(source, from_, to), clip=source, save_as=save_job, on_progress=progress,
            should_stop=should_stop,
        )  # fmt: skip
    print_report(report, as_json=json)


def position_of(words: str) -> tuple[float, float]:
    """ "0.5,0" -> (0.5, 0.0). Raises `UsageError`."""
    match = re.fullmatch(r"(\d*\.?\d+),(\d*\.?\d+)", words)
    if match is None:
        raise UsageError(f"--position {words}: give two numbers from 0 to 1, like 0.5,0.5 for the centre.")
    return float(match[1]), float(match[2])
