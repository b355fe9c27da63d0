"""From measurements to log odds of being the object, and from log odds to smooth masks that keep to edges."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.tracking.window import Field, Plane

LEVELS = 24
STRONGEST = 2.5
"""No single measurement may say more than this, in log odds."""

_SMOOTH = np.array([1, 2, 3, 2, 1]) / 9


def log_odds(probability: Field, surest: float) -> Field:
    """Log odds of probabilities, which are first held within 1 - surest .. surest."""
    held = np.clip(probability, 1 - np.float32(surest), np.float32(surest))
    return np.log(held / (1 - held))


def calibrated(measure: Field, on_object: Field, on_background: Field) -> Field:
    """What a measure in 0..1 says about being the object, learnt from where the answer is all but known.

    Histograms of the measure, weighted by `on_object` and `on_background` (float [h, w]), give a log likelihood
    ratio for each value. A measure that does not tell the two apart comes out near 0 by itself.
    """
    level = np.minimum((measure * LEVELS).astype(np.int32), LEVELS - 1)
    flat = level.ravel()
    inside, outside = (_histogram(flat, weights) for weights in (on_object, on_background))
    table = np.log((inside + 0.004) / (outside + 0.004))
    return np.clip(table, -STRONGEST, STRONGEST).astype(np.float32)[level]


def _histogram(level: NDArray[np.int32], weights: Field) -> NDArray[np.float64]:
    counts = np.bincount(level, weights.ravel(), LEVELS)
    smooth = np.convolve(np.pad(counts, 2, "edge"), _SMOOTH, "valid")
    return smooth / (smooth.sum() + 1e-6)


class GuidedFilter:
    """Smoothing that stops at the edges of a guide picture.

    K. He, J. Sun and X. Tang, "Guided Image Filtering", ECCV 2010, with a grey guide; what depends on the guide alone
    is computed once.
    """

    def __init__(self, guide: Plane, radius_px: int, softness: float) -> None:
        self._size = (2 * radius_px + 1, 2 * radius_px + 1)
        self._guide = guide.astype(np.float32) / 255
        self._mean = self._blurred(self._guide)
        variance = self._blurred(self._guide * self._guide) - self._mean * self._mean
        self._precision = 1 / (variance + np.float32(softness))

    def __call__(self, values: Field) -> Field:
        """float32 [h, w] in, float32 [h, w] out."""
        mean = self._blurred(values)
        slope = (self._blurred(self._guide * values) - self._mean * mean) * self._precision
        offset = mean - slope * self._mean
        return self._blurred(slope) * self._guide + self._blurred(offset)

    def _blurred(self, values: Field) -> Field:
        return np.asarray(cv2.blur(values, self._size, borderType=cv2.BORDER_REPLICATE), np.float32)


def settle(odds: Field, smooth: GuidedFilter, pull: float, rounds: int) -> Field:
    """Probabilities float32 [h, w] from log odds, each pixel pulled towards its neighbours on its side of an edge.

    Mean-field rounds of a Potts model whose messages are sent by the guided filter.
    """
    belief = np.tanh(odds / 2)
    for _ in range(rounds):
        belief = np.tanh(odds / 2 + np.float32(pull) * smooth(belief))
    return (belief + 1) / 2
