"""`avfusion voice`: another voice on the same words."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from avfusion.cli.options import DeviceOption, JsonOption, QuietOption
from avfusion.cli.progress import ProgressLine
from avfusion.cli.results import print_json
from avfusion.cli.stopping import stopping
from avfusion.errors import UsageError

if TYPE_CHECKING:
    from avfusion.pipelines.convert_voice import VoiceReport
    from avfusion.voice.opening import ModelFiles

_TARGET = "A recording or clip of the target speaking; may be repeated. A few seconds to five minutes."
_MODEL = "A voice that was learnt: G_*.pth of so-vits, .pth of RVC, .ckpt of AutoVC."
_OUT = "The ending chooses: .wav, .flac, .mp3, or for a clip .mp4, .mov, .mkv, .webm."
_ENGINE = "auto: world-knn for a target, and what fits the file for a model."
_SEMITONES = "Move the pitch by so much (12 is an octave); left out, it goes to where the target's lies."
_FORMANT = "Move the target's resonances (world-knn): up for a smaller throat."
_BACKGROUND = "Take music and ambience apart first, and put them back."
_FROM = "Convert only from here on; repeat with --to for more spans."
_F0 = "What follows the pitch (so-vits, rvc): dio, harvest, parselmouth, crepe, crepe-tiny."
_PREVIEW = "Only the first seconds, into a sound file."
_INSPECT = "Say what a model file is, and do nothing else."

_File = Path | None
_Share = float | None


def voice(
    media: Annotated[
        Path | None, typer.Argument(metavar="MEDIA", help="A recording, or a clip with sound.", show_default=False)
    ] = None,
    target: Annotated[list[Path] | None, typer.Option(metavar="REF", help=_TARGET)] = None,
    model: Annotated[_File, typer.Option(metavar="FILE", help=_MODEL)] = None,
    config: Annotated[_File, typer.Option(metavar="FILE", help="The config.json of a so-vits model.")] = None,
    index: Annotated[_File, typer.Option(metavar="FILE", help="The .index of an RVC voice.")] = None,
    clusters: Annotated[_File, typer.Option(metavar="FILE", help="The k-means of a so-vits model.")] = None,
    speaker_encoder: Annotated[_File, typer.Option(metavar="FILE", help="AutoVC's 3000000-BL.ckpt.")] = None,
    speaker: Annotated[str, typer.Option(metavar="NAME", help="One of the model's speakers, by name or number.")] = "",
    out: Annotated[_File, typer.Option(metavar="FILE", help=_OUT)] = None,
    engine: Annotated[str, typer.Option(metavar="NAME", help=_ENGINE)] = "auto",
    semitones: Annotated[_Share, typer.Option(min=-24, max=24, metavar="N", help=_SEMITONES)] = None,
    formant: Annotated[float, typer.Option(min=-12, max=12, metavar="N", help=_FORMANT)] = 0.0,
    keep_background: Annotated[bool, typer.Option("--keep-background", help=_BACKGROUND)] = False,
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
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Give MEDIA the voice of --target or --model, with the same words at the same times.

    Convert nobody's voice, and to nobody's, without their consent. Every output says that its voice is converted.
    """
    if inspect is not None:
        _inspect(inspect, as_json=json)
        return
    if media is None or out is None:
        raise UsageError("Give MEDIA and --out FILE, or --inspect FILE to see what a model file is.")
    from avfusion.pipelines.convert_voice import VoiceSettings, convert_voice

    settings = VoiceSettings(
        semitones=semitones, formant_semitones=formant, keep_background=keep_background, f0_method=f0,
        index_rate=index_rate, cluster_ratio=cluster_ratio, preview_s=preview,
    )  # fmt: skip
    files = _model_files(model, config=config, index=index, clusters=clusters, speaker_encoder=speaker_encoder)
    with ProgressLine(quiet=quiet) as progress, stopping() as should_stop:
        report = convert_voice(
            media, out=out, target=target or (), model=files, speaker=speaker, engine=engine, settings=settings,
            spans=_spans(from_ or [], to or []), only_speaker=only_speaker, device=device, seed=seed,
            on_progress=progress, should_stop=should_stop,
        )  # fmt: skip
    if json:
        print_json(report.as_json())
    else:
        _print(report)


def _inspect(path: Path, *, as_json: bool) -> None:
    from avfusion.voice.inspect_file import inspect_file

    facts = inspect_file(path)
    if as_json:
        print_json(facts.as_json())
        return
    print(path)
    for line in facts.lines():
        print(f"  {line}")


def _model_files(model: Path | None, **others: Path | None) -> ModelFiles | None:
    """Raises `UsageError` for parts without the voice that they belong to."""
    from avfusion.voice.opening import ModelFiles

    if model is not None:
        return ModelFiles(model, **others)
    lone = next((name for name, path in others.items() if path is not None), None)
    if lone is not None:
        raise UsageError(f"--{lone.replace('_', '-')} belongs to a voice. Give its file too: --model FILE.")
    return None


def _spans(starts: list[float], ends: list[float]) -> list[tuple[float, float]]:
    """--from and --to in pairs; a single one reaches from the beginning or to the end. Raises `UsageError`."""
    if len(starts) + len(ends) == 1:
        return [(starts[0], math.inf)] if starts else [(0.0, ends[0])]
    if len(starts) != len(ends):
        raise UsageError(f"{len(starts)} times --from and {len(ends)} times --to: give them in pairs.")
    return list(zip(starts, ends, strict=True))


def _print(report: VoiceReport) -> None:
    """A few lines for people."""
    print(f"{report.out}: {report.duration_s:.2f} s, {report.rate_hz} Hz, {_channels(report.channels)}")
    name, where = report.engines["voice"], report.devices["voice"]
    weights = report.revisions.get("voice")
    print(f"  voice    {name} on {where}{f', weights {weights[:25]}' if weights else ''}")
    if report.converted_s < report.duration_s - 0.005:
        print(f"  changed  {report.converted_s:.2f} s of it")
    if report.lag_s is not None:
        drift = "" if report.drift_s is None else f", drift {1000 * report.drift_s:+.1f} ms"
        print(f"  in time  lag {1000 * report.lag_s:+.1f} ms{drift}")
    if report.loudness_before is not None and report.loudness_after is not None:
        peak = "" if report.true_peak_db is None else f", true peak {report.true_peak_db:.1f} dBTP"
        print(f"  loudness {report.loudness_before:.1f} -> {report.loudness_after:.1f} LUFS{peak}")
    if report.pitch_before_hz is not None and report.pitch_after_hz is not None:
        goal = "" if report.pitch_target_hz is None else f" (target {report.pitch_target_hz:.0f} Hz)"
        print(f"  pitch    {report.pitch_before_hz:.0f} -> {report.pitch_after_hz:.0f} Hz{goal}")
    print(f"  time     {', '.join(f'{stage} {seconds:.1f} s' for stage, seconds in report.stages_s.items())}")
    for note in report.notes:
        print(f"  note     {note}")


def _channels(count: int) -> str:
    return {1: "mono", 2: "stereo"}.get(count, f"{count} channels")
