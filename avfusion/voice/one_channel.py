"""A sound of any rate and number of channels to the one channel that a voice network hears, and what it says back."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Sound
from avfusion.errors import InputError

Wave: TypeAlias = NDArray[np.float32]
"""float32 [n], one channel."""

_PANNING_S = 0.05
# Channels cancel where their mean has less than this share of the power it has if they have nothing in common.
_CANCELS = 0.25


def heard(sound: Sound, rate_hz: int) -> Wave:
    """The channels as one at `rate_hz`, ceil(n * rate_hz / rate) samples. Raises InputError (no numbers)."""
    if not np.isfinite(sound.samples).all():
        raise InputError("The sound has samples that are no numbers. Save the recording anew, and give that.")
    return resampled(mono(sound.samples), sound.rate_hz, rate_hz)


def mono(samples: NDArray[np.float32]) -> Wave:
    """[channels, n] -> [n]: the mean of the channels, or the loudest where they cancel (wired the wrong way round)."""
    mean = samples.mean(axis=0, dtype=np.float32)
    powers = np.square(samples, dtype=np.float64).sum(axis=1)
    if np.square(mean, dtype=np.float64).sum() < _CANCELS * powers.sum() / len(samples) ** 2:
        return np.asarray(samples[powers.argmax()], np.float32)
    return np.asarray(mean, np.float32)


def resampled(wave: Wave, from_hz: int, to_hz: int, *, count: int | None = None) -> Wave:
    """The same sound at another rate, nothing moved in time, cut or followed by silence where `count` is given."""
    from scipy.signal import resample_poly

    step = math.gcd(from_hz, to_hz)
    out = resample_poly(wave, to_hz // step, from_hz // step) if from_hz != to_hz and wave.size else wave
    if count is not None:
        out = np.pad(out[:count], (0, max(0, count - out.size)))
    return np.asarray(out, np.float32)


def as_played(wave: Wave, rate_hz: int, sound: Sound) -> Sound:
    """One channel at `rate_hz` in place of what `sound` was: its rate, its length to the sample, and in each channel as
    much of it as there was of the sound, so that a voice stays where it stood."""
    count = sound.samples.shape[1]
    out = resampled(wave, rate_hz, sound.rate_hz, count=count)
    return Sound(out[None] * _panning(sound), sound.rate_hz)


def _panning(sound: Sound) -> NDArray[np.float32]:
    """float32 [channels, n or 1]: what goes to each channel, from its share of the loudness in every 50 ms."""
    channels, count = sound.samples.shape
    step = max(1, round(_PANNING_S * sound.rate_hz))
    if channels == 1 or count < step:
        return np.ones((channels, 1), np.float32)
    power = np.square(sound.samples[:, : count // step * step]).reshape(channels, -1, step).mean(axis=2)
    whole, ever = power.mean(axis=0), power.mean(axis=1, keepdims=True)
    # Where the sound was silent, what is said goes where it goes at other times.
    always = ever / ever.mean() if ever.any() else np.ones_like(ever)
    shares = np.sqrt(np.where(whole > 0, power / np.where(whole > 0, whole, 1), always))
    middles = (np.arange(shares.shape[1]) + 0.5) * step
    return np.stack([np.interp(np.arange(count), middles, row) for row in shares]).astype(np.float32)
