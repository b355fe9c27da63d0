"""After a cut: is an object that was seen before in this picture, and where?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Frame, Mask

_LOOK_PX = 640
_RATIO = 0.75
_FEWEST_POINTS = 12
_SMALLEST_SHARE = 0.35
_LARGEST_CHANGE_OF_SIZE = 2.5
_COLOURS_ALIKE = 0.6
_LEAST_IN_PICTURE = 0.5
# How far the agreeing points must spread over the object: those of a channel's logo in front of it do not.
_LEAST_SPREAD = 0.5


@dataclass(frozen=True, eq=False)
class Remembered:
    """What an object looked like on a frame: SIFT keypoints on it, its colours, its mask."""

    points: NDArray[np.float32]
    descriptors: NDArray[np.float32]
    colours: NDArray[np.float32]
    mask: Mask


@dataclass(frozen=True, eq=False)
class Found:
    mask: Mask
    confidence: float


def remember(frame: Frame, mask: Mask) -> Remembered | None:
    """None for an object without enough texture to be known again."""
    points, descriptors = _keypoints(frame, mask)
    if len(points) < _FEWEST_POINTS:
        return None
    return Remembered(points, descriptors, _colours(frame, mask), mask)


def refind(frame: Frame, memories: Mapping[int, list[Remembered]]) -> dict[int, Found]:
    """The objects, by number, that are surely in this frame.

    Keypoints of the object (D. Lowe, IJCV 2004) must agree on one similarity transform, and the place where it puts the
    mask must have the object's colours. Of several memories of an object the best counts.
    """
    if not any(memories.values()):
        return {}
    points, descriptors = _keypoints(frame, None)
    found: dict[int, Found] = {}
    for number, remembered in memories.items():
        for memory in remembered:
            one = _match(frame, points, descriptors, memory)
            if one is not None and (number not in found or one.confidence > found[number].confidence):
                found[number] = one
    return found


def _match(
    frame: Frame, points: NDArray[np.float32], descriptors: NDArray[np.float32], memory: Remembered
) -> Found | None:
    if len(points) < 2:
        return None
    pairs = cv2.BFMatcher(cv2.NORM_L2).knnMatch(memory.descriptors, descriptors, k=2)
    good = [pair[0] for pair in pairs if len(pair) == 2 and pair[0].distance < _RATIO * pair[1].distance]
    if len(good) < _FEWEST_POINTS:
        return None
    here = memory.points[[match.queryIdx for match in good]]
    there = points[[match.trainIdx for match in good]]
    cv2.setRNGSeed(0)
    transform, agree = cv2.estimateAffinePartial2D(here, there, method=cv2.RANSAC, ransacReprojThreshold=4.0)
    if transform is None or agree.sum() < max(_FEWEST_POINTS, _SMALLEST_SHARE * len(good)):
        return None
    if not _spread_over(here[agree.ravel() > 0], memory.mask):
        return None
    size = float(np.hypot(transform[0, 0], transform[1, 0]))
    if not 1 / _LARGEST_CHANGE_OF_SIZE < size < _LARGEST_CHANGE_OF_SIZE:
        return None
    height, width = memory.mask.shape
    mask = cv2.warpAffine(memory.mask.view(np.uint8), transform, (width, height), flags=cv2.INTER_NEAREST) > 0
    if mask.sum() < _LEAST_IN_PICTURE * size * size * memory.mask.sum():
        return None
    alike = float(cv2.compareHist(memory.colours, _colours(frame, mask), cv2.HISTCMP_CORREL))
    if alike < _COLOURS_ALIKE:
        return None
    return Found(mask, alike * float(agree.sum()) / len(good))


def _spread_over(places: NDArray[np.float32], mask: Mask) -> bool:
    """Whether places lie all over a mask, to the sides as well as up and down."""
    rows, columns = np.nonzero(mask)
    usual = np.array([columns.std(), rows.std()])
    return bool(np.all(places.std(axis=0) >= _LEAST_SPREAD * usual))


def _keypoints(frame: Frame, mask: Mask | None) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Places in full-size pixels float32 [n, 2] and SIFT descriptors float32 [n, 128]."""
    luma = frame.yuv[0]
    scale = min(1.0, _LOOK_PX / max(luma.shape))
    size = (max(1, round(luma.shape[1] * scale)), max(1, round(luma.shape[0] * scale)))
    small = cv2.resize(luma, size, interpolation=cv2.INTER_AREA)
    where = None if mask is None else cv2.resize(mask.view(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    keypoints, descriptors = cv2.SIFT.create(nfeatures=1500).detectAndCompute(small, where)
    if descriptors is None:
        return np.zeros((0, 2), np.float32), np.zeros((0, 128), np.float32)
    places: Any = np.array([keypoint.pt for keypoint in keypoints], np.float32)
    return (places + 0.5) / np.float32(scale) - np.float32(0.5), np.asarray(descriptors, np.float32)


def _colours(frame: Frame, mask: Mask) -> NDArray[np.float32]:
    """Histogram of the chroma under a mask, smoothed."""
    _, blue, red = frame.yuv
    small = cv2.resize(mask.view(np.uint8), blue.shape[::-1], interpolation=cv2.INTER_NEAREST)
    counts = cv2.calcHist([blue, red], [0, 1], small, [32, 32], [0, 256, 0, 256])
    return cv2.GaussianBlur(counts, (3, 3), 0)
