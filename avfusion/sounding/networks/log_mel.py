"""The log-mel picture of a sound that VGGish takes, and AVSBench with it: one example of 0.96 s after another.

S. Hershey et al., "CNN architectures for large-scale audio classification" (ICASSP 2017), section 3.1.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Examples: TypeAlias = NDArray[np.float32]
"""float32 [examples, 96 steps of 10 ms, 64 bands]."""

RATE_HZ = 16000
STEPS = 96
BANDS = 64
WINDOW = 400
HOP = 160
FFT = 512
FROM_HZ, TO_HZ = 125.0, 7500.0
OFFSET = 0.01
"""Added before the logarithm, so that silence is a number."""


def log_mel_examples(wave: NDArray[np.float32]) -> Examples:
    """wave: [samples] at 16 kHz in -1..1. A rest shorter than an example is left out; there may be none at all.

    Examples follow each other every 0.96 s, so the k-th lies up to 0.04 * k s before the k-th second: so the published
    features have it, and networks are trained on it.
    """
    if len(wave) < WINDOW:
        return np.zeros((0, STEPS, BANDS), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(wave.astype(np.float64), WINDOW)[::HOP]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
    magnitudes = np.abs(np.fft.rfft(frames * hann, FFT))
    log_mel = np.log(magnitudes @ mel_bands() + OFFSET)
    count = len(log_mel) // STEPS
    return log_mel[: count * STEPS].reshape(count, STEPS, BANDS).astype(np.float32)


def for_pictures(examples: Examples, count: int, *, repeat_last: bool) -> Examples:
    """[count, 96, 64], an example for each of a clip's pictures.

    What is too much is cut off. What is missing repeats the last example (S4 and MS3) or is zero (AVSS), as is all of a
    sound without a whole example.
    """
    missing = max(count - len(examples), 0)
    if missing and repeat_last and len(examples):
        tail = np.repeat(examples[-1:], missing, axis=0)
    else:
        tail = np.zeros((missing, STEPS, BANDS), np.float32)
    return np.concatenate([examples[:count], tail])


def mel_bands() -> NDArray[np.float64]:
    """[257 bins, 64 bands]: triangles whose sides are straight on the mel scale. The bin at 0 Hz is in none of them."""
    bins = _mel(np.linspace(0.0, RATE_HZ / 2, FFT // 2 + 1))[:, None]
    edges = np.linspace(_mel(FROM_HZ), _mel(TO_HZ), BANDS + 2)
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    bands = np.maximum(0.0, np.minimum((bins - low) / (middle - low), (high - bins) / (high - middle)))
    bands[0] = 0.0
    return bands


def _mel(hz: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """The mel scale of HTK."""
    return 1127.0 * np.log1p(np.asarray(hz) / 700.0)
