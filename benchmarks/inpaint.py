"""Inpainting without weights: flow-fill beside telea on every frame, a static camera, speed, and memory against length.

    python benchmarks/inpaint.py [DAVIS] [--frames N] [--skip memory,static]
    python benchmarks/inpaint.py DAVIS --strips DIR     before and after of real removals, as pictures in DIR
    python benchmarks/inpaint.py --example FILE.jpg     the same of the bundled example

DAVIS is a folder with JPEGImages/[480p/]NAME and Annotations/[480p/]NAME; each sequence gets the masks of the next as
holes. PSNR and SSIM are inside the hole; the warp error is by the truth's own motion. DIR is yours: those pictures
are parts of recordings by others, and do not belong into this project.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from inpaint_strips import ROOT, write_example, write_strips
from numpy.typing import NDArray

from avfusion.cli.inpaint_table import print_inpainting
from avfusion.clip import Clip, Frame, Mask, Rgb
from avfusion.media.pictures import RgbaPicture
from avfusion.pipelines.evaluate_inpaint import Case, blanked, evaluate_inpaint, score_filled
from avfusion.pipelines.progress import Progress

SHORT_S, LONG_S, MEMORY_SIZE = 6, 60, "854x480"

MEASURED = """
import sys
from pathlib import Path
import numpy as np
from avfusion import probe, remove

class Box:
    engine = "made"

    def __init__(self, clip):
        self.frame_count, self.size = clip.frame_count, (clip.height_px, clip.width_px)

    def labels(self, frame):
        mask = np.zeros(self.size, np.uint8)
        left = self.size[1] // 4 + frame % (self.size[1] // 4)
        mask[self.size[0] // 5 : self.size[0] * 4 // 5, left : left + self.size[1] // 8] = 1
        return mask

    def union(self, frame):
        return self.labels(frame) > 0

clip = probe(sys.argv[1])
remove(clip, masks=Box(clip), out=Path(sys.argv[2]))
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


class Still:
    """A camera that stands still, with grain; and a hole of 80 x 100 pixels that crosses the picture."""

    engine = "made"
    frame_count, width_px, height_px = 48, 480, 270

    def __init__(self) -> None:
        rough = np.random.default_rng(1).random((self.height_px, self.width_px, 3)).astype(np.float32)
        smooth = cv2.GaussianBlur(rough, (0, 0), 2)
        self.scene = 30 + 190 * (smooth - smooth.min()) / (smooth.max() - smooth.min())

    def labels(self, frame: int) -> NDArray[np.uint8]:
        mask = np.zeros((self.height_px, self.width_px), np.uint8)
        mask[80:180, 8 * frame : 8 * frame + 80] = 1
        return mask

    def union(self, frame: int) -> Mask:
        return self.labels(frame) > 0

    def rgb(self, frame: int) -> Rgb:
        grain = np.random.default_rng(frame + 2).normal(0, 1, self.scene.shape)
        return np.clip(self.scene + grain, 0, 255).astype(np.uint8)

    def clip(self) -> Clip:
        def read(_: Clip, start: int, stop: int, backwards: bool) -> Iterator[Frame]:
            for index in reversed(range(start, stop)) if backwards else range(start, stop):
                opaque = np.full((self.height_px, self.width_px, 1), 255, np.uint8)
                yield Frame(index, Fraction(index, 24), RgbaPicture(np.dstack([self.rgb(index), opaque])))

        return Clip(
            path=Path("still"), width_px=self.width_px, height_px=self.height_px, fps=Fraction(24),
            time_base=Fraction(1, 24), ticks=np.arange(self.frame_count), end_tick=self.frame_count, codec="made",
            container="made", pixel_format="rgb24", read_frames=read,
        )  # fmt: skip


def static_camera() -> None:
    from avfusion.inpainting.flow_fill import FlowFill

    still = Still()
    case = Case("static camera", still.clip(), still)
    with tempfile.TemporaryDirectory() as folder:
        filled = FlowFill().fill(blanked(case.clip, still), still, folder=Path(folder), tell=lambda *_: None)
        score = score_filled(case, "flow-fill", filled, lambda: None)
    print(f"\nStatic camera with grain of 1/255: {score.psnr_db:.1f} dB in the hole, {score.seen_share:.0%} of it seen")


def scores(dataset: Path, frames: int | None) -> None:
    report = evaluate_inpaint(dataset, frames=frames, on_progress=tell)
    print_inpainting(report)
    ours, telea = report.overall
    better_db = (ours.psnr_db or np.inf) - (telea.psnr_db or np.inf)
    steadier = (ours.warp_error or np.nan) / (telea.warp_error or np.nan)
    print(f"\nflow-fill over telea on every frame: {better_db:+.2f} dB PSNR, ", end="")
    print(f"{ours.ssim - telea.ssim:+.3f} SSIM, {steadier:.2f} x the warp error")
    print(f"flow-fill: {ours.frames_per_s:.2f} frames/s on this machine")


def tell(progress: Progress) -> None:
    print(f"\r{progress.stage} {progress.done}/{progress.total}   ", end="", file=sys.stderr, flush=True)


def memory() -> None:
    """Peak memory of a whole removal, in a process of its own."""
    peaks = []
    with tempfile.TemporaryDirectory(prefix="avfusion-bench-") as name:
        for seconds in (SHORT_S, LONG_S):
            clip = Path(name) / f"{seconds}.mp4"
            subprocess.run(
                ["ffmpeg", "-y", "-v", "error", "-stream_loop", "-1", "-i", str(ROOT / "assets" / "example.mp4"),
                 "-t", str(seconds), "-vf", f"scale={MEMORY_SIZE.replace('x', ':')}", "-r", "30", str(clip)],
                check=True,
            )  # fmt: skip
            done = subprocess.run(
                [sys.executable, "-c", MEASURED, str(clip), str(clip.with_name("out.mp4"))],
                cwd=ROOT, capture_output=True, text=True,
            )  # fmt: skip
            if done.returncode:
                sys.exit(done.stderr[-2000:])
            peaks.append(int(done.stdout.split()[-1]) / 1024)
    print(
        f"\nPeak memory of avfusion remove at {MEMORY_SIZE}: {peaks[0]:.0f} MiB for {SHORT_S} s, "
        f"{peaks[1]:.0f} MiB for {LONG_S} s, ratio {peaks[1] / peaks[0]:.2f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path, nargs="?")
    parser.add_argument("--frames", type=int, help="at most so many of each sequence")
    parser.add_argument("--skip", default="", help="of: scores, static, memory")
    parser.add_argument("--strips", type=Path, metavar="DIR", help="only the pictures of real removals")
    parser.add_argument("--example", type=Path, metavar="FILE", help="only the picture of the bundled example")
    given = parser.parse_args()
    if given.example is not None:
        write_example(given.example)
        return
    if given.strips is not None:
        if given.dataset is None:
            parser.error("say where DAVIS is")
        write_strips(given.dataset, given.strips)
        return
    skipped = given.skip.split(",")
    if given.dataset is not None and "scores" not in skipped:
        scores(given.dataset, given.frames)
    if "static" not in skipped:
        static_camera()
    if "memory" not in skipped:
        memory()


if __name__ == "__main__":
    main()
