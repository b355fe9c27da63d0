"""`avfusion evaluate avs` and `evaluate rvos`: scores of what finds things by their sound or by words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from avfusion.cli.options import DeviceOption, JsonOption, QuietOption
from avfusion.cli.progress import ProgressLine
from avfusion.cli.results import counted, print_json
from avfusion.cli.stopping import stopping
from avfusion.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from avfusion.pipelines.evaluate_avs import AvsEvaluation
    from avfusion.pipelines.evaluate_avs_run import EngineChoice
    from avfusion.pipelines.evaluate_rvos import RvosEvaluation

SettingOption = Annotated[str, typer.Option("--setting", metavar="s4|ms3|avss|ov|v2", help="Which set of AVSBench.")]
LayoutOption = Annotated[str, typer.Option("--layout", metavar="youtube|davis|mevis", help="Which set it is.")]
SplitOption = Annotated[str, typer.Option("--split", metavar="NAME", help="The split to score.")]
LocatorOption = Annotated[str, typer.Option("--engine", metavar="NAME", help="The sounding engine to score.")]
TrackerOption = Annotated[str, typer.Option("--tracker", metavar="NAME", help="Carries its masks through the clip.")]
SegmenterOption = Annotated[str, typer.Option("--segmenter", metavar="NAME", help="Makes its prompts the first mask.")]
NamerOption = Annotated[str, typer.Option("--namer", metavar="NAME", help="Says what things are, if it does not.")]
ClipsOption = Annotated[
    list[str] | None, typer.Option("--clip", metavar="NAME", help="Only this clip; may be repeated.")
]
PredictionsOption = Annotated[
    Path | None, typer.Option("--predictions", metavar="DIR", help="Score what lies there; no engine runs.")
]
WriteOption = Annotated[
    Path | None, typer.Option("--write", metavar="DIR", help="Keep the predictions, as the benchmark takes them.")
]
ControlsOption = Annotated[
    bool, typer.Option("--no-controls", help="Leave out the runs without and with another clip's sound.")
]


def avs(
    dataset: Annotated[Path, typer.Argument(metavar="DIR", help="AVSBench as it was downloaded, or as make-avs does.")],
    setting: SettingOption,
    split: SplitOption = "test",
    engine: LocatorOption = "auto",
    tracker: TrackerOption = "auto",
    segmenter: SegmenterOption = "auto",
    namer: NamerOption = "auto",
    clip: ClipsOption = None,
    predictions: PredictionsOption = None,
    write: WriteOption = None,
    no_controls: ControlsOption = False,
    device: DeviceOption = "auto",
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Score what finds the things that sound: M_J and M_F, or mIoU and F by class, as AVSBench does.

    Beside each score stand those without the sound and with another clip's: what ignores the sound scores alike.
    """
    from avfusion.datasets.avs_clip import SCORED_SETTINGS, check_setting, check_split
    from avfusion.pipelines.evaluate_avs import evaluate_avs

    with ProgressLine(quiet=quiet) as progress, stopping() as should_stop:
        report = evaluate_avs(
            dataset, setting=check_setting(setting, SCORED_SETTINGS), split=check_split(split),
            choice=_choice(predictions, engine, tracker, segmenter, namer, device), predictions=predictions,
            write=write, clips=clip, controls=not no_controls, on_progress=progress, should_stop=should_stop,
        )  # fmt: skip
    if json:
        print_json(report.as_json())
    else:
        _print_avs(report)


def rvos(
    dataset: Annotated[Path, typer.Argument(metavar="DIR", help="A referring set as it was downloaded.")],
    layout: LayoutOption,
    split: SplitOption = "valid",
    engine: LocatorOption = "auto",
    tracker: TrackerOption = "auto",
    segmenter: SegmenterOption = "auto",
    clip: ClipsOption = None,
    predictions: PredictionsOption = None,
    write: WriteOption = None,
    no_controls: ControlsOption = False,
    device: DeviceOption = "auto",
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Score what finds things by words: J, F and J&F over expressions.

    Beside each score stand those with the words for something else and, in a set with sound, without the sound and with
    another clip's. Where a server keeps the truth, --write makes what it takes.
    """
    from avfusion.datasets.rvos_clip import check_layout
    from avfusion.pipelines.evaluate_rvos import evaluate_rvos

    with ProgressLine(quiet=quiet) as progress, stopping() as should_stop:
        report = evaluate_rvos(
            dataset, layout=check_layout(layout), split=split,
            choice=_choice(predictions, engine, tracker, segmenter, "auto", device), predictions=predictions,
            write=write, clips=clip, controls=not no_controls, on_progress=progress, should_stop=should_stop,
        )  # fmt: skip
    if json:
        print_json(report.as_json())
    else:
        _print_rvos(report)


def _choice(
    predictions: Path | None, engine: str, tracker: str, segmenter: str, namer: str, device: str
) -> EngineChoice | None:
    """None where stored predictions are scored."""
    from avfusion.pipelines.evaluate_avs_run import EngineChoice

    choice = EngineChoice(engine, tracker, segmenter, namer, device)
    if predictions is None:
        return choice
    if choice != EngineChoice():
        raise UsageError("--predictions scores what is there: name no engine and no device with it.")
    return None


def _print_avs(report: AvsEvaluation) -> None:
    said = f"{counted(len(report.clips), 'clip')}, {counted(report.frames, 'frame')} scored"
    print(f"{report.dataset}: {report.setting} {report.split}, {said}")
    _print_source(report)
    ran = bool(report.engines)
    counts = {hearing: report.abstained(hearing) for hearing in report.figures} if ran else {}
    _print_figures(report.figures, "abstained", counts)
    for note in report.notes:
        print(f"  note         {note}")
    if report.classes:
        worst = sorted(report.classes.items(), key=lambda item: item[1])
        print(f"  classes      {', '.join(f'{name} {value:.3f}' for name, value in worst)}")
    if report.written is not None:
        print(f"  written      {report.written}")


def _print_rvos(report: RvosEvaluation) -> None:
    scored = sum(row.scores["own"] is not None for row in report.expressions)
    missing = report.missing.get("own", 0)
    lack = f", {missing} missing and counted as 0" if missing else ""
    said = f"{counted(len(report.expressions), 'expression')}, {scored} scored{lack}"
    print(f"{report.dataset}: {report.layout} {report.split}, {said}")
    _print_source(report)
    if report.figures:
        _print_figures(report.figures, "missing", {name: count for name, count in report.missing.items() if count})
    if report.written is not None:
        print(f"  written      {report.written}")


def _print_source(report: AvsEvaluation | RvosEvaluation) -> None:
    if not report.engines:
        print(f"  {report.source}")
    for ability, name in report.engines.items():
        weights = report.revisions.get(ability)
        print(f"  {ability:12} {name} on {report.devices[ability]}{f', weights {weights[:25]}' if weights else ''}")


_TOLD = {"own": "as it is", "mute": "no sound", "swap": "another's sound", "words": "another's words"}


def _print_figures(figures: Mapping[str, Mapping[str, float]], count: str, counts: Mapping[str, int]) -> None:
    """A row for each way in which the clips were given; the last column, where there is something to count in it."""
    names = list(next(iter(figures.values())))
    widths = [max(6, len(name)) for name in names]
    heads = "".join(f"  {name:>{width}}" for name, width in zip(names, widths, strict=True))
    print(" " * 17 + heads + (f"  {count}" if counts else ""))
    for told, values in figures.items():
        cells = "".join(f"  {values[name]:>{width}.3f}" for name, width in zip(names, widths, strict=True))
        print(f"{_TOLD[told]:17}{cells}" + (f"  {counts.get(told, 0):{len(count)}d}" if counts else ""))
