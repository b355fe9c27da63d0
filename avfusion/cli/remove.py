"""`avfusion remove`: an object out of a clip or a picture, or something else in its place."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from avfusion.cli.jobs import SaveJobOption, run_as_job
from avfusion.cli.options import (
    BoxOption,
    ClipArgument,
    DeviceOption,
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
from avfusion.cli.results import print_removal
from avfusion.cli.stopping import stopping
from avfusion.cli.swap import Preset
from avfusion.errors import UsageError

_OUT = "For a clip .mp4, .webm, .mov, .gif, .zip, or a folder of PNGs; for a picture .png, .jpg or .webp."
_MAP = "Write what was seen (blue) and what was invented (orange) too: a video, or a picture."
_GROW = "Grow the masks by so many pixels first; left out, as a picture of this size needs."


def remove(
    ctx: typer.Context,
    clip: ClipArgument,
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
    prompt: Annotated[
        str, typer.Option(metavar="WORDS", help="What shall be there, for engines that take words.")
    ] = "",
    unwanted: Annotated[str, typer.Option(metavar="WORDS", help="What shall not be there.")] = "",
    replace: Annotated[
        bool, typer.Option("--replace", help="Put something else there; nothing seen behind it is used.")
    ] = False,
    shadows: Annotated[
        bool, typer.Option("--shadows", help="Its shadow and reflection go too, where they are found.")
    ] = False,
    grow: Annotated[float | None, typer.Option(metavar="PX", min=0, help=_GROW)] = None,
    map_: Annotated[Path | None, typer.Option("--map", metavar="FILE", help=_MAP)] = None,
    seed: Annotated[int, typer.Option(help="Equal seeds give equal pictures.")] = 0,
    steps: Annotated[int, typer.Option(min=1, max=1000, help="Of the diffusion.")] = 30,
    strength: Annotated[float, typer.Option(help="Above 0, to 1: how little of what was there stays.")] = 1.0,
    guidance: Annotated[float, typer.Option(min=0, help="How closely the words are followed.")] = 7.5,
    feather: Annotated[
        float, typer.Option(metavar="PX", min=0, help="How far inside the hole a painted picture fades in.")
    ] = 8.0,
    each_frame: Annotated[
        bool, typer.Option("--each-frame", help="Paint every frame for itself, to compare: slow, and it flickers.")
    ] = False,
    quality: Annotated[int, typer.Option(min=0, max=51, help="0 lossless, 51 worst.")] = 18,
    preset: Annotated[Preset, typer.Option(help="The encoder's speed; slower makes smaller files.")] = "veryfast",
    hardware: Annotated[bool, typer.Option("--hardware", help="Encode on an NVIDIA card.")] = False,
    engine: Annotated[str, typer.Option("--engine", metavar="NAME", help="Fills the hole.")] = "auto",
    tracker: Annotated[str, typer.Option("--tracker", metavar="NAME", help="Carries masks through the clip.")] = "auto",
    segmenter: SegmenterOption = "auto",
    locator: LocatorOption = "auto",
    device: DeviceOption = "auto",
    fallback: FallbackOption = None,
    save_job: SaveJobOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Take an object out of CLIP. Say which with prompts (--point and the like) or with --masks."""
    from avfusion.media.probe import probe
    from avfusion.media.write import Encoding
    from avfusion.pipelines.remove_settings import RemoveSettings

    if replace and not prompt.strip():
        raise UsageError("--replace puts something else there: say what with --prompt, or leave --replace out.")
    settings = RemoveSettings(
        words=prompt, unwanted=unwanted, replace=replace, seed=seed, steps=steps, strength=strength,
        guidance=guidance, feather_px=feather, grow_px=grow, shadows=shadows, each_frame=each_frame,
        encoding=Encoding(quality=quality, preset=preset, hardware=hardware),
    )  # fmt: skip
    source = probe(clip)
    prompts = read_prompts(ctx.obj, source)
    with ProgressLine(quiet=quiet) as progress, stopping() as should_stop:
        report = run_as_job(
            "remove", inputs={"clip": clip, "masks": masks}, out=out, also={"map": map_}, prompts=prompts,
            read=mask_files(ctx.obj), settings=settings, span=span_of(source, from_, to), clip=source, save_as=save_job,
            engines={
                "engine": engine, "tracker": tracker, "segmenter": segmenter, "locator": locator, "device": device,
            },
            on_progress=progress, should_stop=should_stop,
        )  # fmt: skip
    print_removal(report, as_json=json)
