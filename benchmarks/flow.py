"""Runs the tracking engine `flow` over a folder laid out as DAVIS-2016 and prints scores and speed.

    python benchmarks/flow.py DAVIS            DAVIS/JPEGImages/SEQUENCE/*.jpg, DAVIS/Annotations/SEQUENCE/*.png

Each sequence is followed from its first frame's true mask. J, F: as DAVIS computes them. Frames/s: of `step` alone,
with decoded planes at hand, as the median and as the slowest tenth of frames have it.
"""

from __future__ import annotations

import argparse
import time
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Frame, Mask, Rgb, Yuv
from avfusion.metrics.vos import SequenceScore, score_sequence
from avfusion.tracking.flow import Flow


class Still:
    """A picture of a folder with its planes as a decoder gives them."""

    def __init__(self, path: Path) -> None:
        self._bgr = np.asarray(cv2.imread(str(path)), np.uint8)
        height, width = self._bgr.shape[:2]
        even = cv2.copyMakeBorder(self._bgr, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
        luma, red, blue = cv2.split(cv2.cvtColor(even, cv2.COLOR_BGR2YCrCb))
        half = (even.shape[1] // 2, even.shape[0] // 2)
        blue, red = (cv2.resize(plane, half, interpolation=cv2.INTER_AREA) for plane in (blue, red))
        self._yuv = np.ascontiguousarray(luma[:height, :width]), blue, red

    def rgb(self) -> Rgb:
        return cv2.cvtColor(self._bgr, cv2.COLOR_BGR2RGB)

    def yuv(self) -> Yuv:
        return self._yuv

    def alpha(self) -> NDArray[np.uint8] | None:
        return None


def follow(pictures: list[Path], truths: list[Path]) -> tuple[SequenceScore, NDArray[np.float64]]:
    """Scores of one sequence and the seconds that each step took."""
    truth: list[Mask] = [np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), np.uint8) > 0 for path in truths]
    state = Flow().begin(Frame(0, Fraction(0), Still(pictures[0])), {1: truth[0]})
    masks = [truth[0]]
    seconds = []
    for index, path in enumerate(pictures[1:], 1):
        frame = Frame(index, Fraction(index, 24), Still(path))
        start = time.perf_counter()
        masks.append(state.step(frame).masks[1])
        seconds.append(time.perf_counter() - start)
    return score_sequence(zip(masks, truth, strict=True)), np.array(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", type=Path, help="folder with JPEGImages and Annotations")
    parser.add_argument("--sequences", help="names, separated by commas; all if left out")
    arguments = parser.parse_args()
    folders = sorted(path for path in (arguments.dataset / "JPEGImages").iterdir() if path.is_dir())
    wanted = arguments.sequences.split(",") if arguments.sequences else [path.name for path in folders]

    print(
        f"{'sequence':<18}{'frames':>7}{'J':>8}{'recall':>8}{'decay':>8}{'F':>8}{'J&F':>8}{'frames/s':>10}{'slow':>8}"
    )
    rows = []
    for folder in (path for path in folders if path.name in wanted):
        pictures = sorted(folder.glob("*.jpg"))
        truths = sorted((arguments.dataset / "Annotations" / folder.name).glob("*.png"))
        score, seconds = follow(pictures, truths)
        speed, slow = 1 / np.median(seconds), 1 / np.quantile(seconds, 0.9)
        row = (score.j.mean, score.j.recall, score.j.decay, score.f.mean, score.mean, speed, slow)
        rows.append(row)
        print(f"{folder.name:<18}{len(pictures):>7}" + _columns(row), flush=True)
    print(f"{'mean':<18}{'':>7}" + _columns(tuple(np.mean(rows, axis=0))))


def _columns(row: tuple[float, ...]) -> str:
    return "".join(f"{value:>8.3f}" for value in row[:5]) + f"{row[5]:>10.1f}{row[6]:>8.1f}"


if __name__ == "__main__":
    main()
