"""Sound at 16 kHz to the mel spectra that AutoVC was trained on, and back by Griffin-Lim (1984), which has no weights.

AutoVC's authors make sound with a WaveNet, which takes hours for a minute. Griffin-Lim takes seconds and sounds hollow:
what is heard of this engine is worse than what AutoVC can do.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from avfusion.voice.autovc_network import MELS
from avfusion.voice.one_channel import Wave

Mel = NDArray[np.float32]
"""float32 [frames, 80] in 0..1, evenly in dB over 100 dB."""

RATE_HZ = 16_000
HOP = 256
WINDOW = 1024
_RANGE_HZ = (90.0, 7600.0)
_LOW_CUT_HZ, _LOW_CUT_ORDER = 30.0, 5
# The sound is turned down a little, and silence gets this much noise, so that its logarithm varies.
_LEVEL, _NOISE = 0.96, 1e-6
_FLOOR, _REFERENCE_DB, _RANGE_DB = 1e-5, 16.0, 100.0
_ROUNDS, _MOMENTUM = 60, 0.99


def mel_of(wave: Wave, *, seed: int) -> Mel:
    """n // HOP + 1 frames; frame t lies around sample t * HOP. wave: [n] at 16 kHz."""
    from scipy.signal import butter, sosfiltfilt

    low_cut = butter(_LOW_CUT_ORDER, _LOW_CUT_HZ, "highpass", fs=RATE_HZ, output="sos")
    mirrored = np.pad(wave.astype(np.float64), WINDOW, mode="reflect" if wave.size > 1 else "edge")
    clean = sosfiltfilt(low_cut, mirrored)[WINDOW:-WINDOW]
    noise = np.random.default_rng(seed).uniform(-0.5, 0.5, clean.size)
    amplitudes = np.abs(_spectra(clean * _LEVEL + noise * _NOISE))
    level_db = 20 * np.log10(np.maximum(_FLOOR, amplitudes @ _filters().T)) - _REFERENCE_DB
    return np.clip((level_db + _RANGE_DB) / _RANGE_DB, 0, 1).astype(np.float32)


def wave_of(mel: Mel, *, count: int, seed: int) -> Wave:
    """float32 [count] at 16 kHz whose mel spectra are near `mel`; count // HOP + 1 frames.

    The phases are found by going back and forth between sound and spectra, with the momentum of N. Perraudin et al.
    (WASPAA 2013).
    """
    amplitudes = 10 ** ((mel.astype(np.float64) * _RANGE_DB - _RANGE_DB + _REFERENCE_DB) / 20)
    wanted = np.maximum(amplitudes @ np.linalg.pinv(_filters()).T, 0)
    phases = np.exp(2j * np.pi * np.random.default_rng(seed).random(wanted.shape))
    before = np.zeros_like(phases)
    for _ in range(_ROUNDS):
        found = _spectra(_overlapped(wanted * phases, count))
        ahead = found + _MOMENTUM * (found - before)
        phases, before = ahead / np.maximum(np.abs(ahead), 1e-12), found
    return (_overlapped(wanted * phases, count) / _LEVEL).astype(np.float32)


def _spectra(wave: NDArray[np.float64]) -> NDArray[np.complex128]:
    """[n // HOP + 1, WINDOW // 2 + 1]: those of stretches around every HOP-th sample, mirrored at both ends."""
    mirrored = np.pad(wave, WINDOW // 2, mode="reflect" if wave.size > 1 else "edge")
    return np.fft.rfft(np.lib.stride_tricks.sliding_window_view(mirrored, WINDOW)[::HOP] * _hann())


def _overlapped(spectra: NDArray[np.complex128], count: int) -> NDArray[np.float64]:
    """[count]: the sound whose `_spectra` are nearest to these (D. Griffin and J. Lim, 1984)."""
    stretches, weights = np.fft.irfft(spectra, WINDOW) * _hann(), _hann() ** 2
    frames, parts = len(stretches), WINDOW // HOP
    total, weight = np.zeros((frames + parts - 1, HOP)), np.zeros((frames + parts - 1, HOP))
    for part in range(parts):
        inner = slice(part * HOP, (part + 1) * HOP)
        total[part : part + frames] += stretches[:, inner]
        weight[part : part + frames] += weights[inner]
    first = WINDOW // 2
    whole = (total / np.maximum(weight, 1e-3)).ravel()
    return whole[first : first + count]


def _hann() -> NDArray[np.float64]:
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)


@lru_cache(maxsize=1)
def _filters() -> NDArray[np.float64]:
    """[MELS, WINDOW // 2 + 1]: triangles on Slaney's mel scale (Auditory Toolbox, 1998), each of the same area."""
    first, last = _mel_of_hz(np.array(_RANGE_HZ)).tolist()
    edges = _hz_of_mel(np.linspace(first, last, MELS + 2))
    bins_hz = np.arange(WINDOW // 2 + 1) * RATE_HZ / WINDOW
    low, middle, high = (edges[place : place + MELS, None] for place in range(3))
    triangles = np.minimum((bins_hz - low) / (middle - low), (high - bins_hz) / (high - middle))
    return np.maximum(triangles, 0) * 2 / (high - low)


def _mel_of_hz(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """3 mel for 200 Hz up to 1 kHz, then 27 mel for a factor of 6.4."""
    return np.where(hz < 1000, hz * 3 / 200, 15 + 27 * np.log(np.maximum(hz, 1000) / 1000) / np.log(6.4))


def _hz_of_mel(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) / 27 * np.log(6.4)))
