"""What a fusion did, on standard output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from avfusion.cli.results import print_done, print_json, print_notes

if TYPE_CHECKING:
    from avfusion.pipelines.fuse_settings import FuseReport, Sync


def print_fusion(report: FuseReport, *, as_json: bool) -> None:
    if as_json:
        print_json(report.as_json())
        return
    print_done(report)
    print(f"  changed  {', '.join(report.changed) or 'nothing'}")
    if report.seen_share is not None and report.invented_share is not None:
        print(f"  hole     {report.seen_share:.1%} seen in other frames, {report.invented_share:.1%} invented")
    if report.voice is not None:
        is_found = "voice" in report.changed
        print(f"  voice    {f'{report.voice.converted_s:.2f} s converted' if is_found else 'none was found'}")
    for line in sync_lines(report.sync):
        print(f"  in sync  {line}")
    for name, path in (("map", report.map_out), ("report", report.page)):
        if path is not None:
            print(f"  {name:8} {path}")
    print_notes(report)


def sync_lines(sync: Sync) -> list[str]:
    """What was measured on the finished file, a line each."""
    lines = []
    if sync.times_identical is not None:
        off = "" if not sync.times_off_s else f" (the format's clock: {1000 * sync.times_off_s:.3g} ms)"
        lines.append(f"every frame at its time{off}" if sync.times_identical else "NOT every frame at its time")
    if sync.samples_before is not None:
        same = f"{sync.samples_after} samples for {sync.samples_before}"
        lines.append(same if sync.rate_before_hz == sync.rate_after_hz else f"{same}, at another rate")
    if sync.lag_s is not None:
        drift = "" if sync.drift_s is None else f", drift {1000 * sync.drift_s:+.2f} ms"
        lines.append(f"sound {1000 * sync.lag_s:+.2f} ms against the pictures{drift}")
    return lines
