"""`avfusion make-avs`: made clips in which things sound and move, laid out as the published sets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from avfusion.cli.options import JsonOption, QuietOption
from avfusion.cli.progress import ProgressLine
from avfusion.cli.results import print_json
from avfusion.cli.stopping import stopping

_Setting = Literal["s4", "ms3", "avss", "ov", "rvos"]
_Layout = Literal["youtube", "davis", "mevis"]
_Split = Literal["train", "val", "test"]

_DIR = "A new folder: AVSBench_object, AVSBench_semantic, AVSBench-openvoc, or a referring set."
_SETTING = "s4: one source. ms3: several by turns. avss: named. ov: some kinds kept from training. rvos: said in words."
_LAYOUT = "Of rvos: Ref-YouTube-VOS, Ref-DAVIS17 or MeViS; left out, mevis."
_SEED = "The same number gives the same set; clip k is the same however many there are."
_SPLIT = "All clips are for this; left out, 14 of 20 are train, 3 val and 3 test."
_PLAIN = "Sources and silent movers alone: no noise, shake, overlap, lag, nothing still or off the screen that sounds."
_NO_VIDEO = "Only the picture that is kept of each second, as AVSBench_semantic is published: many times as fast."


def make_avs(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help=_DIR)],
    setting: Annotated[_Setting, typer.Option(metavar="s4|ms3|avss|ov|rvos", help=_SETTING)],
    clips: Annotated[int, typer.Option(min=1, max=99_999, metavar="N", help="How many clips.")] = 40,
    seed: Annotated[int, typer.Option(min=0, metavar="K", help=_SEED)] = 0,
    size: Annotated[int, typer.Option(min=32, max=512, metavar="PX", help="Width and height of a picture.")] = 224,
    split: Annotated[_Split | None, typer.Option(metavar="train|val|test", help=_SPLIT)] = None,
    layout: Annotated[_Layout | None, typer.Option(metavar="youtube|davis|mevis", help=_LAYOUT)] = None,
    plain: Annotated[bool, typer.Option("--plain", help=_PLAIN)] = False,
    no_video: Annotated[bool, typer.Option("--no-video", help=_NO_VIDEO)] = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Make an audio-visual set to test on and to train on: nothing is fetched, and every pixel's truth is known."""
    from avfusion.datasets.made import MadeSettings
    from avfusion.pipelines.make_avs import make_avs as make

    settings = MadeSettings(
        clips=clips, seed=seed, size_px=size, split=split, is_plain=plain, is_moving=not no_video
    )  # fmt: skip
    with ProgressLine(quiet=quiet) as progress, stopping() as should_stop:
        report = make(
            folder, setting=setting, settings=settings, layout=layout or "", on_progress=progress,
            should_stop=should_stop,
        )  # fmt: skip
    if json:
        print_json(report.as_json())
        return
    said = ", ".join(f"{count} {split}" for split, count in report.splits.items())
    print(f"{report.out}: {report.clips} clips of {report.setting}{f' ({layout})' if layout else ''}: {said}")
    print(f"  seed     {report.seed}")
    print(f"  time     {report.seconds:.1f} s")
