"""Patch synthesis on one picture: the hole is put together from what the rest of the picture looks like.

After Y. Wexler et al., "Space-Time Completion of Video", PAMI 2007: from coarse to fine, every patch that touches the
hole looks for the known patch most like it, and the patches found vote for the hole's colours. Coarse levels search
everywhere, fine ones near what the coarser level found and what their neighbours found (C. Barnes et al.,
"PatchMatch", SIGGRAPH 2009).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Mask, Rgb
from avfusion.inpainting import Wish
from avfusion.inpainting.hole import NO_WISH, check_hole, window_around
from avfusion.inpainting.telea import Telea

Places: TypeAlias = NDArray[np.intp]
"""[n, 2]: rows and columns."""

Field: TypeAlias = NDArray[np.intp]
"""[h, w, 2]: for each target the row and column of its match."""

RADIUS = 3
"""Patches are 2 * RADIUS + 1 pixels on a side."""

SEARCHED_PX = 7000
"""Levels of so many pixels, at most, are searched everywhere."""

_COARSE_ROUNDS, _FINE_ROUNDS = 5, 2
_SIDE = 2 * RADIUS + 1
_STEPS = [(dy, dx) for dy in range(-RADIUS, RADIUS + 1) for dx in range(-RADIUS, RADIUS + 1)]
_AROUND = [(0, 1), (1, 0), (0, -1), (-1, 0)]


class Patches:
    """A `PictureInpainter`."""

    name = "flow-fill"

    def paint(
        self, picture: Rgb, hole: Mask, wish: Wish = NO_WISH, *, tell: Callable[[int, int], None] | None = None
    ) -> Rgb:
        """As `PictureInpainter.paint` says; `wish` changes nothing. The same picture and hole give the same answer."""
        check_hole(picture, hole)
        out = picture.copy()
        tight = window_around(hole, 0)
        if tight is None:
            return out
        extent = max(tight[0].stop - tight[0].start, tight[1].stop - tight[1].start)
        window = window_around(hole, max(40, extent))
        assert window is not None
        levels = _pyramid(picture[window], hole[window])
        if not levels:
            return Telea().paint(picture, hole, wish, tell=tell)
        out[window] = _synthesised(levels, tell)
        out[~hole] = picture[~hole]
        return out


@dataclass(frozen=True, eq=False)
class _Level:
    """One size of the picture, float32 [h, w, 3]; its hole; the patches to match and those to match them with."""

    picture: NDArray[np.float32]
    hole: Mask
    targets: Places
    sources: Places

    @classmethod
    def of(cls, picture: NDArray[np.float32], hole: Mask) -> _Level:
        side = np.ones((_SIDE, _SIDE), np.uint8)
        touched = cv2.dilate(hole.view(np.uint8), side)
        clean = cv2.erode((~hole).view(np.uint8), side, borderType=cv2.BORDER_CONSTANT, borderValue=0)
        return cls(picture, hole, np.argwhere(touched), np.argwhere(clean))


def _pyramid(picture: Rgb, hole: Mask) -> list[_Level]:
    """From the finest level to the coarsest that still has patches to take; none where the picture has none."""
    levels = _halved(picture, hole)
    if levels and len(levels[-1].sources) > SEARCHED_PX:  # a thin hole needs no coarser level, and this one is large
        last = levels[-1]
        levels[-1] = replace(last, sources=last.sources[:: -(-len(last.sources) // SEARCHED_PX)])
    return levels


def _halved(picture: Rgb, hole: Mask) -> list[_Level]:
    levels: list[_Level] = []
    at, covered = picture.astype(np.float32), hole
    while True:
        level = _Level.of(at, covered)
        if len(level.sources) < 50:
            return levels
        levels.append(level)
        thickness = cv2.distanceTransform(covered.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_3).max()
        if thickness <= RADIUS or min(covered.shape) < 6 * _SIDE:
            return levels
        size = (-(-at.shape[1] // 2), -(-at.shape[0] // 2))
        known = (~covered).astype(np.float32)
        share = cv2.resize(known, size, interpolation=cv2.INTER_AREA)
        summed = cv2.resize(at * known[..., None], size, interpolation=cv2.INTER_AREA)
        at = np.asarray(summed / np.maximum(share, 1e-6)[..., None], np.float32)
        covered = np.asarray(share < 0.5)


def _synthesised(levels: list[_Level], tell: Callable[[int, int], None] | None) -> Rgb:
    picture = _peeled(levels[-1])
    found: Field | None = None
    for done, level in enumerate(reversed(levels)):
        if tell is not None:
            tell(done, len(levels))
        if found is not None:
            found = _finer(found, level)
            picture = np.where(level.hole[..., None], _voted(level, found, None), level.picture)
        everywhere = level.hole.size <= SEARCHED_PX or found is None
        for _ in range(_COARSE_ROUNDS if everywhere else _FINE_ROUNDS):
            features = _features(picture)
            found, distance = (
                _searched(level, features) if everywhere or found is None else _refined(level, features, found)
            )
            picture = np.where(level.hole[..., None], _voted(level, found, distance), level.picture)
    if tell is not None:
        tell(len(levels), len(levels))
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def _peeled(level: _Level) -> NDArray[np.float32]:
    """A first picture without a hole, float32 [h, w, 3]: the hole closed ring by ring.

    Each pixel on its border takes the middle of the source whose patch is most like what is known around the pixel.
    """
    picture, missing = level.picture.copy(), level.hole.copy()
    theirs = _patches_at(_features(level.picture), *level.sources.T)
    squares = theirs * theirs
    while missing.any():
        known = (~missing).astype(np.float32)
        ring = np.argwhere(missing & (cv2.dilate(known, np.ones((3, 3), np.uint8)) > 0))
        counts = _patches_at(_features(np.repeat(known[..., None], 3, 2)), *ring.T)
        own = _patches_at(_features(picture), *ring.T) * counts
        best = (counts @ squares.T - 2 * (own @ theirs.T)).argmin(1)
        picture[ring[:, 0], ring[:, 1]] = level.picture[level.sources[best, 0], level.sources[best, 1]]
        missing[ring[:, 0], ring[:, 1]] = False
    return picture


def _features(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """[h, w, 3, side, side], a view: the patch around every pixel; beyond the border the picture is mirrored."""
    padded = cv2.copyMakeBorder(picture, RADIUS, RADIUS, RADIUS, RADIUS, cv2.BORDER_REFLECT_101)
    return np.lib.stride_tricks.sliding_window_view(padded, (_SIDE, _SIDE), (0, 1))


def _patches_at(
    features: NDArray[np.float32], rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> NDArray[np.float32]:
    """[n, 3 * side * side]: those of n pixels. Of all pixels at once they would take 147 times the picture."""
    return features[rows, columns].reshape(len(rows), -1)


def _field(level: _Level, matches: Places) -> Field:
    field = np.zeros((*level.hole.shape, 2), np.intp)
    field[level.targets[:, 0], level.targets[:, 1]] = matches
    return field


def _searched(level: _Level, features: NDArray[np.float32]) -> tuple[Field, NDArray[np.float32]]:
    """The nearest of all sources for each target, and its squared distance [n]."""
    theirs = _patches_at(features, *level.sources.T)
    own = _patches_at(features, *level.targets.T)
    lengths = (theirs * theirs).sum(1)
    best = np.empty(len(own), np.intp)
    distance = np.empty(len(own), np.float32)
    for start in range(0, len(own), 1024):
        part = own[start : start + 1024]
        scores = lengths - 2 * (part @ theirs.T)
        nearest = scores.argmin(1)
        best[start : start + 1024] = nearest
        distance[start : start + 1024] = scores[np.arange(len(part)), nearest] + (part * part).sum(1)
    return _field(level, level.sources[best]), np.maximum(distance, 0)


def _refined(level: _Level, features: NDArray[np.float32], found: Field) -> tuple[Field, NDArray[np.float32]]:
    """Matches improved by their neighbours' and by steps beside them."""
    rows, columns = level.targets.T
    own = _patches_at(features, rows, columns)
    is_source = np.zeros(level.hole.shape, np.bool_)
    is_source[level.sources[:, 0], level.sources[:, 1]] = True
    best = found[rows, columns]
    distance = _distances(features, own, best, is_source)
    is_target = np.zeros(level.hole.shape, np.bool_)
    is_target[rows, columns] = True
    height, width = level.hole.shape
    for reach in (4, 2, 1):
        field = _field(level, best)
        for dy, dx in _AROUND:
            near_rows = np.clip(rows + reach * dy, 0, height - 1)
            near_columns = np.clip(columns + reach * dx, 0, width - 1)
            theirs = field[near_rows, near_columns] - np.stack([near_rows - rows, near_columns - columns], 1)
            theirs[~is_target[near_rows, near_columns]] = -1
            _take_better(features, own, best, distance, theirs, is_source)
            beside = best + np.array([reach * dy, reach * dx])
            _take_better(features, own, best, distance, beside, is_source)
    return _field(level, best), distance


def _take_better(
    features: NDArray[np.float32],
    own: NDArray[np.float32],
    best: Places,
    distance: NDArray[np.float32],
    other: Places,
    is_source: Mask,
) -> None:
    """Puts the other matches in the place of those that are further away."""
    theirs = _distances(features, own, other, is_source)
    better = theirs < distance
    best[better], distance[better] = other[better], theirs[better]


def _distances(
    features: NDArray[np.float32], own: NDArray[np.float32], matches: Places, is_source: Mask
) -> NDArray[np.float32]:
    """[n]: squared distances; infinite where a match is no source."""
    height, width = is_source.shape
    rows, columns = matches.T
    inside = (rows >= 0) & (columns >= 0) & (rows < height) & (columns < width)
    fair = np.flatnonzero(inside)
    fair = fair[is_source[rows[fair], columns[fair]]]
    out = np.full(len(own), np.inf, np.float32)
    difference = own[fair] - _patches_at(features, rows[fair], columns[fair])
    out[fair] = np.einsum("ij,ij->i", difference, difference)
    return out


def _finer(found: Field, level: _Level) -> Field:
    """Matches of the next coarser level in pixels of this one; those that fall off the sources go to the nearest."""
    rows, columns = level.targets.T
    coarse_rows = np.minimum(rows // 2, found.shape[0] - 1)
    coarse_columns = np.minimum(columns // 2, found.shape[1] - 1)
    matches = 2 * found[coarse_rows, coarse_columns] + np.stack([rows % 2, columns % 2], 1)
    height, width = level.hole.shape
    matches = np.clip(matches, 0, [height - 1, width - 1])
    off = np.ones(level.hole.shape, np.uint8)
    off[level.sources[:, 0], level.sources[:, 1]] = 0
    _, labels = cv2.distanceTransformWithLabels(off, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL)
    place = np.zeros((int(labels.max()) + 1, 2), np.intp)
    place[labels[level.sources[:, 0], level.sources[:, 1]]] = level.sources
    return _field(level, place[labels[matches[:, 0], matches[:, 1]]])


def _voted(level: _Level, found: Field, distance: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """The colours for which the matched patches vote, the better matched with more weight. float32 [h, w, 3]."""
    rows, columns = level.targets.T
    weight = np.ones(len(rows), np.float32)
    if distance is not None:
        typical = max(float(np.percentile(distance, 25)), 1.0)
        weight = np.maximum(np.exp(-distance / (2 * typical)), 1e-6).astype(np.float32)
    matches = found[rows, columns]
    height, width = level.hole.shape
    total = np.zeros((height + 2 * RADIUS, width + 2 * RADIUS, 3), np.float32)
    share = np.zeros(total.shape[:2], np.float32)
    for dy, dx in _STEPS:
        to_rows, to_columns = rows + dy + RADIUS, columns + dx + RADIUS
        total[to_rows, to_columns] += weight[:, None] * level.picture[matches[:, 0] + dy, matches[:, 1] + dx]
        share[to_rows, to_columns] += weight
    inner = (slice(RADIUS, -RADIUS), slice(RADIUS, -RADIUS))
    return np.asarray(total[inner] / np.maximum(share[inner], 1e-12)[..., None], np.float32)
