"""Engines at their real sizes with random weights, beside the libraries they stand on and the device's arithmetic.

    python benchmarks/gpu.py [--small] [--device cuda] [--only WORDS]

Speed does not depend on the weights. They are saved to a temporary folder and loaded as downloaded ones are: SAM's
largest takes 2.6 GB there, Stable Diffusion and Wan 18 GB. `--small`, which is also what runs where there is no card,
does the same with tiny models on the CPU: its numbers say nothing, except that every part of this works.

A ratio is how many times better ours is; for memory, how many times as much the first needs. The last column is the
time that the arithmetic alone takes at the card's peak, over the time it took.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# In a checkout that is not installed.
sys.path.insert(1, str(ROOT))

import gpu_clips  # noqa: E402
import gpu_inpainting  # noqa: E402
import gpu_pictures  # noqa: E402
from gpu_models import SAM, SAM2, SAM2_SMALL, SAM_SMALL  # noqa: E402
from gpu_timing import Row, machine, print_rows  # noqa: E402

Section = tuple[str, Callable[[], Iterator[Row]]]


def sections(is_small: bool, device: str, folder: Path) -> list[Section]:
    pictures = gpu_pictures.SMALL if is_small else gpu_pictures.FULL
    clips = gpu_clips.SMALL if is_small else gpu_clips.FULL
    sam, sam2 = (SAM_SMALL, SAM2_SMALL) if is_small else (SAM, SAM2)
    tiny, base_plus = sam2[0], sam2[2]
    holes = gpu_inpainting.SMALL if is_small else gpu_inpainting.FULL
    return [
        # Before other engines lie idle in memory.
        ("SAM 2.1: peak memory", lambda: gpu_clips.memory_rows(tiny, clips, device, folder)),
        ("SAM: image encoder", lambda: gpu_pictures.encoder_rows(sam, pictures, device)),
        ("SAM: everything in a picture", lambda: gpu_pictures.everything_rows(sam, pictures, device)),
        ("SAM 2.1: from file to file", lambda: gpu_clips.end_to_end_rows(sam2, clips, device, folder)),
        ("SAM 2.1: decode, track and encode at once", lambda: gpu_clips.overlap_rows(tiny, clips, device, folder)),
        ("SAM 2.1: many objects", lambda: gpu_clips.object_rows(base_plus, clips, device, folder)),
        ("Stable Diffusion: a hole in a picture", lambda: gpu_inpainting.picture_rows(holes, device)),
        ("Wan VACE: a hole in a clip", lambda: gpu_inpainting.clip_rows(holes, device, folder)),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="tiny models, to see that all of it runs")
    parser.add_argument("--device", choices=("cuda", "cpu"), help="the card if there is one")
    parser.add_argument("--only", default="", help="run only the parts whose title has this in it")
    given = parser.parse_args()
    import torch

    device = given.device or ("cuda" if torch.cuda.is_available() else "cpu")
    is_small = given.small or device == "cpu"
    with tempfile.TemporaryDirectory(prefix="avfusion-bench-") as name:
        folder = Path(name)
        # Engines find the weights that are made here, and nothing of the user's own.
        os.environ |= {"AVFUSION_HOME": str(folder / "home"), "HF_HOME": str(folder / "hub"), "HF_HUB_OFFLINE": "1"}
        os.environ.pop("HF_HUB_CACHE", None)
        print(f"{machine(device)}{'; tiny models' if is_small else ''}")
        for title, rows in sections(is_small, device, folder):
            if given.only in title:
                print_rows(title, list(rows()))


if __name__ == "__main__":
    main()
