"""The clip's sound from the dry speech, and how far it opens the mouth."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import soundfile
from numpy.typing import NDArray

from studio.motion import FPS, FRAME_COUNT

RATE_HZ = 48_000
LEAD_IN_S = 0.45
PEAK_DBFS = -3.3
"""A little below -3: the AAC encoder may overshoot."""

GAIN_DB = 2.7

Samples = NDArray[np.float32]


def clip_sound(speech: Path) -> Samples:
    """float32 [n] at 48 kHz, exactly as long as the clip: a lead-in, the speech, silence."""
    dry, rate_hz = soundfile.read(speech, dtype="float32")
    doubled = double_rate(dry)
    if rate_hz * 2 != RATE_HZ:
        raise ValueError(f"{speech.name}: {rate_hz} Hz; the speech has to be at {RATE_HZ // 2} Hz")
    sound = np.zeros(FRAME_COUNT * RATE_HZ // FPS, np.float32)
    start = round(LEAD_IN_S * RATE_HZ)
    sound[start : start + len(doubled)] = doubled
    return limited(sound * np.float32(10 ** (GAIN_DB / 20)), 10 ** (PEAK_DBFS / 20))


def double_rate(samples: Samples) -> Samples:
    """Twice the rate, the same spectrum: zeros appended in the frequency domain."""
    spectrum = np.fft.rfft(samples)
    return np.asarray(np.fft.irfft(spectrum, 2 * len(samples)) * 2, np.float32)


def limited(samples: Samples, ceiling: float, window_s: float = 0.006) -> Samples:
    """Holds peaks at `ceiling`: the least gain needed within the window, smoothed, so that no edge is heard."""
    width = round(window_s * RATE_HZ) | 1
    needed = np.minimum(1, ceiling / np.maximum(np.abs(samples), 1e-9)).astype(np.float32)[None]
    least = cv2.erode(needed, np.ones((1, width), np.uint8), borderType=cv2.BORDER_REPLICATE)
    smooth = cv2.blur(least, (width, 1), borderType=cv2.BORDER_REPLICATE)[0]
    return np.asarray(samples * smooth, np.float32)


def loudness_db(samples: Samples) -> NDArray[np.float64]:
    """Level in dBFS of the sound while each frame is shown, [frames]."""
    per_frame = RATE_HZ // FPS
    power = (samples[: FRAME_COUNT * per_frame].reshape(FRAME_COUNT, per_frame).astype(np.float64) ** 2).mean(1)
    return np.asarray(10 * np.log10(power + 1e-9))


def mouth_openings(samples: Samples) -> Samples:
    """0..1 for each frame: the level over 22 dB below the loudest frame, lightly smoothed about its own time."""
    level = loudness_db(samples)
    share = np.clip((level - level.max() + 22) / 22, 0, 1) ** 1.7
    padded = np.pad(share, 1, mode="edge")
    return np.asarray(0.2 * padded[:-2] + 0.6 * padded[1:-1] + 0.2 * padded[2:], np.float32)
