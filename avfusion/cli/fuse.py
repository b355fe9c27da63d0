"""`avfusion fuse`: a new background, an object taken out, another voice, in one render."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from avfusion.cli.fuse_table import print_fusion
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
from avfusion.cli.stopping import stopping
from avfusion.cli.swap import Edges, FitKind, Loop, Preset, position_of
from avfusion.cli.voice import (
    ClustersOption,
    ConfigOption,
    IndexOption,
    ModelOption,
    SpeakerEncoderOption,
    SpeakerOption,
    model_files,
    voice_inputs,
)
from avfusion.errors import UsageError

_OUT = "The ending chooses: .mp4, .webm, .mov; with the voice alone .mkv too; without a voice .gif, .zip or a folder."
_BACKGROUND = "A picture, a clip, '#rrggbb', blur or transparent; left out, the clip's own stays."
_REMOVE = "Numbers of the objects that vanish; all others stay."
_TARGET = "A recording or clip of the target speaking; may be repeated. Left out, the voice stays."
_PAGE = "Write a page about the run too: players, spectrograms, measures."
_MAP = "Write what was seen (blue) and what was invented (orange) behind removed objects."
_FOR_REMOVED = "What shall be in a removed object's place, for engines that take words."


def fuse(
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
    background: Annotated[str, typer.Option(metavar="IMAGE|CLIP|#rrggbb|blur|transparent", help=_BACKGROUND)] = "",
    edges: Annotated[Edges, typer.Option(help="closed-form is the finest, and slow.")] = "soft",
    fit: Annotated[FitKind, typer.Option(help="How the background fills the frame.")] = "cover",
    position: Annotated[str, typer.Option(metavar="X,Y", help="Where it lies: 0,0 left and top.")] = "0.5,0.5",
    scale: Annotated[float, typer.Option(help="The background's size, on top of --fit.")] = 1.0,
    loop: Annotated[Loop, typer.Option(help="What a background clip does at its end.")] = "loop",
    blur: Annotated[float, typer.Option(help="Strength of the background blur, 0 to 1.")] = 0.5,
    light_wrap: Annotated[float, typer.Option(help="Background light on the object's edges, 0 to 1.")] = 0.0,
    colour_match: Annotated[float, typer.Option(help="The object takes on the background's light, 0 to 1.")] = 0.0,
    remove: Annotated[str, typer.Option(metavar="N[,M]", help=_REMOVE)] = "",
    prompt: Annotated[str, typer.Option(metavar="WORDS", help=_FOR_REMOVED)] = "",
    unwanted: Annotated[str, typer.Option(metavar="WORDS", help="What shall not be there.")] = "",
    replace: Annotated[
        bool, typer.Option("--replace", help="Put something else there; nothing seen behind it is used.")
    ] = False,
    shadows: Annotated[
        bool, typer.Option("--shadows", help="Its shadow and reflection go too, where they are found.")
    ] = False,
    grow: Annotated[
        float | None, typer.Option(metavar="PX", min=0, help="Grow the masks of what goes by so many pixels.")
    ] = None,
    map_: Annotated[Path | None, typer.Option("--map", metavar="FILE", help=_MAP)] = None,
    target: Annotated[list[Path] | None, typer.Option(metavar="REF", help=_TARGET)] = None,
    model: ModelOption = None,
    config: ConfigOption = None,
    index: IndexOption = None,
    clusters: ClustersOption = None,
    speaker_encoder: SpeakerEncoderOption = None,
    speaker: SpeakerOption = "",
    semitones: Annotated[
        float | None, typer.Option(min=-24, max=24, metavar="N", help="Move the voice's pitch by so much.")
    ] = None,
    keep_background: Annotated[
        bool, typer.Option("--keep-background", help="Music and ambience stay under the new voice.")
    ] = False,
    only_speaker: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Only this one of those who speak; 1 speaks most.")
    ] = None,
    f0: Annotated[str, typer.Option(metavar="METHOD", help="What follows the pitch (so-vits, rvc).")] = "",
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="The same seed gives the same result.")] = 0,
    quality: Annotated[int, typer.Option(min=0, max=51, help="0 lossless, 51 worst.")] = 18,
    preset: Annotated[Preset, typer.Option(help="The encoder's speed; slower makes smaller files.")] = "veryfast",
    hardware: Annotated[bool, typer.Option("--hardware", help="Encode on an NVIDIA card.")] = False,
    engine: EngineOption = "auto",
    segmenter: SegmenterOption = "auto",
    locator: LocatorOption = "auto",
    inpainter: Annotated[str, typer.Option(metavar="NAME", help="Fills the hole of what goes.")] = "auto",
    voice_engine: Annotated[str, typer.Option(metavar="NAME", help="Makes the new voice.")] = "auto",
    separator: Annotated[str, typer.Option(metavar="NAME", help="Takes voice and music apart.")] = "auto",
    device: DeviceOption = "auto",
    fallback: FallbackOption = None,
    save_job: SaveJobOption = None,
    report: Annotated[Path | None, typer.Option(metavar="FILE.html", help=_PAGE)] = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Give CLIP a new background, take objects out, and change its voice: any of them, in one render.

    Convert nobody's voice, and to nobody's, without their consent. Every output says that its voice is converted.
    """
    from avfusion.jobs.fusion import FusionOptions, FusionSettings
    from avfusion.media.probe import probe
    from avfusion.media.write import Encoding
    from avfusion.pipelines.convert_voice_settings import VoiceSettings
    from avfusion.pipelines.fuse_settings import FuseSettings
    from avfusion.pipelines.remove_settings import RemoveSettings
    from avfusion.pipelines.swap_settings import SwapSettings

    if replace and not prompt.strip():
        raise UsageError("--replace puts something else there: say what with --prompt, or leave --replace out.")
    removed = numbers_of(remove)
    picture = FuseSettings(
        swap=SwapSettings(
            edges=edges, fit=fit, position=position_of(position), scale=scale, loop=loop, blur=blur,
            light_wrap=light_wrap, colour_match=colour_match,
        ),
        remove=RemoveSettings(
            words=prompt, unwanted=unwanted, replace=replace, seed=seed, shadows=shadows, grow_px=grow
        ),
        encoding=Encoding(quality=quality, preset=preset, hardware=hardware),
    )  # fmt: skip
    files = model_files(model, config=config, index=index, clusters=clusters, speaker_encoder=speaker_encoder)
    voice = VoiceSettings(semitones=semitones, keep_background=keep_background, separator=separator, f0_method=f0)
    source = probe(clip)
    prompts = read_prompts(ctx.obj, source)
    with ProgressLine(quiet=quiet) as progress, stopping() as should_stop:
        behind = file_of(background)
        found = run_as_job(
            "fuse", inputs={"clip": clip, "background": behind, "masks": masks, **voice_inputs(target or [], files)},
            out=out, also={"map": map_, "report": report}, prompts=prompts,
            read=mask_files(ctx.obj), settings=FusionSettings(picture, voice),
            options=FusionOptions("" if behind else background, removed, speaker, (), only_speaker, seed),
            engines={
                "engine": engine, "segmenter": segmenter, "locator": locator, "inpainter": inpainter,
                "voice_engine": voice_engine, "device": device,
            },
            span=span_of(source, from_, to), clip=source, save_as=save_job,
            on_progress=progress, should_stop=should_stop,
        )  # fmt: skip
    print_fusion(found, as_json=json)


def numbers_of(words: str) -> tuple[int, ...]:
    """ "1,3" -> (1, 3). Raises `UsageError`."""
    if not words:
        return ()
    if not re.fullmatch(r"\d+(,\d+)*", words.replace(" ", "")):
        raise UsageError(f"--remove {words}: give the numbers of objects, like 2 or 1,3.")
    return tuple(int(word) for word in words.replace(" ", "").split(","))
