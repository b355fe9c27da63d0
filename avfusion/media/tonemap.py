"""HDR (PQ or HLG, BT.2020) to SDR (BT.709, 8 bits) for screens and outputs that know nothing else."""

from __future__ import annotations

import functools
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Rgb
from avfusion.media.colour import gamma_coded

HDR_TRANSFERS = {16: "PQ", 18: "HLG"}

# ITU-R BT.2408: the light of a white page in HDR video, and the peak that most of it is graded for.
_WHITE_NITS = 203.0
_PEAK_NITS = 1000.0
# Everything up to here keeps its brightness; what is brighter is rolled off towards white.
_KNEE = 0.75

# ITU-R BT.2087: linear BT.2020 to linear BT.709.
_BT2020_TO_BT709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32
)
_LUMA_2020 = np.array([[0.2627, 0.6780, 0.0593]], np.float32)


def tone_mapped(picture: Any) -> Rgb:
    """uint8 [H, W, 3], BT.709, of a decoded HDR picture.

    Light is scaled by one factor a pixel, from its luminance, so hues stay; the factor follows a knee at 0.75 of SDR
    white and a rational shoulder that reaches white at 1,000 cd/m2 (the method of ITU-R BT.2446, simplified).
    """
    code = picture.reformat(format="rgb48le", src_colorspace=9, dst_colorspace=9, dst_color_range=2).to_ndarray()
    light = _light_of_code(picture.color_trc)[code]
    luminance = np.asarray(cv2.transform(light, _LUMA_2020), np.float32)
    if picture.color_trc == 18:
        # HLG stores scene light; the system gamma of BT.2100 for a 1,000 cd/m2 screen makes display light of it.
        system = np.power(np.maximum(luminance, 1e-6), 0.2) * (_PEAK_NITS / _WHITE_NITS)
        light = (light * system[..., None]).astype(np.float32)
        luminance = (luminance * system).astype(np.float32)
    gain = _rolled_off(luminance) / np.maximum(luminance, 1e-6)
    sdr = np.asarray(cv2.transform(light * gain[..., None], _BT2020_TO_BT709), np.float32)
    return np.rint(gamma_coded(sdr)).astype(np.uint8)


def _rolled_off(luminance: NDArray[np.float32]) -> NDArray[np.float32]:
    """Luminance in units of SDR white to 0..1: straight up to the knee, then a hyperbola of the same slope."""
    peak = _PEAK_NITS / _WHITE_NITS
    over = np.clip(luminance, _KNEE, peak) - _KNEE
    room, span = 1.0 - _KNEE, peak - _KNEE
    # f(x) = x / (1 + x * c) has slope 1 at 0; c makes f(span) = room.
    shoulder = over / (1.0 + over * (span / room - 1.0) / span)
    return np.where(luminance <= _KNEE, luminance, _KNEE + shoulder).astype(np.float32)


@functools.lru_cache(maxsize=2)
def _light_of_code(transfer: int) -> NDArray[np.float32]:
    """float32 [65536]: 16-bit code to light; PQ in units of SDR white, HLG as scene light in 0..1."""
    code = np.arange(65536) / 65535.0
    if transfer == 16:  # SMPTE ST 2084
        m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
        root = code ** (1 / m2)
        nits = 10_000.0 * (np.maximum(root - c1, 0.0) / (c2 - c3 * root)) ** (1 / m1)
        return (nits / _WHITE_NITS).astype(np.float32)
    a = 0.17883277  # ARIB STD-B67
    b, c = 1 - 4 * a, 0.5 - a * np.log(4 * a)
    return np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12).astype(np.float32)
