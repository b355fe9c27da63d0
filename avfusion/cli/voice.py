"""`avfusion voice`: another voice on the same words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from avfusion.cli.jobs import SaveJobOption, run_as_job
from avfusion.cli.options import DeviceOption, JsonOption, QuietOption
from avfusion.cli.progress import ProgressLine
from avfusion.cli.results import print_json
from avfusion.cli.stopping import stopping
from avfusion.cli.voice_table import print_voice
from avfusion.errors import UsageError

if TYPE_CHECKING:
    from avfusion.voice.opening import ModelFiles

_TARGET = "A recording or clip of the target speaking; may be repeated. A few seconds to five minutes."
_MODEL = "A voice that was learnt: G_*.pth of so-vits, .pth of RVC, .ckpt of AutoVC."
_OUT = "The ending chooses: .wav, .flac, .mp3, or for a clip .mp4, .mov, .mkv, .webm."
_ENGINE = "auto: world-knn for a target, and what fits the file for a model."
_SEMITONES = "Move the pitch by so much (12 is an octave); left out, it goes to where the target's lies."
_FORMANT = "Move the target's resonances (world-knn): up for a smaller throat."
_BACKGROUND = "Take music and ambience apart first, and put them back."
_SEPARATOR = "What takes them apart: auto takes hdemucs if it is downloaded, else repet-sim."
_FROM = "Convert only from here on; repeat with --to for more spans."
_F0 = "What follows the pitch (so-vits, rvc): dio, harvest, parselmouth, crepe, crepe-tiny; rmvpe once pulled."
_PREVIEW = "Only the first seconds, into a sound file."
_INSPECT = "Say what a model file is, and do nothing else."

_File = Path | None
_Share = float | None

ModelOption = Annotated[_File, typer.Option(metavar="FILE", help=_MODEL)]
ConfigOption = Annotated[_File, typer.Option(metavar="FILE", help="The config.json of a so-vits model.")]
IndexOption = Annotated[_File, typer.Option(metavar="FILE", help="The .index of an RVC voice.")]
ClustersOption = Annotated[_File, typer.Option(metavar="FILE", help="The k-means of a so-vits model.")]
SpeakerEncoderOption = Annotated[_File, typer.Option(metavar="FILE", help="AutoVC's 3000000-BL.ckpt.")]
SpeakerOption = Annotated[str, typer.Option(metavar="NAME", help="One of the model's speakers, by name or number.")]


def voice(
    media: Annotated[
        Path | None, typer.Argument(metavar="MEDIA", help="A recording, or a clip with sound.", show_default=False)
    ] = None,
    target: Annotated[list[Path] | None, typer.Option(metavar="REF", help=_TARGET)] = None,
    model: ModelOption = None,
    config: ConfigOption = None,
    index: IndexOption = None,
    clusters: ClustersOption = None,
    speaker_encoder: SpeakerEncoderOption = None,
    speaker: SpeakerOption = "",
    out: Annotated[_File, typer.Option(metavar="FILE", help=_OUT)] = None,
    engine: Annotated[str, typer.Option(metavar="NAME", help=_ENGINE)] = "auto",
    semitones: Annotated[_Share, typer.Option(min=-24, max=24, metavar="N", help=_SEMITONES)] = None,
    formant: Annotated[float, typer.Option(min=-12, max=12, metavar="N", help=_FORMANT)] = 0.0,
    keep_background: Annotated[bool, typer.Option("--keep-background", help=_BACKGROUND)] = False,
    separator: Annotated[str, typer.Option(metavar="NAME", help=_SEPARATOR)] = "auto",
    from_: Annotated[list[float] | None, typer.Option("--from", min=0, metavar="SECONDS", help=_FROM)] = None,
    to: Annotated[list[float] | None, typer.Option("--to", min=0, metavar="SECONDS", help="... up to here.")] = None,
    only_speaker: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Only this one of those who speak; 1 speaks most.")
    ] = None,
    f0: Annotated[str, typer.Option(metavar="METHOD", help=_F0)] = "",
    index_rate: Annotated[_Share, typer.Option(min=0, max=1, help="How far rvc follows its index.")] = None,
    cluster_ratio: Annotated[_Share, typer.Option(min=0, max=1, help="How far so-vits follows its k-means.")] = None,
    preview: Annotated[_Share, typer.Option(metavar="SECONDS", help=_PREVIEW)] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="The same seed gives the same sound.")] = 0,
    inspect: Annotated[_File, typer.Option(metavar="FILE", help=_INSPECT)] = None,
    device: DeviceOption = "auto",
    save_job: SaveJobOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Give MEDIA the voice of --target or --model, with the same words at the same times.

    Convert nobody's voice, and to nobody's, without their consent. Every output says that its voice is converted.
    """
    if inspect is not None:
        if media is not None or out is not None:
            raise UsageError("--inspect says what a model file is, and converts nothing: leave MEDIA and --out out.")
        _inspect(inspect, as_json=json)
        return
    if media is None or out is None:
        raise UsageError("Give MEDIA and --out FILE, or --inspect FILE to see what a model file is.")
    from avfusion.jobs.schema import VoiceOptions
    from avfusion.pipelines.convert_voice_settings import VoiceSettings

    settings = VoiceSettings(
        semitones=semitones, formant_semitones=formant, keep_background=keep_background,
        separator=separator, f0_method=f0, index_rate=index_rate, cluster_ratio=cluster_ratio, preview_s=preview,
    )  # fmt: skip
    files = model_files(model, config=config, index=index, clusters=clusters, speaker_encoder=speaker_encoder)
    with ProgressLine(quiet=quiet) as progress, stopping() as should_stop:
        report = run_as_job(
            "voice", inputs={"media": media, **voice_inputs(target or [], files)}, out=out, settings=settings,
            options=VoiceOptions(speaker, _spans(from_ or [], to or []), only_speaker, seed),
            engines={"engine": engine, "device": device}, save_as=save_job,
            on_progress=progress, should_stop=should_stop,
        )  # fmt: skip
    if json:
        print_json(report.as_json())
    else:
        print_voice(report)


def _inspect(path: Path, *, as_json: bool) -> None:
    from avfusion.voice.inspect_file import inspect_file

    facts = inspect_file(path)
    if as_json:
        print_json(facts.as_json())
        return
    print(path)
    for line in facts.lines():
        print(f"  {line}")


def model_files(model: Path | None, **others: Path | None) -> ModelFiles | None:
    """Raises `UsageError` for parts without the voice that they belong to."""
    from avfusion.voice.opening import ModelFiles

    if model is not None:
        return ModelFiles(model, **others)
    lone = next((name for name, path in others.items() if path is not None), None)
    if lone is not None:
        raise UsageError(f"--{lone.replace('_', '-')} belongs to a voice. Give its file too: --model FILE.")
    return None


def voice_inputs(targets: Sequence[Path], files: ModelFiles | None) -> dict[str, Path | None]:
    """The files of a voice as a job has them."""
    found: dict[str, Path | None] = {f"target-{place}": path for place, path in enumerate(targets, start=1)}
    if files is None:
        return found
    names = ("config", "index", "clusters", "speaker_encoder")
    return found | {"model": files.weights} | {name: getattr(files, name) for name in names}


def _spans(starts: list[float], ends: list[float]) -> tuple[tuple[float, float | None], ...]:
    """--from and --to in pairs; a single one reaches from the beginning or to the end (None). Raises `UsageError`."""
    if len(starts) + len(ends) == 1:
        return ((starts[0], None),) if starts else ((0.0, ends[0]),)
    if len(starts) != len(ends):
        raise UsageError(f"{len(starts)} times --from and {len(ends)} times --to: give them in pairs.")
    return tuple(zip(starts, ends, strict=True))
