"""`avfusion evaluate`: scores on a dataset, as the field computes them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from avfusion.cli.evaluate_avs import avs, rvos
from avfusion.cli.inpaint_table import print_inpainting
from avfusion.cli.options import DeviceOption, JsonOption, QuietOption
from avfusion.cli.progress import ProgressLine
from avfusion.cli.results import print_json
from avfusion.cli.stopping import stopping
from avfusion.cli.voice import (
    ClustersOption,
    ConfigOption,
    IndexOption,
    ModelOption,
    SpeakerEncoderOption,
    SpeakerOption,
    model_files,
)
from avfusion.cli.voice_table import print_judgement, print_voices
from avfusion.errors import UsageError

if TYPE_CHECKING:
    from avfusion.pipelines.evaluate import VosReport
    from avfusion.pipelines.evaluate_segmentation import SegmentationReport

commands = typer.Typer(help="Score an engine on a dataset, as the field does.", rich_markup_mode=None)


@commands.command("vos")
def vos(
    dataset: Annotated[Path, typer.Argument(metavar="DIR", help="Laid out as DAVIS: JPEGImages and Annotations.")],
    engine: Annotated[str, typer.Option(metavar="NAME", help="The tracking engine to score.")] = "flow",
    sequence: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this sequence; may be repeated.")
    ] = None,
    rounds: Annotated[
        int, typer.Option(min=0, max=20, metavar="N", help="Correct N times: one click on the most doubtful frame.")
    ] = 0,
    device: DeviceOption = "auto",
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Score video object segmentation: J and F, as DAVIS-2016. The engine gets the first frame's mask."""
    from avfusion.pipelines.evaluate import evaluate_vos

    with ProgressLine(quiet=quiet) as progress, stopping() as should_stop:
        report = evaluate_vos(
            dataset, engine=engine, sequences=sequence, rounds=rounds, device=device,
            on_progress=progress, should_stop=should_stop,
        )  # fmt: skip
    if json:
        print_json(report.as_json())
    else:
        _print_table(report)


@commands.command("segmentation")
def segmentation(
    dataset: Annotated[Path, typer.Argument(metavar="DIR", help="Laid out as ADE20K, or as COCO's panoptic task.")],
    engine: Annotated[
        str, typer.Option(metavar="NAME", help="The segmentation engine to score; one that gives names.")
    ],
    device: DeviceOption = "auto",
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Score whole pictures by name: mean IoU as ADE20K counts it, and panoptic quality where the truth has it."""
    from avfusion.pipelines.evaluate_segmentation import evaluate_segmentation

    with ProgressLine(quiet=quiet) as progress, stopping() as should_stop:
        report = evaluate_segmentation(
            dataset, engine=engine, device=device, on_progress=progress, should_stop=should_stop
        )
    if json:
        print_json(report.as_json())
    else:
        _print_classes(report)


@commands.command("voice")
def voice(
    dataset: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="Speakers who read the same: SPEAKER/SPEAKER_SENTENCE.wav.")
    ] = None,
    engine: Annotated[str, typer.Option(metavar="NAME", help="The voice engine to score.")] = "auto",
    pair: Annotated[
        list[str] | None, typer.Option(metavar="A-B", help="Only from A to B; may be repeated. Left out, all pairs.")
    ] = None,
    reference: Annotated[
        str, typer.Option(metavar="S,S,...", help="Sentences of the target that the engine hears; half if left out.")
    ] = "",
    test: Annotated[str, typer.Option(metavar="S,S,...", help="Sentences to score; the others if left out.")] = "",
    model: ModelOption = None,
    config: ConfigOption = None,
    index: IndexOption = None,
    clusters: ClustersOption = None,
    speaker_encoder: SpeakerEncoderOption = None,
    speaker: SpeakerOption = "",
    source: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Without DIR: the recording that a result was made from.")
    ] = None,
    result: Annotated[Path | None, typer.Option(metavar="FILE", help="... and that result.")] = None,
    target: Annotated[
        list[Path] | None, typer.Option(metavar="REF", help="... and the target saying anything; may be repeated.")
    ] = None,
    device: DeviceOption = "auto",
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Score voice conversion: mel-cepstral distortion with global variance, F0, lag, duration, loudness.

    With DIR, on sentences that the target reads too. With --source and --result, on one result, without such.
    """
    if dataset is None:
        _judge(source, result, target or [], as_json=json)
        return
    if source is not None or result is not None or target:
        raise UsageError("--source, --result and --target are for one result, and DIR for a dataset. Give one of them.")
    from avfusion.pipelines.evaluate_voice import evaluate_voice

    files = model_files(model, config=config, index=index, clusters=clusters, speaker_encoder=speaker_encoder)
    with ProgressLine(quiet=quiet) as progress, stopping() as should_stop:
        report = evaluate_voice(
            dataset, engine=engine, model=files, speaker=speaker, pairs=[_pair(words) for words in pair or []],
            reference=_names(reference), test=_names(test), device=device,
            on_progress=progress, should_stop=should_stop,
        )  # fmt: skip
    if json:
        print_json(report.as_json())
    else:
        print_voices(report)


@commands.command("inpaint")
def inpaint(
    dataset: Annotated[
        Path, typer.Argument(metavar="DIR|CLIP", help="Laid out as DAVIS, or with --masks one clip as it truly is.")
    ],
    engine: Annotated[str, typer.Option(metavar="NAME,NAME", help="The inpainting engines to score.")] = (
        "flow-fill,telea"
    ),
    sequence: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this sequence; may be repeated.")
    ] = None,
    frames: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="At most N frames of each clip, from its first.")
    ] = None,
    masks: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Mask PNGs, one a frame: the holes to cut into CLIP.")
    ] = None,
    each_frame: Annotated[bool, typer.Option("--each-frame", help="Painters paint every frame for itself.")] = False,
    device: DeviceOption = "auto",
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Score inpainting: PSNR and SSIM inside the hole, and flow-warp error, against what truly was there.

    Of a dataset, each sequence gets the masks of the next one as holes. With --masks, CLIP gets those.
    """
    from avfusion.pipelines.evaluate_inpaint import evaluate_inpaint
    from avfusion.pipelines.remove_settings import RemoveSettings

    with ProgressLine(quiet=quiet) as progress, stopping() as should_stop:
        report = evaluate_inpaint(
            dataset, engines=_names(engine), sequences=sequence, frames=frames, masks=masks,
            settings=RemoveSettings(each_frame=each_frame), device=device,
            on_progress=progress, should_stop=should_stop,
        )  # fmt: skip
    if json:
        print_json(report.as_json())
    else:
        print_inpainting(report)


commands.command("avs")(avs)
commands.command("rvos")(rvos)


def _judge(source: Path | None, result: Path | None, target: list[Path], *, as_json: bool) -> None:
    if source is None or result is None:
        raise UsageError("Give DIR, a dataset, or one result with --source FILE and --result FILE.")
    from avfusion.pipelines.evaluate_voice_free import judge_voice

    judged = judge_voice(source, result, target)
    if as_json:
        print_json(judged.as_json())
    else:
        print_judgement(judged)


def _pair(words: str) -> tuple[str, str]:
    source, _, target = words.partition("-")
    if not source or not target:
        raise UsageError(f"--pair {words}: give two speakers, like p225-p226.")
    return source, target


def _names(words: str) -> list[str]:
    return [name.strip() for name in words.split(",") if name.strip()]


def _print_classes(report: SegmentationReport) -> None:
    width = max(len("class"), *(len(row.name) for row in report.classes))
    print(f"{'class'.ljust(width)}    IoU  accuracy     PQ")
    for row in report.classes:
        if row.iou is not None:
            print(f"{row.name.ljust(width)}  {_three(row.iou)}     {_three(row.accuracy)}  {_three(row.pq)}")
    print(f"\n{report.dataset}: {report.pictures} pictures, {report.pictures_per_s:.1f} a second")
    print(f"  {report.engine} on {report.device}{f', weights {report.revision[:25]}' if report.revision else ''}")
    print(
        f"  mean IoU {report.mean_iou:.3f}, mean accuracy {report.mean_accuracy:.3f}, "
        f"pixel accuracy {report.pixel_accuracy:.3f}"
    )
    for name, quality in (report.panoptic or {}).items():
        if quality is not None:
            print(f"  {name:6} PQ {quality.pq:.3f}, SQ {quality.sq:.3f}, RQ {quality.rq:.3f}")
    if report.unnamed:
        print(f"  note     the engine has no name for {len(report.unnamed)} classes: {', '.join(report.unnamed)}")


def _three(value: float | None) -> str:
    return "    -" if value is None else f"{value:.3f}"


def _print_table(report: VosReport) -> None:
    width = max(len(row.name) for row in report.sequences)
    rounds = [f"J+{count}" for count in range(1, len(report.overall.after_clicks))]
    heads = "".join(f"  {head:>5}" for head in rounds)
    print(f"{'sequence'.ljust(width)}  frames     J      F   mean  frames/s  learning s  rank corr.{heads}")
    for row in (*report.sequences, report.overall):
        numbers = f"{row.j:.3f}  {row.f:.3f}  {row.mean:.3f}  {row.frames_per_s:8.1f}  {row.learning_s:10.1f}"
        rank = "-" if row.rank_correlation is None else f"{row.rank_correlation:.2f}"
        clicks = "".join(f"  {score:.3f}" for score in row.after_clicks[1:])
        print(f"{row.name.ljust(width)}  {row.frames:6d}  {numbers}  {rank:>10}{clicks}")
