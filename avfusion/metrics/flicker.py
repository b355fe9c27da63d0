"""How unsteady masks or alpha are from one frame to the next, without any truth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.tracking.motion import dense_flow

BAND_PX = 5
"""Half the width of the boundary band that is looked at."""


METER_PX = 480
"""The longer side, at most, of the pictures that a `FlickerMeter` works on."""

METER_EVERY = 6
"""A `FlickerMeter` looks at one pair of neighbouring frames in so many."""


class FlickerMeter:
    """The flicker of a whole clip, frame after frame, on samples and small pictures: cheap beside rendering."""

    def __init__(self) -> None:
        self._count = 0
        self._last: tuple[NDArray[np.uint8], NDArray[np.uint8]] | None = None
        self._scores: list[float] = []

    def observe(self, alpha: NDArray[np.uint8], luma: NDArray[np.uint8]) -> None:
        """alpha: uint8 [H, W], 255 = opaque. luma: uint8 [H, W]."""
        place = self._count % METER_EVERY
        self._count += 1
        if place == 0:
            self._last = _small(alpha), _small(luma)
        elif place == 1 and self._last is not None:
            now = _small(alpha), _small(luma)
            self._scores.append(flicker(self._last[0], now[0], self._last[1], now[1]))

    def state(self) -> dict[str, NDArray[Any]]:
        """What was seen so far, as plain arrays."""
        last = {} if self._last is None else dict(zip(("alpha", "luma"), self._last, strict=True))
        return {"count": np.array(self._count), "scores": np.array(self._scores), **last}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Takes what `state` gave."""
        self._count, self._scores = int(state["count"]), [float(score) for score in state["scores"]]
        self._last = (state["alpha"], state["luma"]) if "alpha" in state else None

    @property
    def score(self) -> float | None:
        """The mean over the pairs seen; None before the first."""
        return sum(self._scores) / len(self._scores) if self._scores else None


def flicker(
    previous_alpha: NDArray[np.generic],
    alpha: NDArray[np.generic],
    previous_luma: NDArray[np.uint8],
    luma: NDArray[np.uint8],
) -> float:
    """Mean absolute change of alpha along the motion, inside the boundary band of both frames; 0 = perfectly steady.

    Both alphas are [H, W]: bool, uint8 (255 = opaque) or float in 0..1. Both lumas are uint8 [H, W]. The earlier alpha
    is brought onto the later frame by dense optical flow (DIS), so that motion is no flicker. Pixels that are new in
    the picture (the flow points outside) are not counted. Without any boundary the answer is 0.
    """
    later, earlier = _unit(alpha), _unit(previous_alpha)
    height, width = luma.shape
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    flow = dense_flow(dis, luma, previous_luma)
    rows, columns = np.indices((height, width), np.float32)
    x, y = columns + flow[..., 0], rows + flow[..., 1]
    moved = np.asarray(cv2.remap(earlier, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)
    seen = (x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1)
    counted = (_band(later) | _band(moved)) & seen
    if not counted.any():
        return 0.0
    return float(np.abs(later - moved)[counted].mean())


def _small(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    scale = min(1.0, METER_PX / max(picture.shape))
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    return (
        picture.copy() if scale == 1 else np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    )


def _unit(alpha: NDArray[np.generic]) -> NDArray[np.float32]:
    scale = 255.0 if alpha.dtype == np.uint8 else 1.0
    return alpha.astype(np.float32) / np.float32(scale)


def _band(alpha: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Pixels within BAND_PX of where alpha crosses one half."""
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * BAND_PX + 1, 2 * BAND_PX + 1))
    inside = alpha >= 0.5
    grown, grown_outside = (cv2.dilate(part.view(np.uint8), disk) for part in (inside, ~inside))
    return np.logical_and(grown, grown_outside)
