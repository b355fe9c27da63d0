"""A batch on a Ray cluster of three nodes, of which one is killed half-way, against the same batch on this machine.

    python benchmarks/batch.py [--clips 12] [--frames 60] [--width 320]

Short pieces are cut from the recordings in ../shared/data/clips, and each gets a new background behind what a box says.
One local worker gives the results to compare with, and the time. Ray's nodes are three groups of processes on this
machine with one core each; they share no folder with the one who asks, as far as the jobs know. Prints whether every
result is there with the same decoded frames and times, how many jobs were begun again, and how long each way took.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
CLIPS = ROOT.parent / "shared" / "data" / "clips"
_MOMENT_S = 0.7


def cut(folder: Path, *, count: int, frames: int, width: int) -> Path:
    """Pieces of the recordings by turns, each from a later place, and the list of jobs for them."""
    sources = [path for path in sorted(CLIPS.glob("*.mp4")) if path.stem not in ("hard_cuts", "odd_fps")]
    lines = []
    for number in range(count):
        source = sources[number % len(sources)]
        out = folder / f"piece-{number:02d}.mp4"
        subprocess.run(
            ["ffmpeg", "-y", "-v", "error", "-ss", str(0.5 * (number // len(sources))), "-i", str(source), "-frames:v",
             str(frames), "-vf", f"scale={width}:-2", "-c:v", "libx264", "-crf", "16", "-pix_fmt", "yuv420p", "-c:a",
             "aac", "-shortest", str(out)],
            check=True,
        )  # fmt: skip
        box = {"kind": "box", "x0": width * 0.3, "y0": width * 0.1, "x1": width * 0.7, "y1": width * 0.45}
        lines.append({
            "avfusion_job": 1, "verb": "swap", "inputs": {"clip": {"path": out.name}}, "prompts": [box],
            "options": {"background": "blur"}, "engines": {"engine": "flow", "segmenter": "grabcut"},
            "out": f"swapped-{number:02d}.mp4",
        })  # fmt: skip
    (folder / "jobs.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return folder / "jobs.jsonl"


class Nodes:
    """Three nodes of one core on this machine."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        began_s = time.monotonic()
        self.cluster = Cluster()
        self.cluster.add_node(num_cpus=1, include_dashboard=False)
        self.others = [self.cluster.add_node(num_cpus=1) for _ in range(2)]
        self.address = str(self.cluster.address)
        self.started_s = time.monotonic() - began_s

    def kill_one(self) -> None:
        self.cluster.remove_node(self.others.pop(), allow_graceful=False)


def same(a: Path, b: Path) -> bool:
    """Whether two clips have the same frames at the same times."""
    from avfusion import probe

    one, other = probe(a), probe(b)
    if one.frame_count != other.frame_count:
        return False
    pairs = zip(one.frames(), other.frames(), strict=True)
    return all(left.time == right.time and np.array_equal(left.rgb, right.rgb) for left, right in pairs)


def batch(jobs: Path, out: Path, **options: Any) -> tuple[Any, float]:
    """The report, and how many seconds it took with the start of the workers, without that of Ray's nodes."""
    from avfusion.jobs.batch import run_batch

    began_s = time.monotonic()
    report = run_batch(jobs, out=out, **options)
    return report, time.monotonic() - began_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=12)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--width", type=int, default=320)
    asked = parser.parse_args()
    if not CLIPS.is_dir():
        sys.exit(f"no recordings in {CLIPS}")
    with tempfile.TemporaryDirectory(prefix="avf-") as name:
        folder = Path(name)
        os.environ.update(
            AVFUSION_HOME=str(folder / "home"), RAY_TMPDIR=name, RAY_USAGE_STATS_ENABLED="0", RAY_AUTH_MODE="token",
            RAY_AUTH_TOKEN="benchmark" * 4,
        )  # fmt: skip
        jobs = cut(folder, count=asked.clips, frames=asked.frames, width=asked.width)
        compare(jobs, folder)


def compare(jobs: Path, folder: Path) -> None:
    local, local_s = batch(jobs, folder / "local", workers=1)
    nodes = Nodes()
    whole, whole_s = batch(jobs, folder / "whole", on=nodes.address)
    half = len(local.outcomes) // 2

    def kill(outcome: Any, ended: int, of: int) -> None:
        if ended == half:
            # A moment later, when every node has taken its next job.
            threading.Timer(_MOMENT_S, nodes.kill_one).start()

    killed, killed_s = batch(jobs, folder / "killed", on=nodes.address, on_outcome=kill)
    nodes.cluster.shutdown()
    print(f"{'way':34}{'done':>6}{'same':>6}{'again':>7}{'seconds':>9}{'speed-up':>10}")
    for way, report, seconds in (
        ("one local worker", local, local_s),
        ("Ray, three nodes", whole, whole_s),
        (f"Ray, a node killed after {half} jobs", killed, killed_s),
    ):
        done = [outcome for outcome in report.outcomes if outcome.status == "done"]
        equal = sum(same(folder / "local" / one.name, report.out / one.name) for one in done)
        again = sum(outcome.tries > 1 for outcome in report.outcomes)
        print(f"{way:34}{len(done):6}{equal:6}{again:7}{seconds:9.1f}{local_s / seconds:10.2f}")
    print(f"\nRay's nodes took {nodes.started_s:.1f} s to start, which is not among the seconds.")
    if any(outcome.status != "done" for report in (local, whole, killed) for outcome in report.outcomes):
        sys.exit("not every job is done")


if __name__ == "__main__":
    main()
