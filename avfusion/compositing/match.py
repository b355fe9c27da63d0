"""Makes the object's colours sit in the new scene (Reinhard et al., 2001: colour transfer), steadily in time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Mask, Rgb, Yuv
from avfusion.media.colour import rgb_to_yuv_matrix, yuv_to_rgb_matrix

# Statistics follow the scene slowly: a step of the light must not pump.
_MEMORY = 0.95
# Contrast is never changed more than this: a grey wall behind a person must not make the person grey.
_GAIN_RANGE = (0.75, 1.33)
_SAMPLE_STEP = 4


class ColourMatch:
    """Shifts mean and spread of Y, Cb, Cr inside the mask towards the background's. `strength` 0..1."""

    def __init__(self, strength: float, *, matrix: int, full_range: bool) -> None:
        self._strength = strength
        self._to_rgb = yuv_to_rgb_matrix(matrix, full_range)
        self._to_yuv = rgb_to_yuv_matrix(matrix, full_range)
        self._affine: NDArray[np.float32] | None = None

    def observe(self, planes: Yuv, mask: Mask, background: Yuv) -> None:
        """Takes in one frame; call it before `planes` and `rgb` of that frame."""
        inside = mask[::_SAMPLE_STEP, ::_SAMPLE_STEP]
        if not inside.any():
            return
        wanted = np.empty((3, 2), np.float32)
        for channel, (plane, behind) in enumerate(zip(planes, background, strict=True)):
            step = _SAMPLE_STEP if channel == 0 else _SAMPLE_STEP // 2
            own = plane[::step, ::step][: inside.shape[0], : inside.shape[1]]
            own = own[inside[: own.shape[0], : own.shape[1]]]
            scene = behind[::step, ::step]
            gain = np.clip((scene.std() + 1.0) / (own.std() + 1.0), *_GAIN_RANGE)
            gain = 1.0 + self._strength * (gain - 1.0)
            shift = own.mean() + self._strength * (scene.mean() - own.mean()) - gain * own.mean()
            wanted[channel] = gain, shift
        self._affine = wanted if self._affine is None else _MEMORY * self._affine + (1 - _MEMORY) * wanted

    def state(self) -> dict[str, NDArray[Any]]:
        """What was learnt of the light so far, as plain arrays."""
        return {} if self._affine is None else {"affine": self._affine}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Takes what `state` gave."""
        self._affine = state.get("affine")

    def planes(self, planes: Yuv) -> Yuv:
        if self._affine is None:
            return planes
        codes = np.arange(256, dtype=np.float32)
        tables = [np.clip(np.rint(codes * gain + shift), 0, 255).astype(np.uint8) for gain, shift in self._affine]
        y, u, v = (cv2.LUT(plane, table) for plane, table in zip(planes, tables, strict=True))
        return y, u, v

    def rgb(self, rgb: Rgb) -> Rgb:
        """The same change for pixels [H, W, 3] that are not planes."""
        if self._affine is None:
            return rgb
        to_yuv, offset = self._to_yuv
        to_rgb, _ = self._to_rgb
        gain, shift = self._affine[:, 0], self._affine[:, 1]
        # rgb -> yuv -> gain * yuv + shift -> rgb, as one affine step
        linear = to_rgb @ np.diag(gain) @ to_yuv
        constant = to_rgb @ (gain * offset + shift - offset)
        return cv2.transform(rgb, np.concatenate([linear, constant[:, None]], axis=1).astype(np.float32))
