"""Which separate pieces of a mask belong to one object."""

from __future__ import annotations

import cv2
import numpy as np

from avfusion.tracking.window import Field

GAP_SHARE = 0.12
"""Pieces within this share of the main piece's size from it belong to it."""

NOTEWORTHY = 0.05
"""Pieces below this share of the main piece say nothing about how far apart an object's pieces are."""


def widest_gap(probability: Field) -> float:
    """How far, in main pieces' sizes, the pieces of a true mask lie from its main piece. 0 for a mask in one piece."""
    part, areas, main, size = _parts(probability)
    if main == 0:
        return 0.0
    away = _distance(part == main)
    gaps = [away[part == number].min() for number in range(1, len(areas)) if areas[number] > NOTEWORTHY * areas[main]]
    return float(max(gaps)) / size


def without_strays(probability: Field, gap: float) -> Field:
    """The same with pieces further than the gap (in main pieces' sizes) from the main piece set to 0.

    Background that was taken along by mistake comes off when the object moves on; this is where it is let go.
    """
    part, areas, main, size = _parts(probability)
    if len(areas) <= 2:
        return probability
    near = _distance(part == main) <= max(GAP_SHARE, gap) * size
    belongs = np.zeros(len(areas), bool)
    belongs[np.unique(part[near])] = True
    # Pixels below one half have number 0: they stay, and go on as doubts.
    belongs[0] = True
    return np.where(belongs[part], probability, 0)


def _parts(probability: Field) -> tuple[np.ndarray, np.ndarray, int, float]:
    """Piece numbers [h, w] from 1, areas [pieces + 1], the largest one's number (0: none) and its longer side."""
    count, part, facts, _ = cv2.connectedComponentsWithStats((probability > 0.5).view(np.uint8), connectivity=8)
    areas = facts[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    main = int(areas.argmax()) if count > 1 else 0
    return part, areas, main, float(max(facts[main, cv2.CC_STAT_WIDTH], facts[main, cv2.CC_STAT_HEIGHT]))


def _distance(piece: np.ndarray) -> Field:
    return cv2.distanceTransform((~piece).view(np.uint8), cv2.DIST_L2, 3)
