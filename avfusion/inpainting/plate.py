"""What a camera that stands still has seen behind the hole: the median over time, pixel by pixel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Mask, Rgb

KEPT = 9
"""So many views of each pixel are kept, drawn evenly from all there were (J. Vitter's reservoir, ACM TOMS 1985)."""


class Plate:
    """The background of one shot. Its memory is that of KEPT pictures, however long the shot."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self._views = np.zeros((KEPT, *shape, 3), np.uint8)
        self._count = np.zeros(shape, np.int32)
        self._draw = np.random.default_rng(0)

    def learn(self, rgb: Rgb, hole: Mask, exposure: NDArray[np.float64]) -> None:
        """Adds what one frame shows. exposure: [3], the log of the gain by which this frame is brighter."""
        even = np.clip(np.rint(rgb * np.exp(-exposure)), 0, 255).astype(np.uint8) if exposure.any() else rgb
        slot = np.where(self._count < KEPT, self._count, self._draw.integers(0, self._count + 1))
        for place in range(KEPT):
            np.copyto(self._views[place], even, where=((slot == place) & ~hole)[..., None])
        self._count += ~hole

    def picture(self) -> tuple[NDArray[np.float32], Mask]:
        """float32 [H, W, 3] at exposure 0, and where anything was seen, bool [H, W]."""
        count = np.minimum(self._count, KEPT)
        out = np.zeros((*count.shape, 3), np.float32)
        for seen in range(1, KEPT + 1):
            where = count == seen
            if where.any():
                out[where] = np.median(self._views[:seen, where], 0)
        return out, count > 0
