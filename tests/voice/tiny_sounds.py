"""Sounds that voice engines are tried on."""

import numpy as np

from avfusion.clip import Sound


def hum(count: int, rate_hz: int, channels: int = 1) -> Sound:
    """A voice-like hum around 140 Hz that comes and goes."""
    time = np.arange(count) / rate_hz
    phase = 2 * np.pi * np.cumsum(140 + 15 * np.sin(2 * np.pi * 1.5 * time)) / rate_hz
    wave = sum(np.sin(tone * phase) / tone for tone in range(1, 6)) * 0.08 * (1.2 + np.sin(2 * np.pi * 3 * time))
    return Sound(np.repeat(wave[None], channels, axis=0).astype(np.float32), rate_hz)


def noise(count: int, rate_hz: int, level: float = 0.1, seed: int = 0) -> Sound:
    return Sound((level * np.random.default_rng(seed).standard_normal((1, count))).astype(np.float32), rate_hz)
