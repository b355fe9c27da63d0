"""Clicks and boxes on pictures with known masks: overlap after 1, 3, 5 and 10 clicks, beside plain OpenCV GrabCut.

    python benchmarks/clicks.py DIR            DIR/vos/JPEGImages/SEQUENCE/*.jpg with DIR/vos/Annotations, DIR/photos

Clicks are those of the robot user (`avfusion.metrics.robot`): each in the middle of the largest mistake so far. Boxes
are the true ones. First frames of `vos` are taken twice: as pictures, and with what the frame after them says about
motion. OpenCV's GrabCut gets clicks of its own, by the same rule: 5 rounds at half the size (at full size an answer
takes many seconds), begun from wide disks around the clicks that keep, or from the box. Seconds: of an answer, the
median, without reading the picture.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Box, Frame, Mask, Point, Prompt, Rgb, Yuv
from avfusion.errors import NothingFound
from avfusion.metrics.robot import next_click
from avfusion.metrics.vos import region_similarity
from avfusion.pipelines.moving import motion_on
from avfusion.segmentation import Motion
from avfusion.segmentation.grabcut import GrabCut

SHOWN = (1, 3, 5, 10)
CAT = 17


@dataclass(frozen=True, eq=False)
class Case:
    name: str
    rgb: Rgb
    truth: Mask
    motion: Motion | None = None


class Still:
    """A picture with its brightness, which is all that flow looks at."""

    def __init__(self, rgb: Rgb) -> None:
        self._rgb = rgb

    def rgb(self) -> Rgb:
        return self._rgb

    def yuv(self) -> Yuv:
        luma = cv2.cvtColor(self._rgb, cv2.COLOR_RGB2GRAY)
        return luma, luma[::2, ::2], luma[::2, ::2]

    def alpha(self) -> None:
        return None


Answer = Callable[[Case, list[Prompt], Mask | None], Mask]


def ours(case: Case, log: list[Prompt], before: Mask | None) -> Mask:
    """Clicks so far, and what they gave without the last one."""
    prior = None if before is None else {1: before}
    try:
        return GrabCut().segment(case.rgb, log, prior=prior, motion=case.motion).masks[1]
    except NothingFound:
        return np.zeros(case.truth.shape, bool)


def opencv(case: Case, log: list[Prompt], before: Mask | None) -> Mask:
    height, width = case.truth.shape
    plan = np.full((height, width), cv2.GC_PR_BGD, np.uint8)
    for prompt in log:
        if isinstance(prompt, Box):
            plan[:] = cv2.GC_BGD
            plan[int(prompt.y0) : int(prompt.y1), int(prompt.x0) : int(prompt.x1)] = cv2.GC_PR_FGD
        elif isinstance(prompt, Point):
            value = cv2.GC_FGD if prompt.keep else cv2.GC_BGD
            cv2.circle(plan, (int(prompt.x), int(prompt.y)), 5, value, cv2.FILLED)
    if not any(isinstance(prompt, Box) for prompt in log):
        near = np.zeros_like(plan)
        for prompt in log:
            if isinstance(prompt, Point) and prompt.keep:
                cv2.circle(near, (int(prompt.x), int(prompt.y)), round(0.15 * np.hypot(height, width)), 1, cv2.FILLED)
        plan[(near > 0) & (plan == cv2.GC_PR_BGD)] = cv2.GC_PR_FGD
    cv2.setRNGSeed(0)
    half = cv2.resize(case.rgb, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    small = cv2.resize(plan, (half.shape[1], half.shape[0]), interpolation=cv2.INTER_NEAREST)
    cv2.grabCut(half, small, None, np.zeros((1, 65)), np.zeros((1, 65)), 5, cv2.GC_INIT_WITH_MASK)
    return cv2.resize(small & 1, (width, height), interpolation=cv2.INTER_NEAREST) > 0


def measure(case: Case, answer: Answer, clicks: int) -> tuple[list[float], float, list[float]]:
    """Overlap after each click, overlap from the box, and seconds of each answer."""
    seconds, overlaps, log = list[float](), list[float](), list[Prompt]()
    mask: Mask = np.zeros(case.truth.shape, bool)
    for count in range(clicks):
        click = next_click(mask, case.truth)
        if click is not None:
            x, y, keep = click
            log.append(Point(x, y, keep))
            start = time.perf_counter()
            mask = answer(case, log, mask if count else None)
            seconds.append(time.perf_counter() - start)
        overlaps.append(region_similarity(mask, case.truth))
    x, y, width, height = cv2.boundingRect(case.truth.view(np.uint8))
    boxed = answer(case, [Box(x, y, x + width, y + height)], None)
    return overlaps, region_similarity(boxed, case.truth), seconds


def first_frames(folder: Path, moving: bool) -> Iterator[Case]:
    for sequence in sorted(path for path in (folder / "JPEGImages").iterdir() if path.is_dir()):
        pictures = [_rgb(path) for path in sorted(sequence.glob("*.jpg"))[:2]]
        truth = sorted((folder / "Annotations" / sequence.name).glob("*.png"))[0]
        here, there = (Frame(index, Fraction(index, 24), Still(rgb)) for index, rgb in enumerate(pictures))
        motion = motion_on(here, [there]) if moving else None
        yield Case(sequence.name, pictures[0], _numbers(truth) > 0, motion)


def photos(folder: Path) -> Iterator[Case]:
    """The objects of `two_cats` (COCO panoptic), `pedestrians` and `two_dogs` (numbered pixels)."""
    red, green, blue = cv2.split(_rgb(folder / "two_cats_panoptic.png").astype(np.int32))
    number = red + 256 * green + 65536 * blue
    for thing in json.loads((folder / "two_cats_panoptic.json").read_text()):
        if thing["category_id"] == CAT:
            yield Case(f"two_cats {thing['id']}", _rgb(folder / "two_cats.png"), number == thing["id"])
    for picture, labels in (("pedestrians.png", "pedestrians_instances.png"), ("two_dogs.jpg", "two_dogs_labels.png")):
        label = _numbers(folder / labels)
        for one in np.unique(label[label > 0]):
            yield Case(f"{Path(picture).stem} {one}", _rgb(folder / picture), label == one)


def _numbers(path: Path) -> NDArray[np.uint8]:
    """A picture of labels, uint8 [H, W]."""
    label = np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), np.uint8)
    return label if label.ndim == 2 else label[..., 0]


def _rgb(path: Path) -> Rgb:
    return np.asarray(cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB), np.uint8)


def table(title: str, cases: list[Case], answer: Answer, clicks: int) -> None:
    shown = [count for count in SHOWN if count <= clicks]
    print(f"\n{title:<24}" + "".join(f"{count:>8}" for count in shown) + f"{'box':>8}{'s':>8}")
    rows = []
    for case in cases:
        overlaps, boxed, seconds = measure(case, answer, clicks)
        rows.append([*(overlaps[count - 1] for count in shown), boxed, float(np.median(seconds))])
        print(f"  {case.name:<22}" + "".join(f"{value:>8.3f}" for value in rows[-1]), flush=True)
    print(f"  {'mean':<22}" + "".join(f"{value:>8.3f}" for value in np.mean(rows, axis=0)), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder with vos/ and photos/")
    parser.add_argument("--clicks", type=int, default=10)
    parser.add_argument("--without-peer", action="store_true", help="leave out OpenCV's GrabCut")
    arguments = parser.parse_args()
    sets = {
        "vos": list(first_frames(arguments.folder / "vos", moving=False)),
        "vos with motion": list(first_frames(arguments.folder / "vos", moving=True)),
        "photos": list(photos(arguments.folder / "photos")),
    }
    for title, cases in sets.items():
        table(title, cases, ours, arguments.clicks)
        if not arguments.without_peer and title != "vos with motion":
            table(f"{title}, OpenCV", cases, opencv, arguments.clicks)


if __name__ == "__main__":
    main()
