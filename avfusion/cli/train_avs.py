"""`avfusion train av2ts` and `ov-avss`: networks that find what sounds, from clips with true masks."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from avfusion.cli.options import DeviceOption, JsonOption, QuietOption
from avfusion.cli.progress import ProgressLine
from avfusion.cli.results import print_json
from avfusion.cli.stopping import stopping

if TYPE_CHECKING:
    from avfusion.pipelines.train_avs import AvsTrainingReport
    from avfusion.pipelines.train_avs_network import Given
    from avfusion.pipelines.train_avs_settings import AvsTraining, Preset

_DATA = "AVSBench as it is downloaded, or what 'avfusion make-avs' made: clips in the splits train and val."
_OUT = "A new folder: the best weights, losses.csv, scores.csv, training.html, and what --resume needs."
_SETTING = "s4: one source. ms3: several. avss: each with its name."
_PRESET = "cpu: small, for two cores; the others: as published, with the backbone of that name. Left out, cpu."
_STEPS = "In all; left out, as the preset says, as with all that follows."
_RATE = "How fast it learns at the first step; it falls to 0 at the last."
_SEED = "The same number, data and machine give the same weights."
_SAVE = "Steps from checkpoint to checkpoint; --resume goes on from the last."
_VALIDATE = "Steps from validation to validation; the best weights are kept."
_PRECISION = "bf16 and fp16 are for cards."
_RESUME = "Go on from the last step in RUN_DIR, as it began: no other option but --device goes with it."
_FROM = "A trained network's folder to begin with."
_BACKBONE = "A published backbone's folder, as transformers has it, to begin with."
_CED = "Published weights of CED-mini to begin with: model.safetensors, or its folder."
_VGGISH = "Published weights of VGGish to begin with: model.safetensors, or their folder."
_NO_LESSONS = (
    "Begin with eyes and ears that know nothing; left out, those of --preset cpu, which nobody published, are first "
    "taught to tell made things and timbres apart."
)
_MADE_WORDS = "Also teach a small model to name made things, and keep it with the network: no CLIP is needed for them."
_WITHOUT = "Ideas of AV2TS to leave out: temporal-attention, shared-map, fusion; several with commas."
_CLOSED = "Learn AVSBench's names too, instead of leaving them to a network that knows words; no others are found then."
_SIZE = "Width and height of a picture in training, a multiple of 32."

_WITH_RESUME = ("data", "out", "resume", "device", "json", "quiet")
_WEIGHTS = "model.safetensors"
_IDEAS = {"temporal-attention": "temporal_attention", "shared-map": "shared_map", "fusion": "one_stream_fusion"}

_Data = Annotated[Path, typer.Option(metavar="DIR", help=_DATA)]
_Out = Annotated[Path, typer.Option(metavar="RUN_DIR", help=_OUT)]
_Steps = Annotated[int | None, typer.Option(min=1, metavar="N", help=_STEPS)]
_Batch = Annotated[int | None, typer.Option(min=1, metavar="N", help="Clips in a step, of all processes together.")]
_Rate = Annotated[float | None, typer.Option("--lr", metavar="X", help=_RATE)]
_Seed = Annotated[int | None, typer.Option(min=0, metavar="N", help=_SEED)]
_SaveEvery = Annotated[int | None, typer.Option(min=1, metavar="N", help=_SAVE)]
_ValidateEvery = Annotated[int | None, typer.Option(min=1, metavar="N", help=_VALIDATE)]
_Precision = Annotated[Literal["fp32", "bf16", "fp16"] | None, typer.Option(metavar="fp32|bf16|fp16", help=_PRECISION)]
_Size = Annotated[int | None, typer.Option(min=32, max=1024, metavar="PX", help=_SIZE)]
_Resume = Annotated[bool, typer.Option("--resume", help=_RESUME)]
_From = Annotated[Path | None, typer.Option("--from", metavar="DIR", help=_FROM)]
_Backbone = Annotated[Path | None, typer.Option(metavar="DIR", help=_BACKBONE)]
_NoLessons = Annotated[bool, typer.Option("--no-lessons", help=_NO_LESSONS)]


def av2ts(
    ctx: typer.Context,
    data: _Data,
    out: _Out,
    setting: Annotated[Literal["s4", "ms3", "avss"] | None, typer.Option(metavar="s4|ms3|avss", help=_SETTING)] = None,
    preset: Annotated[Literal["pvt", "r50", "cpu"] | None, typer.Option(metavar="pvt|r50|cpu", help=_PRESET)] = None,
    steps: _Steps = None,
    batch: _Batch = None,
    rate: _Rate = None,
    seed: _Seed = None,
    save_every: _SaveEvery = None,
    validate_every: _ValidateEvery = None,
    precision: _Precision = None,
    size: _Size = None,
    without: Annotated[str, typer.Option(metavar="IDEA,IDEA", help=_WITHOUT)] = "",
    start: _From = None,
    backbone: _Backbone = None,
    ears: Annotated[Path | None, typer.Option(metavar="DIR|FILE", help=_CED)] = None,
    no_lessons: _NoLessons = False,
    resume: _Resume = False,
    device: DeviceOption = "auto",
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Train AV2TS: which pixels sound, on AVSBench. Ctrl-C saves the step it is at; --resume goes on from there.

    On several cards: accelerate launch -m avfusion train av2ts ...
    """
    changes = _changes(
        steps=steps, batch=batch, rate=rate, seed=seed, save_every=save_every, validate_every=validate_every,
        precision=precision, size_px=size,
    )  # fmt: skip
    with _one_speaks():
        training = None if _resumes(ctx, resume) else _av2ts(setting, preset or "cpu", changes, without)
        given = _given(training, start, backbone, ears, lessons=not no_lessons)
        _train(data, out, training, given, device=device, json=json, quiet=quiet)


def ov_avss(
    ctx: typer.Context,
    data: _Data,
    out: _Out,
    preset: Annotated[Literal["r50", "cpu"] | None, typer.Option(metavar="r50|cpu", help=_PRESET)] = None,
    steps: _Steps = None,
    batch: _Batch = None,
    rate: _Rate = None,
    seed: _Seed = None,
    save_every: _SaveEvery = None,
    validate_every: _ValidateEvery = None,
    precision: _Precision = None,
    size: _Size = None,
    closed: Annotated[bool, typer.Option("--closed", help=_CLOSED)] = False,
    start: _From = None,
    backbone: _Backbone = None,
    ears: Annotated[Path | None, typer.Option(metavar="DIR|FILE", help=_VGGISH)] = None,
    no_lessons: _NoLessons = False,
    made_words: Annotated[bool, typer.Option("--made-words", help=_MADE_WORDS)] = False,
    resume: _Resume = False,
    device: DeviceOption = "auto",
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Train OV-AVSS: what sounds, whatever it is called, on AVSBench-OV. Ctrl-C saves the step; --resume goes on.

    On several cards: accelerate launch -m avfusion train ov-avss ...
    """
    changes = _changes(
        steps=steps, batch=batch, rate=rate, seed=seed, save_every=save_every, validate_every=validate_every,
        precision=precision, size_px=size,
    )  # fmt: skip
    with _one_speaks():
        training = None if _resumes(ctx, resume) else _ov_avss(preset or "cpu", changes, closed)
        given = _given(training, start, backbone, ears, lessons=not no_lessons, made_words=made_words)
        _train(data, out, training, given, device=device, json=json, quiet=quiet)


def _is_first() -> bool:
    """Of the processes that `accelerate launch` starts, or alone."""
    return os.environ.get("RANK", "0") == "0"


@contextlib.contextmanager
def _one_speaks() -> Iterator[None]:
    """Where all processes are refused or stopped alike, the first says so; of a clip, whoever reads it."""
    from avfusion.errors import EngineNotReady, OutputError, Stopped, UsageError

    try:
        yield
    except (UsageError, OutputError, EngineNotReady, Stopped) as error:
        if _is_first():
            raise
        raise typer.Exit(1) from error


def _changes(**given: Any) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}


def _resumes(ctx: typer.Context, resume: bool) -> bool:
    """Raises `UsageError` for what would change a training that has begun."""
    from avfusion.errors import UsageError

    for parameter in ctx.command.params:
        source = ctx.get_parameter_source(parameter.name or "")
        is_said = source is not None and source.name == "COMMANDLINE"
        if resume and is_said and parameter.name not in _WITH_RESUME:
            raise UsageError(f"A training goes on as it began. Leave {parameter.opts[0]} out, or begin a new one.")
    if resume:
        _need_kind(ctx.params["out"], ctx.command.name or "")
    return resume


def _need_kind(out: Path, wanted: str) -> None:
    from avfusion.errors import UsageError
    from avfusion.pipelines.train_avs import TRAINING
    from avfusion.pipelines.train_avs_settings import stored_training

    path = out / TRAINING
    if path.is_file() and (kind := stored_training(path).kind) != wanted:
        raise UsageError(f"{out}: holds a training of {kind}, which `avfusion train {kind} --resume` goes on with.")


def _av2ts(setting: str | None, preset: Preset, changes: dict[str, Any], without: str) -> AvsTraining:
    from avfusion.datasets.avs_clip import check_setting
    from avfusion.errors import UsageError
    from avfusion.pipelines.train_avs_settings import training_of

    if setting is None:
        raise UsageError("What is to be learnt? Give --setting s4, ms3 or avss, or --resume.")
    ideas = [idea.strip() for idea in without.split(",") if idea.strip()]
    unknown = next((idea for idea in ideas if idea not in _IDEAS), None)
    if unknown is not None:
        raise UsageError(f"--without {unknown}: there is no such idea. There are: {', '.join(_IDEAS)}.")
    training = training_of("av2ts", check_setting(setting), preset, **changes)
    off: dict[str, Any] = {_IDEAS[idea]: False for idea in ideas}
    return replace(training, network=replace(training.network, **off))


def _ov_avss(preset: Preset, changes: dict[str, Any], closed: bool) -> AvsTraining:
    from avfusion.datasets.classes import CLASSES
    from avfusion.pipelines.train_avs_settings import training_of

    training = training_of("ov-avss", "ov", preset, **changes)
    return replace(training, network=replace(training.network, classes=len(CLASSES))) if closed else training


def _given(
    training: AvsTraining | None,
    start: Path | None,
    backbone: Path | None,
    ears: Path | None,
    *,
    lessons: bool,
    made_words: bool = False,
) -> Given | None:
    from avfusion.pipelines.train_avs_network import Given
    from avfusion.sounding.training.made_start import StartSettings

    if training is None:
        return None
    if ears is not None and ears.is_dir():
        ears = ears / _WEIGHTS
    is_taught = lessons and training.network.learns_ears and not (start or backbone or ears)
    return Given(
        start, backbone, ears, made=StartSettings(seed=training.settings.seed) if is_taught else None,
        made_words=made_words,
    )  # fmt: skip


def _train(
    data: Path, out: Path, training: AvsTraining | None, given: Given | None, *, device: str, json: bool, quiet: bool
) -> None:
    from avfusion.pipelines.train_avs import train_avs

    with ProgressLine(quiet=quiet or not _is_first()) as progress, stopping() as should_stop:
        report = train_avs(
            data, out=out, training=training, given=given, device=device, on_progress=progress,
            should_stop=should_stop,
        )  # fmt: skip
    if not _is_first():
        return
    if json:
        print_json(report.as_json())
    else:
        _print(report)


def _print(report: AvsTrainingReport) -> None:
    print(f"{report.out}: {report.kind} on {report.setting}, step {report.step}, {report.parameters:,} parameters")
    print(f"  clips    {report.clips} to learn from, {report.validated} to validate with")
    if report.losses:
        print(f"  loss     {report.losses['total']:.3f} at the last step; all in {report.out / 'losses.csv'}")
    if report.scores:
        said = ", ".join(f"{name} {value:.3f}" for name, value in report.scores.items())
        print(f"  best     {said}, at step {report.best_step}")
    print(f"  device   {', '.join(report.devices.values())}")
    print(f"  time     {', '.join(f'{stage} {seconds:.1f} s' for stage, seconds in report.stages_s.items())}")
    for note in report.notes:
        print(f"  note     {note}")
