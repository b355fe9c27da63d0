"""`avfusion evaluate avs` and `evaluate rvos`: scores of what finds things by their sound or by words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from avfusion.cli.options import DeviceOption, JsonOption, QuietOption
from avfusion.cli.progress import ProgressLine
from avfusion.cli.results import print_json
from avfusion.cli.stopping import stopping
from avfusion.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from avfusion.pipelines.evaluate_avs import AvsEvaluation

SettingOption = Annotated[str, typer.Option("--setting", metavar="s4|ms3|avss|ov", help="Which set of AVSBench.")]
SplitOption = Annotated[str, typer.Option("--split", metavar="NAME", help="The split to score.")]
LocatorOption = Annotated[str, typer.Option("--engine", metavar="NAME", help="The sounding engine to score.")]
TrackerOption = Annotated[str, typer.Option("--tracker", metavar="NAME", help="Carries its masks through the clip.")]
SegmenterOption = Annotated[str, typer.Option("--segmenter", metavar="NAME", help="Makes its prompts the first mask.")]
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
    from avfusion.datasets.avs_clip import check_setting, check_split
    from avfusion.pipelines.evaluate_avs import EngineChoice, evaluate_avs

    choice = EngineChoice(engine, tracker, segmenter, device)
    if predictions is not None and choice != EngineChoice():
        raise UsageError("--predictions scores what is there: leave --engine, --tracker, --segmenter and --device out.")
    with ProgressLine(quiet=quiet) as progress, stopping() as should_stop:
        report = evaluate_avs(
            dataset, setting=check_setting(setting), split=check_split(split),
            choice=None if predictions is not None else choice, predictions=predictions, write=write, clips=clip,
            controls=not no_controls, on_progress=progress, should_stop=should_stop,
        )  # fmt: skip
    if json:
        print_json(report.as_json())
    else:
        _print_avs(report)


def _print_avs(report: AvsEvaluation) -> None:
    print(
        f"{report.dataset}: {report.setting} {report.split}, {len(report.clips)} clips, {report.frames} frames scored"
    )
    _print_source(report)
    _print_figures(report.figures, {hearing: report.abstained(hearing) for hearing in report.figures})
    if report.classes:
        worst = sorted(report.classes.items(), key=lambda item: item[1])
        print(f"  classes  {', '.join(f'{name} {value:.3f}' for name, value in worst)}")
    if report.written is not None:
        print(f"  written  {report.written}")


def _print_source(report: Any) -> None:
    if not report.engines:
        print(f"  {report.source}")
    for ability, name in report.engines.items():
        weights = report.revisions.get(ability)
        print(f"  {ability:12} {name} on {report.devices[ability]}{f', weights {weights[:25]}' if weights else ''}")


_HEARD = {
    "own": "own sound", "mute": "no sound", "swap": "another's sound", "words": "another's words",
}  # fmt: skip


def _print_figures(figures: Mapping[str, Mapping[str, float]], abstained: Mapping[str, int]) -> None:
    names = list(next(iter(figures.values())))
    widths = [max(6, len(name)) for name in names]
    print(" " * 17 + "".join(f"  {name:>{width}}" for name, width in zip(names, widths, strict=True)) + "  abstained")
    for hearing, values in figures.items():
        cells = "".join(f"  {values[name]:>{width}.3f}" for name, width in zip(names, widths, strict=True))
        print(f"{_HEARD[hearing]:17}{cells}  {abstained.get(hearing, 0):9d}")
