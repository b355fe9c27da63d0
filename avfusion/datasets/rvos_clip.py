"""One clip of a referring segmentation set, whichever set it is of: pictures, and expressions with true masks."""

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

RvosLayout: TypeAlias = Literal["youtube", "davis", "mevis"]

RVOS_LAYOUTS: tuple[RvosLayout, ...] = ("youtube", "davis", "mevis")


@dataclass(frozen=True, eq=False)
class Expression:
    """One description of something in a clip.

    number: its key in the set's file. objects: the numbers of what is meant, as the set has them. truths: one for each
    frame of the clip, anything above 0 is meant; a None among them was not annotated; empty where the set keeps its
    truth to itself.
    """

    number: str
    words: str
    objects: tuple[int, ...]
    truths: tuple[Truth | None, ...]


@dataclass(frozen=True, eq=False)
class RvosClip:
    """sound: where the set has it, else None. fps: of the pictures."""

    name: str
    layout: RvosLayout
    split: str
    fps: Fraction
    frames: tuple[Path, ...]
    expressions: tuple[Expression, ...]
    sound: Path | None = None


@dataclass(frozen=True, eq=False)
class RvosSample:
    """A clip to be written into a set.

    pictures: uint8 [n, H, W, 3], every one of them is written. labels: uint8 [n, H, W], an object's number in each
    pixel. said: (words, the objects that they mean); Ref-DAVIS17 wants four for each object, in the objects' order.
    """

    name: str
    split: str
    pictures: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]
    fps: Fraction
    labels: NDArray[np.uint8]
    said: tuple[tuple[str, tuple[int, ...]], ...]
    sound: Sound | None = None


def check_layout(name: str) -> RvosLayout:
    """Raises `UsageError`."""
    for layout in RVOS_LAYOUTS:
        if name == layout:
            return layout
    raise UsageError(f"--layout {name}: there is no such layout. There are: {', '.join(RVOS_LAYOUTS)}.")
