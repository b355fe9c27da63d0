"""What a run did, on standard output: a few lines for people, or JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from avfusion.pipelines.convert_voice_settings import VoiceReport
    from avfusion.pipelines.remove_settings import RemoveReport
    from avfusion.pipelines.report import Report


def print_any(report: Report | VoiceReport, *, as_json: bool) -> None:
    """As the verb's own command does."""
    from avfusion.cli.fuse_table import print_fusion
    from avfusion.cli.locate import print_located
    from avfusion.cli.voice_table import print_voice
    from avfusion.pipelines.convert_voice_settings import VoiceReport
    from avfusion.pipelines.fuse_settings import FuseReport
    from avfusion.pipelines.locate_settings import LocateReport
    from avfusion.pipelines.remove_settings import RemoveReport

    if isinstance(report, FuseReport):
        print_fusion(report, as_json=as_json)
    elif isinstance(report, LocateReport):
        print_located(report, as_json=as_json)
    elif isinstance(report, RemoveReport):
        print_removal(report, as_json=as_json)
    elif not isinstance(report, VoiceReport):
        print_report(report, as_json=as_json)
    elif as_json:
        print_json(report.as_json())
    else:
        print_voice(report)


def print_report(report: Report, *, as_json: bool) -> None:
    if as_json:
        print_json(report.as_json())
        return
    print_done(report)
    print_notes(report)


def print_removal(report: RemoveReport, *, as_json: bool) -> None:
    if as_json:
        print_json(report.as_json())
        return
    print_done(report)
    painted = f"{counted(report.generations, 'picture')} painted"
    print(f"  hole     {report.seen_share:.1%} seen in other frames, {report.invented_share:.1%} invented; {painted}")
    if report.warp_error is not None:
        print(f"  steady   flow-warp error {report.warp_error:.5f} inside the hole")
    if report.map_out is not None:
        print(f"  map      {report.map_out}")
    print_notes(report)


def print_done(report: Report) -> None:
    """The file, the engines and the time."""
    frames = counted(report.frames, "frame")
    print(f"{report.out}: {frames}, {report.width_px} x {report.height_px}, {report.duration_s:.2f} s")
    for ability, name in report.engines.items():
        where = report.devices.get(ability)
        weights = report.revisions.get(ability)
        said = f"{name} on {where}" if where else name
        print(f"  {ability:12} {said}{f', weights {weights[:25]}' if weights else ''}")
    print(f"  time     {', '.join(f'{stage} {seconds:.1f} s' for stage, seconds in report.stages_s.items())}")
    if report.flicker is not None:
        print(f"  flicker  {report.flicker:.3f} of the edges' opacity from frame to frame")


def print_notes(report: Report) -> None:
    """Without why the engines were taken that worked: the lines above name them, and JSON has it all."""
    chosen = tuple(
        f"{name} is the best engine for {ability} that is ready." for ability, name in report.engines.items()
    )
    for note in report.notes:
        if not note.startswith(chosen):
            print(f"  note     {note}")


def counted(count: int, one: str) -> str:
    """ "1 clip", "2 clips"."""
    return f"{count} {one}{'' if count == 1 else 's'}"


def print_json(value: Any) -> None:
    print(json.dumps(value, indent=2))
