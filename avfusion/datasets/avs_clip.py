"""One clip of an audio-visual segmentation set, whichever set it is of: a picture a second, sound, true masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Sound
from avfusion.datasets.truth import Truth
from avfusion.errors import UsageError

Setting: TypeAlias = Literal["s4", "ms3", "avss", "ov", "v2"]
"""s4: one thing sounds, where is it. ms3: several may. avss: which of 70 classes. ov: the same, with some classes kept
from training. v2: the clips of ten seconds in AVSS, without the names."""

SETTINGS: tuple[Setting, ...] = ("s4", "ms3", "avss", "ov")
"""Those with a layout of their own."""

SCORED_SETTINGS: tuple[Setting, ...] = (*SETTINGS, "v2")

Split: TypeAlias = Literal["train", "val", "test"]

SPLITS: tuple[Split, ...] = ("train", "val", "test")

WITHIN_SECOND = Fraction(15, 16)
"""AVSBench samples each second sixteen times and keeps the last: frame k shows the time k + 15/16 s."""

SIZE_PX = 224
"""Pictures and truths of S4 and MS3 are of this width and height, and AVSS is scored so."""

SOUND_RATE_HZ = 16000


@dataclass(frozen=True, eq=False)
class AvsClip:
    """A clip as a benchmark keeps it.

    name: its identifier. category: the folder it lies in where there is one (S4). labels: what sounds, as the set says
    it, perhaps of no known class. frames: the pictures, the k-th at k + 15/16 s. truths: as long as frames; None where
    nobody annotated; S4 and MS3 number what sounds with 1, the others by class. subset: "v1s", "v1m" or "v2" in AVSS
    and OV. video: the moving pictures, where the set has them.
    """

    name: str
    setting: Setting
    split: Split
    subset: str
    category: str
    labels: tuple[str, ...]
    frames: tuple[Path, ...]
    sound: Path
    truths: tuple[Truth | None, ...]
    video: Path | None = None


@dataclass(frozen=True, eq=False)
class AvsSample:
    """A clip to be written into a set.

    pictures: uint8 [n, H, W, 3], `fps` of them a second; where not is_moving, only the one that AVSBench keeps of each
    second, and no video is written. truths: uint8 [seconds, H, W], the number in
    `classes.CLASSES` of what sounds in that second, 0 elsewhere; as many seconds as the set shall have frames. sound:
    at any rate; written as one channel at 16 kHz. labels: what sounds, names or what the published files have in their
    place. name: letters, digits, - and _; in AVSS it is the uid.
    """

    name: str
    split: Split
    labels: tuple[str, ...]
    pictures: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]
    fps: Fraction
    sound: Sound
    truths: NDArray[np.uint8]
    subset: str = ""
    is_moving: bool = True


def frame_time(index: int) -> Fraction:
    """Seconds after the clip's first frame that the `index`-th picture of AVSBench shows."""
    return index + WITHIN_SECOND


def check_setting(name: str, known: tuple[Setting, ...] = SETTINGS) -> Setting:
    """Raises `UsageError`."""
    for setting in known:
        if name == setting:
            return setting
    raise UsageError(f"--setting {name}: there is no such setting. There are: {', '.join(known)}.")


def check_split(name: str) -> Split:
    """Raises `UsageError`."""
    for split in SPLITS:
        if name == split:
            return split
    raise UsageError(f"--split {name}: there is no such split. There are: {', '.join(SPLITS)}.")
