"""`avfusion compare`: several engines asked the same, side by side."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from avfusion.cli.compare_table import print_comparison
from avfusion.cli.options import (
    BoxOption,
    DeviceOption,
    FromOption,
    JsonOption,
    MaskOption,
    NotOption,
    ObjectOption,
    PointOption,
    QuietOption,
    SegmenterOption,
    TextOption,
    ToOption,
    span_of,
)
from avfusion.cli.progress import ProgressLine
from avfusion.cli.prompts import WordLog, read_prompts
from avfusion.cli.results import print_json
from avfusion.cli.stopping import stopping
from avfusion.errors import InputError, UsageError

if TYPE_CHECKING:
    from avfusion.clip import Clip
    from avfusion.pipelines.compare_answers import Comparison

_ENGINES = "Which to compare; left out, all that are ready."
_TRUTH = "The true mask, or a folder of them for a clip: each answer is scored."
_CLIP = "Follow the object through the whole clip. Naming trackers says so too."
_FRAME = "The frame to compare; prompts without @FRAME are on it."
_EXHAUSTIVE = "Trackers that can look at everything in every frame do so."


def compare(
    ctx: typer.Context,
    clip: Annotated[Path, typer.Argument(metavar="IMAGE|CLIP", help="A picture, a video or an animation.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="A new folder for the report.")],
    engines: Annotated[str, typer.Option(metavar="A,B,C", help=_ENGINES)] = "",
    point: PointOption = None,
    not_: NotOption = None,
    box: BoxOption = None,
    mask: MaskOption = None,
    text: TextOption = None,
    object_: ObjectOption = None,
    truth: Annotated[Path | None, typer.Option(metavar="PNG|DIR", help=_TRUTH)] = None,
    whole_clip: Annotated[bool, typer.Option("--clip", help=_CLIP)] = False,
    frame: Annotated[int | None, typer.Option(min=0, metavar="N", help=_FRAME)] = None,
    from_: FromOption = None,
    to: ToOption = None,
    segmenter: SegmenterOption = "auto",
    exhaustive: Annotated[bool, typer.Option("--exhaustive", help=_EXHAUSTIVE)] = False,
    device: DeviceOption = "auto",
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Ask several engines the same, and write what they answer, what it takes them and how far they agree.

    Without prompts each is asked for everything in the picture.
    """
    from avfusion.media.probe import probe
    from avfusion.media.target import refuse_target
    from avfusion.pipelines.compare import compare as ask
    from avfusion.pipelines.compare import write_report

    names, is_clip = _chosen(engines, whole_clip=whole_clip)
    source = probe(clip)
    _refuse_contradictions(source, is_clip=is_clip, frame=frame, span=(from_, to))
    prompts = read_prompts(_on_frame(ctx.obj, frame), source)
    shown = frame if frame is not None else prompts[0].frame if prompts else 0
    refuse_target(out, folder=True)
    with (
        ProgressLine(quiet=quiet) as progress,
        stopping() as should_stop,
        tempfile.TemporaryDirectory(prefix="avfusion-") as folder,
    ):
        comparison = ask(
            source, prompts, engines=names, folder=Path(folder), whole_clip=is_clip, frame=shown, truth=truth,
            segmenter=segmenter, exhaustive=exhaustive, device=device, span=span_of(source, from_, to),
            on_progress=progress, should_stop=should_stop,
        )  # fmt: skip
        _refuse_nothing(comparison)
        write_report(comparison, out, on_progress=progress, should_stop=should_stop)
    if json:
        print_json({**comparison.as_json(), "out": str(out)})
    else:
        print_comparison(comparison, out)


def _chosen(words: str, *, whole_clip: bool) -> tuple[list[str], bool]:
    """The engines' names, and whether they are to follow a clip. Raises `UnknownEngine`, `UsageError`."""
    from avfusion.engines.catalogue import find, named, of_ability
    from avfusion.engines.state import state

    names = list(dict.fromkeys(name.strip() for name in words.split(",") if name.strip()))
    if words and not names:
        raise UsageError(f"--engines {words}: names no engine. Leave the option out for all that are ready.")
    if not names:
        ability = "tracking" if whole_clip else "segmentation"
        return [engine.name for engine in of_ability(ability) if state(engine).is_ready], whole_clip
    trackers = [name for name in names if {engine.ability for engine in named(name)} == {"tracking"}]
    is_clip = whole_clip or bool(trackers)
    others = [name for name in names if trackers and "tracking" not in {engine.ability for engine in named(name)}]
    if others:
        raise UsageError(
            f"--engines {words}: {trackers[0]} follows a clip and {others[0]} cuts out one frame; compare one kind."
        )
    for name in names:
        find(name, "tracking" if is_clip else "segmentation")
    return names, is_clip


def _refuse_contradictions(
    clip: Clip, *, is_clip: bool, frame: int | None, span: tuple[int | None, int | None]
) -> None:
    """Raises `UsageError`."""
    if is_clip and clip.frame_count == 1:
        raise UsageError(
            f"{clip.path}: this is one picture, and there is nothing to follow. Leave --clip and trackers out."
        )
    if not is_clip and span != (None, None):
        raise UsageError("--from and --to are for whole clips; give --clip too, or --frame for one frame.")
    if frame is not None and frame >= clip.frame_count:
        raise UsageError(f"--frame {frame}: {clip.path} has frames 0 to {clip.frame_count - 1}.")


def _on_frame(log: WordLog, frame: int | None) -> WordLog:
    """Prompts that do not say their frame are on this one."""
    if frame is None:
        return log
    return [
        (option, words if option == "--object" or re.search(r"@\d+$", words) else f"{words}@{frame}")
        for option, words in log
    ]


def _refuse_nothing(comparison: Comparison) -> None:
    """Raises `InputError` where no engine had an answer: there would be nothing in the report."""
    if not comparison.with_masks:
        said = "; ".join(answer.problem.rstrip(".") for answer in comparison.answers)
        raise InputError(f"{comparison.clip.path}: no engine had an answer. {said}.")
