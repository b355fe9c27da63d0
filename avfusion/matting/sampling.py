"""Values of a picture at a list of real-valued places."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

_LINE = 1024


def sampled(values: NDArray[np.generic], x: NDArray[np.floating], y: NDArray[np.floating]) -> NDArray[np.float32]:
    """Bilinear values float32 [n] or [n, channels] at places x, y [n] in pixels; beyond the border it repeats."""
    count = len(x)
    # cv2.remap takes no lists, and no side above 32767: the places are laid out in lines.
    places = np.zeros((2, -(-count // _LINE) * _LINE), np.float32)
    places[0, :count], places[1, :count] = x, y
    across, down = places.reshape(2, -1, _LINE)
    found = cv2.remap(values, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found.reshape(-1, *values.shape[2:])[:count], np.float32)
