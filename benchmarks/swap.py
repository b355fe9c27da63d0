"""Our swap with given masks against FFmpeg's own filter graph and moviepy: the same clip, masks, picture and encoder.

    python benchmarks/swap.py [--clip FILE] [--seconds 6] [--size 1920x1080]

FFmpeg decodes the clip and the mask PNGs, merges them into an alpha, overlays on the fitted picture and encodes with
x264 veryfast crf 18; so do we, with hard and with soft edges; so does moviepy. Each runs as a process of its own,
`--rounds` times in turn; the best time of each counts, start-up included. Peak memory is the process's own.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parent.parent

MOVIEPY = """
import sys
from pathlib import Path
import numpy as np
from PIL import Image
from moviepy import CompositeVideoClip, ImageClip, VideoClip, VideoFileClip
clip, masks, picture, out = sys.argv[1:]
video = VideoFileClip(clip)
files = sorted(Path(masks).iterdir())
def mask_at(t):
    return np.asarray(Image.open(files[min(round(t * video.fps), len(files) - 1)])) / 255.0
mask = VideoClip(mask_at, is_mask=True, duration=video.duration)
scene = ImageClip(picture).resized(video.size).with_duration(video.duration)
both = CompositeVideoClip([scene, video.with_mask(mask)])
both.write_videofile(out, codec="libx264", preset="veryfast", ffmpeg_params=["-crf", "18"], fps=video.fps, logger=None)
"""

OURS = """
import sys
from pathlib import Path
from avfusion.pipelines.swap import SwapSettings, swap
clip, masks, picture, out, edges = sys.argv[1:]
swap(clip, masks=Path(masks), background=picture, out=out, settings=SwapSettings(edges=edges))
"""


@dataclass(frozen=True)
class Run:
    """Wall and processor seconds, and the peak resident memory in MiB, of one process."""

    wall_s: float
    cpu_s: float
    peak_mib: float


def measured(command: list[str]) -> Run:
    """Runs a command. A small parent process, whose only child it is, reports the peak memory."""
    parent = (
        "import resource, subprocess, sys; code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(code)"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", parent, *command], cwd=ROOT, capture_output=True, text=True)
    wall_s = time.monotonic() - started
    if done.returncode:
        sys.exit(f"{' '.join(command[:2])} failed:\n{done.stderr[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(wall_s, cpu_s, int(done.stdout.split()[-1]) / 1024)


def make_clip(folder: Path, source: Path, size: tuple[int, int], seconds: float) -> tuple[Path, int]:
    """The source scaled to `size` at 30 frames a second, looped to the length; (path, frames)."""
    frames = round(seconds * 30)
    clip = folder / "clip.mp4"
    subprocess.run(
        ["ffmpeg", "-y", "-v", "error", "-stream_loop", "-1", "-i", str(source), "-vf",
         f"fps=30,scale={size[0]}:{size[1]}:force_original_aspect_ratio=increase,crop={size[0]}:{size[1]},setsar=1",
         "-frames:v", str(frames), "-t", str(seconds), "-c:v", "libx264", "-preset", "fast", "-crf", "18",
         "-pix_fmt", "yuv420p", "-c:a", "aac", "-shortest", str(clip)],
        check=True,
    )  # fmt: skip
    return clip, frames


def make_masks(folder: Path, size: tuple[int, int], frames: int) -> Path:
    """A ragged body that walks through the picture, a fifth of its area."""
    masks = folder / "masks"
    masks.mkdir()
    width, height = size
    angles = np.linspace(0, 2 * np.pi, 240, endpoint=False)
    rough = np.random.default_rng(7).normal(0, 1, (6, 2))
    for index in range(frames):
        phase = index / 30
        waves = sum(a * np.sin((k + 3) * angles + phase + b) for k, (a, b) in enumerate(rough))
        radius = height * (0.27 + 0.012 * waves)
        x = width * (0.5 + 0.2 * np.sin(phase * 0.7)) + radius * np.cos(angles) * 0.85
        y = height * 0.55 + radius * np.sin(angles) * 1.3
        mask = np.zeros((height, width), np.uint8)
        cv2.fillPoly(mask, [np.stack([x, y], axis=1).round().astype(np.int32)], 255)
        cv2.imwrite(str(masks / f"{index:05d}.png"), mask)
    return masks


def commands(clip: Path, masks: Path, picture: Path, folder: Path, size: tuple[int, int]) -> dict[str, list[str]]:
    width, height = size
    graph = (
        f"[2:v]scale={width}:{height}:force_original_aspect_ratio=increase,crop={width}:{height},format=yuv420p[scene];"
        "[1:v]format=gray[mask];[0:v]format=yuva420p[plain];[plain][mask]alphamerge[object];"
        "[scene][object]overlay=shortest=1,format=yuv420p[out]"
    )
    ffmpeg = [
        "ffmpeg", "-y", "-v", "error", "-i", str(clip), "-framerate", "30", "-i", str(masks / "%05d.png"),
        "-loop", "1", "-framerate", "30", "-i", str(picture), "-filter_complex", graph, "-map", "[out]", "-map", "0:a",
        "-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-c:a", "copy", "-movflags", "+faststart",
        str(folder / "ffmpeg.mp4"),
    ]  # fmt: skip
    python = [sys.executable, "-c"]
    inputs = [str(clip), str(masks), str(picture)]
    return {
        "ffmpeg": ffmpeg,
        "avfusion, hard edges": [*python, OURS, *inputs, str(folder / "hard.mp4"), "hard"],
        "avfusion, soft edges": [*python, OURS, *inputs, str(folder / "soft.mp4"), "soft"],
        "moviepy": [*python, MOVIEPY, *inputs, str(folder / "moviepy.mp4")],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clip", type=Path, default=ROOT / "assets" / "example.mp4")
    parser.add_argument("--picture", type=Path, default=ROOT / "assets" / "background.jpg")
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--size", default="1920x1080")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--without", default="", help="a comma-separated list of rows to leave out")
    given = parser.parse_args()
    if shutil.which("ffmpeg") is None:
        sys.exit("This benchmark compares with ffmpeg; install it first.")
    width, height = (int(part) for part in given.size.split("x"))
    with tempfile.TemporaryDirectory(prefix="avfusion-bench-") as name:
        folder = Path(name)
        clip, frames = make_clip(folder, given.clip, (width, height), given.seconds)
        masks = make_masks(folder, (width, height), frames)
        rows = commands(clip, masks, given.picture, folder, (width, height))
        rows = {name: command for name, command in rows.items() if name not in given.without.split(",")}
        best: dict[str, Run] = {}
        for _ in range(given.rounds):
            for name, command in rows.items():
                run = measured(command)
                if name not in best or run.wall_s < best[name].wall_s:
                    best[name] = run
        peer = best["ffmpeg"].wall_s
        print(
            f"{width}x{height}, {frames} frames, x264 veryfast crf 18, {os.cpu_count()} cores, best of {given.rounds}"
        )
        print(f"| {'':22} | wall s | frames/s | cpu s | peak MiB | wall against ffmpeg |")
        print(f"|{'-' * 24}|{'-' * 8}|{'-' * 10}|{'-' * 7}|{'-' * 10}|{'-' * 21}|")
        for name, run in best.items():
            print(
                f"| {name:22} | {run.wall_s:6.2f} | {frames / run.wall_s:8.1f} | {run.cpu_s:5.1f} "
                f"| {run.peak_mib:8.0f} | {run.wall_s / peer:19.2f} |"
            )


if __name__ == "__main__":
    main()
