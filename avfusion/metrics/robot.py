"""The robot user: clicks where a person who corrects a mask would click next.

The usual protocol of interactive segmentation (N. Xu et al., "Deep Interactive Object Selection", CVPR 2016, section
4): each click goes to the middle of the largest wrong region of the mask so far.

    while (click := next_click(mask, truth)) is not None:
        x, y, keep = click
"""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np

from avfusion.clip import Mask
from avfusion.errors import MaskSizeMismatch

Click: TypeAlias = tuple[float, float, bool]
"""x and y of a pixel; True where the object was missed there, False where there is no object."""


def next_click(prediction: Mask, truth: Mask) -> Click | None:
    """The pixel farthest from the outline of the largest wrong region; None when both masks bool [H, W] are equal.

    A wrong region is connected (by its sides) and of one kind, missed or too much. Of equally large ones the missed one
    counts, of equally deep pixels the first. Raises MaskSizeMismatch.
    """
    if prediction.shape != truth.shape:
        ours, theirs = ("x".join(str(side) for side in mask.shape[::-1]) for mask in (prediction, truth))
        raise MaskSizeMismatch(f"a mask of {ours} pixels cannot be compared with a true mask of {theirs}")
    missed_area, missed = _largest(truth & ~prediction)
    extra_area, extra = _largest(prediction & ~truth)
    if missed_area == 0 and extra_area == 0:
        return None
    keep = missed_area >= extra_area
    # The picture's rim is an outline too: hence the margin of one pixel.
    region = np.pad(missed if keep else extra, 1).view(np.uint8)
    depth = cv2.distanceTransform(region, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    return float(x), float(y), keep


def _largest(wrong: Mask) -> tuple[int, Mask]:
    """Pixels of the largest connected region, and where it is."""
    count, part, facts, _ = cv2.connectedComponentsWithStats(wrong.view(np.uint8), connectivity=4)
    if count < 2:
        return 0, np.zeros_like(wrong)
    number = 1 + int(facts[1:, cv2.CC_STAT_AREA].argmax())
    return int(facts[number, cv2.CC_STAT_AREA]), part == number
