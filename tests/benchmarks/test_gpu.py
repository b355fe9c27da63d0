"""The benchmark for cards, with tiny models on the CPU: every row is there, and every number is one."""

import importlib.util
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

SAM = [f"sam-vit-{size}" for size in "blh"]
SAM2 = [f"sam2.1-{size}" for size in ("tiny", "small", "base-plus", "large")]
EXPECTED = [
    ("sam2.1-tiny, 16 frames", "4 frames"),
    *(
        pair
        for name in SAM
        for pair in (
            (f"{name}, encoder", "segment-anything"),
            (f"{name}, encoder", "segment-anything, our precision"),
            (f"{name}, second click", "the first click"),
        )
    ),
    *((f"{name}, everything", "SamAutomaticMaskGenerator") for name in SAM),
    *(
        pair
        for name in SAM2
        for pair in (
            (f"{name}, model alone", "transformers' session, alone"),
            (f"{name}, tracking stage", "the model alone"),
            (f"{name}, file to overlay", "the model alone"),
        )
    ),
    ("sam2.1-tiny, decode + track + encode in one pass", "one after the other"),
    ("sam2.1-tiny, decode + track + encode in one pass", "the slowest of the three"),
    *(
        (f"sam2.1-base-plus, {objects}", beside)
        for objects in ("1 object", "4 objects", "10 objects")
        for beside in ("one after the other", "transformers' session")
    ),
    *(
        pair
        for name in ("sd-1.5-inpaint", "sdxl-inpaint")
        for pair in (
            (f"{name}, 96 x 64, 2 steps", "diffusers' pipeline alone"),
            (f"{name}, peak memory", "the least it is known to need"),
        )
    ),
    ("wan-vace-1.3b, 9 frames, 2 steps", "frame by frame"),
    ("wan-vace-1.3b, peak memory", "the least it is known to need"),
]


@pytest.mark.proof
def test_every_row_is_there_and_finite() -> None:
    for package in ("torch", "segment_anything", "transformers", "diffusers"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "gpu.py", "--small", "--device", "cpu"],
        cwd=ROOT, capture_output=True, text=True, timeout=600, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [line.strip("| ").split(" | ") for line in done.stdout.splitlines() if line.startswith("| ")]
    rows = [cells for cells in lines if cells[0] != "what"]
    assert [(cells[0].partition(" (")[0], cells[2]) for cells in rows] == EXPECTED
    for what, ours, _, theirs, unit, ratio, share in rows:
        numbers = [float(ours), float(theirs), float(ratio)]
        assert all(math.isfinite(number) and number > 0 for number in numbers), what
        assert unit in ("ms", "frames/s", "MiB")
        assert share == "-"
