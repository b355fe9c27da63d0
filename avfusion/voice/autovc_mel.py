"""Sound at 16 kHz to the mel spectra that AutoVC was trained on, and back by Griffin-Lim (1984), which has no weights.

AutoVC's authors make sound with a WaveNet, which takes hours for a minute. Griffin-Lim takes seconds and sounds hollow:
what is heard of this engine is worse than what AutoVC can do.
"""

from __future__ import annotations

from typing import Any

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
_ROUNDS = 60


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
    """float32 [count] at 16 kHz whose mel spectra are near `mel`; count // HOP + 1 frames."""
    import librosa

    amplitudes = 10 ** ((mel.astype(np.float64) * _RANGE_DB - _RANGE_DB + _REFERENCE_DB) / 20)
    linear = np.maximum(amplitudes @ np.linalg.pinv(_filters()).T, 0)
    wave = librosa.griffinlim(
        linear.T.astype(np.float32), n_iter=_ROUNDS, hop_length=HOP, win_length=WINDOW, n_fft=WINDOW, random_state=seed
    )
    return np.pad(wave / _LEVEL, (0, max(0, count - wave.size)))[:count].astype(np.float32)


def _spectra(wave: NDArray[np.float64]) -> NDArray[np.complex128]:
    """[frames, WINDOW // 2 + 1]."""
    mirrored = np.pad(wave, WINDOW // 2, mode="reflect" if wave.size > 1 else "edge")
    stretches = np.lib.stride_tricks.sliding_window_view(mirrored, WINDOW)[::HOP]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
    return np.fft.rfft(stretches * hann)


def _filters() -> NDArray[Any]:
    """[MELS, WINDOW // 2 + 1]: triangles on Slaney's mel scale, each of the same area."""
    import librosa

    low_hz, high_hz = _RANGE_HZ
    return librosa.filters.mel(sr=RATE_HZ, n_fft=WINDOW, n_mels=MELS, fmin=low_hz, fmax=high_hz)
