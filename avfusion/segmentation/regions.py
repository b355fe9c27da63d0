"""A picture as a few hundred small regions of one colour each, and the graph of which touch which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import dijkstra

from avfusion.clip import Mask, Rgb

Values = NDArray[np.floating[Any]]
Numbers = NDArray[np.int64]

COLOUR_REACH = 6.0
"""Standard deviation, in weighted Lab units, within which two colours count as alike."""

MOTION_WEIGHT = 2 * COLOUR_REACH
"""How different, in weighted Lab units, still and surely moving are."""

_LAB_WEIGHT = np.array([0.7, 1.3, 1.3], np.float32)


@dataclass(frozen=True, eq=False)
class Regions:
    """n regions and m pairs of neighbours.

    label: int32 [h, w], the region of each pixel. size: pixels of each [n]. x, y: centres [n], in pixels.
    first, second: the pairs [m]; border: length of their common border in pixels [m]; contrast: gradient along it, 1 =
    as strong as the picture's strong edges [m]; step: difference of their colours [m].
    alike: how alike each two regions' colours are, 0..1 [n, n].
    tie: how strongly neighbours hold together, sparse [n, n]. roads: length of the way between neighbours, sparse
    [n, n]. rim: regions at the picture's rim. motion: of each, vectors of length 0 to 1 [n, 2].
    """

    label: NDArray[np.int32]
    size: Values
    x: Values
    y: Values
    first: Numbers
    second: Numbers
    border: Values
    contrast: Values
    step: Values
    alike: Values
    tie: csr_matrix
    roads: csr_matrix
    rim: Numbers
    motion: Values

    @property
    def count(self) -> int:
        return len(self.size)

    def distance(self, seeds: Numbers) -> Values:
        """Shortest way to any seed, [n]: ways within one colour are short, ways across edges are long."""
        found = dijkstra(self.roads, directed=False, indices=seeds, min_only=True)
        return np.nan_to_num(found, posinf=1e6).astype(np.float32)

    def share(self, mask: Mask) -> Values:
        """Which part of each region a mask bool [h, w] covers, [n] in 0..1."""
        return (np.bincount(self.label.ravel(), mask.ravel(), self.count) / self.size).astype(np.float32)


def split(rgb: Rgb, spacing_px: int, moving: Values | None = None) -> Regions:
    """Regions of a small picture uint8 [h, w, 3], about one for each spacing_px x spacing_px pixels.

    Watershed of the colour gradient from a regular grid of markers, each moved to the flattest place near it.
    moving: float32 [h, w, 2], vectors of length 0 (still) to 1 (surely moving): what moves otherwise differs as if it
    had another colour.
    """
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)
    slope = _slope(lab)
    label = _watershed(lab, slope, spacing_px)
    flat, count = label.ravel(), int(label.max()) + 1
    size = np.bincount(flat, minlength=count).astype(np.float32)
    rows, columns = np.indices(label.shape, np.float32)
    x, y = ((np.bincount(flat, at.ravel(), count) / size).astype(np.float32) for at in (columns, rows))
    planes = [np.bincount(flat, lab[..., axis].ravel(), count) / size for axis in range(3)]
    colour = np.stack(planes, 1).astype(np.float32) * _LAB_WEIGHT
    motion = np.zeros((count, 2), np.float32)
    if moving is not None:
        axes = [np.bincount(flat, moving[..., axis].ravel(), count) / size for axis in range(2)]
        motion = np.stack(axes, 1).astype(np.float32)
        colour = np.concatenate([colour, MOTION_WEIGHT * motion], 1)

    first, second, border, gradient = _neighbours(label, slope)
    step = np.linalg.norm(colour[first] - colour[second], axis=1).astype(np.float32)
    strong = np.percentile(gradient, 90) if len(gradient) else 1.0
    contrast = np.minimum(gradient / (strong + 1e-3), 1.2).astype(np.float32)
    roads = coo_matrix((np.maximum(step - 3, 0) + 0.02 * gradient + 0.3, (first, second)), (count, count)).tocsr()
    hold = border * np.exp(-step / _usual(step) - 0.5 * gradient / _usual(gradient)) / (4 * _usual(border))
    both = (np.concatenate([first, second]), np.concatenate([second, first]))
    tie = coo_matrix((np.concatenate([hold, hold]), both), (count, count)).tocsr().astype(np.float32)
    rim = np.unique(np.concatenate([label[0], label[-1], label[:, 0], label[:, -1]]))
    return Regions(
        label,
        size,
        x,
        y,
        first,
        second,
        border,
        contrast,
        step,
        _alike(colour),
        tie,
        roads,
        rim.astype(np.int64),
        motion,
    )


def _usual(values: Values) -> float:
    """The mean, kept from 0; 1 where there is nothing."""
    return float(values.mean()) + 1e-3 if len(values) else 1.0


def _alike(colour: Values) -> Values:
    length2 = (colour * colour).sum(1)
    apart2 = np.maximum(length2[:, None] + length2 - 2 * (colour @ colour.T), 0)
    return np.exp(apart2 * np.float32(-0.5 / COLOUR_REACH**2))


def _slope(lab: NDArray[np.uint8]) -> Values:
    """Length of the colour gradient, float32 [h, w]."""
    smooth = cv2.GaussianBlur(lab, (3, 3), 0.8)
    across, down = (cv2.Sobel(smooth, cv2.CV_32F, dx, 1 - dx) for dx in (1, 0))
    square = across * across + down * down
    return np.sqrt(square[..., 0] + square[..., 1] + square[..., 2])


def _watershed(lab: NDArray[np.uint8], slope: Values, spacing_px: int) -> NDArray[np.int32]:
    height, width = slope.shape
    markers = np.zeros((height, width), np.int32)
    reach = max(1, spacing_px // 3)
    number = 0
    for row in range(min(spacing_px, height) // 2, height, spacing_px):
        for column in range(min(spacing_px, width) // 2, width, spacing_px):
            top, left = max(0, row - reach), max(0, column - reach)
            near = slope[top : row + reach + 1, left : column + reach + 1]
            down, right = divmod(int(near.argmin()), near.shape[1])
            number += 1
            markers[top + down, left + right] = number
    flooded = cv2.watershed(cv2.GaussianBlur(lab, (3, 3), 0.8), markers)
    # OpenCV leaves the lines between basins and the picture's rim without a label: the nearest pixel's is theirs.
    bare = (flooded <= 0).astype(np.uint8)
    _, nearest = cv2.distanceTransformWithLabels(bare, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    owner = np.zeros(int(nearest.max()) + 1, np.int32)
    owner[nearest[bare == 0]] = flooded[bare == 0]
    label = owner[nearest]
    return np.unique(label, return_inverse=True)[1].reshape(label.shape).astype(np.int32)


def _neighbours(label: NDArray[np.int32], slope: Values) -> tuple[Numbers, Numbers, Values, Values]:
    """Pairs of touching regions, the length of their border and the mean gradient along it."""
    ones = np.concatenate([label[:, :-1].ravel(), label[:-1].ravel()])
    others = np.concatenate([label[:, 1:].ravel(), label[1:].ravel()])
    steep = np.concatenate([np.maximum(slope[:, :-1], slope[:, 1:]).ravel(), np.maximum(slope[:-1], slope[1:]).ravel()])
    differ = ones != others
    ones, others, steep = ones[differ], others[differ], steep[differ]
    count = int(label.max()) + 1
    key = np.minimum(ones, others).astype(np.int64) * count + np.maximum(ones, others)
    pairs, which = np.unique(key, return_inverse=True)
    length = np.bincount(which, minlength=len(pairs))
    gradient = np.bincount(which, steep, len(pairs)) / np.maximum(length, 1)
    return pairs // count, pairs % count, length.astype(np.float32), gradient.astype(np.float32)
