"""How far several engines agree on the same picture: overlap of each pair, and the share that says object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Mask


def share(masks: Sequence[Mask], shape: tuple[int, int]) -> NDArray[np.float32]:
    """float32 [H, W], 0..1: how many of the masks, bool [H, W], say object there. Without any mask: 0."""
    count = np.zeros(shape, np.float32)
    for mask in masks:
        count += mask
    return count / np.float32(max(len(masks), 1))


def packed_iou(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """Intersection over union of two bit-packed masks, uint8 [bytes]. Two empty masks are alike: 1."""
    union = int(np.bitwise_count(first | second).sum(dtype=np.int64))
    if union == 0:
        return 1.0
    return int(np.bitwise_count(first & second).sum(dtype=np.int64)) / union


def objects_iou(first: Mapping[int, NDArray[np.uint8]], second: Mapping[int, NDArray[np.uint8]]) -> float:
    """The mean IoU over all objects that either knows; bit-packed masks by object number.

    An object that only one of them knows counts as empty for the other. Without any object: 1.
    """
    numbers = sorted({*first, *second})
    scores = []
    for number in numbers:
        ours, theirs = first.get(number), second.get(number)
        if ours is None or theirs is None:
            ours, theirs = (np.zeros(1, np.uint8) if row is None else row for row in (ours, theirs))
        scores.append(packed_iou(ours, theirs))
    return sum(scores) / len(scores) if scores else 1.0


def best_match_iou(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """How far two pictures that were cut into segments agree, whatever the segments' numbers.

    first, second: uint8 [H, W], the segment of each pixel, 0 for none. Each segment gets the IoU with the one that fits
    it best in the other picture; the mean of these, weighted by area, is taken both ways and averaged. Without segments
    in either picture: 1; in one of them: 0.
    """
    together = _joint_areas(first, second)
    if not together[1:].any() or not together[:, 1:].any():
        return float(not together[1:].any() and not together[:, 1:].any())
    areas, others = together.sum(axis=1)[1:], together.sum(axis=0)[1:]
    shared = together[1:, 1:]
    overlap = shared / np.maximum(areas[:, None] + others[None] - shared, 1)
    one_way = np.average(overlap.max(axis=1), weights=areas)
    other_way = np.average(overlap.max(axis=0), weights=others)
    return float((one_way + other_way) / 2)


def _joint_areas(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.int64]:
    """int64 [256, 256]: in how many pixels the first says i and the second j."""
    pairs = first.astype(np.int32).ravel() * 256 + second.ravel()
    return np.bincount(pairs, minlength=256 * 256).reshape(256, 256)


def matrix(scores: Mapping[tuple[int, int], float], count: int) -> NDArray[np.float64]:
    """float64 [count, count], symmetric, 1 on the diagonal, from the score of each pair (i < j)."""
    out = np.eye(count)
    for (row, column), value in scores.items():
        out[row, column] = out[column, row] = value
    return out
