"""From measurements to log odds of being the object, and from log odds to smooth masks that keep to edges."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.tracking.window import Field, Plane

LEVELS = 24
STRONGEST = 2.5
"""No single measurement may say more than this, in log odds."""

MEMORY = 0.9
"""What is left of the object's histogram after a frame."""

FEWEST_PX = 20
"""A histogram of fewer pixels says nothing."""

_SMOOTH = np.array([1, 2, 3, 2, 1]) / 9


def log_odds(probability: Field, surest: float) -> Field:
    """Log odds of probabilities, which are first held within 1 - surest .. surest."""
    held = np.clip(probability, 1 - np.float32(surest), np.float32(surest))
    return np.log(held / (1 - held))


class Calibration:
    """What a measure in 0..1 says about being the object, learnt from where the answer is all but known.

    Histograms of the measure on the object and on the background give a log likelihood ratio for each value. A measure
    that does not tell the two apart comes out near 0 by itself. The object's histogram is remembered for a few frames,
    so that an object that is hidden for a moment can be told from the background when it comes back.
    """

    def __init__(self) -> None:
        self._on_object = np.zeros(LEVELS)

    def odds(self, measure: Field, on_object: Field, on_background: Field) -> Field:
        """Log odds float32 [h, w] for a measure [h, w], given weights of what is surely object, surely background."""
        level = np.minimum((measure * LEVELS).astype(np.int32), LEVELS - 1)
        flat = level.ravel()
        self._on_object = MEMORY * self._on_object + np.bincount(flat, on_object.ravel(), LEVELS)
        outside = np.bincount(flat, on_background.ravel(), LEVELS).astype(np.float64)
        if self._on_object.sum() < FEWEST_PX or outside.sum() < FEWEST_PX:
            return np.zeros(measure.shape, np.float32)
        table = np.log((_shares(self._on_object) + 0.004) / (_shares(outside) + 0.004))
        return np.take(np.clip(table, -STRONGEST, STRONGEST).astype(np.float32), level)


def _shares(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    smooth = np.convolve(np.pad(counts, 2, "edge"), _SMOOTH, "valid")
    return smooth / smooth.sum()


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


def expected_overlap(probability: Field) -> float:
    """The intersection over union with the truth that `probability > 0.5` should have, were probabilities right; 0..1.

    Ratio of expectations; 0 where nothing is above one half.
    """
    inside = probability > 0.5
    if not inside.any():
        return 0.0
    return float(probability[inside].sum() / (np.count_nonzero(inside) + probability[~inside].sum()))
