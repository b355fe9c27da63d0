"""How well holes were filled, as a table in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from avfusion.pipelines.evaluate_inpaint import InpaintReport, InpaintScore


def print_inpainting(report: InpaintReport) -> None:
    rows = (*report.scores, *report.overall)
    name_width = max(len("clip"), *(len(row.name) for row in rows))
    engine_width = max(len("engine"), *(len(row.engine) for row in rows))
    heads = "frames  hole %  PSNR dB   SSIM  warp x1e4  truth's  seen %  frames/s"
    print(f"{'clip'.ljust(name_width)}  {'engine'.ljust(engine_width)}  {heads}")
    for row in rows:
        print(f"{row.name.ljust(name_width)}  {row.engine.ljust(engine_width)}  {_numbers(row)}")
    print(f"\n{report.dataset}: inside the hole, means over frames and clips")
    for name in report.engines:
        weights = report.revisions.get(name)
        print(f"  {name} on {report.devices[name]}{f', weights {weights[:25]}' if weights else ''}")


def _numbers(row: InpaintScore) -> str:
    psnr = "  exact" if row.psnr_db is None else f"{row.psnr_db:7.2f}"
    warp, truth = (
        f"{'-':>{width}}" if value is None else f"{1e4 * value:{width}.2f}"
        for value, width in ((row.warp_error, 9), (row.truth_warp_error, 7))
    )
    return (
        f"{row.frames:6d}  {100 * row.hole_share:6.1f}  {psnr}  {row.ssim:.3f}  {warp}  {truth}  "
        f"{100 * row.seen_share:6.1f}  {row.frames_per_s:8.2f}"
    )
