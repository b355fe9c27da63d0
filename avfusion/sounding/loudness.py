"""How loud a sound is in each band of frequencies, from moment to moment."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Sound

BANDS = 32
_LOWEST_HZ, _HIGHEST_HZ = 60.0, 7500.0
_WINDOW_S, _HOP_S = 0.032, 0.008
# So much is transformed at once: long sounds must not fill the memory with their spectra.
_BLOCK_HOPS = 256


def band_power(sound: Sound, edges_s: NDArray[np.float64]) -> NDArray[np.float32]:
    """Mean power of the sound in each band and between each two of the times `edges_s` [n + 1].

    float32 [BANDS, n], channels added up; bands are equally wide on the mel scale (S. Stevens et al., 1937) from 60 Hz
    to 7.5 kHz. What lies before or after the sound is silent.
    """
    window = max(64, 2 ** round(np.log2(_WINDOW_S * sound.rate_hz)))
    hop = max(1, round(_HOP_S * sound.rate_hz))
    hops = int(np.ceil(edges_s[-1] * sound.rate_hz / hop)) + 1
    first = max(0, int(edges_s[0] * sound.rate_hz / hop) - 1)
    shares = _band_shares(sound.rate_hz, window)
    middles_s = np.arange(first, hops) * hop / sound.rate_hz
    places = np.searchsorted(edges_s, middles_s, side="right") - 1
    count = len(edges_s) - 1
    total = np.zeros((count, BANDS))
    heard = np.bincount(places[(places >= 0) & (places < count)], minlength=count)
    for start in range(first, hops, _BLOCK_HOPS):
        power = _spectra(sound, start, min(start + _BLOCK_HOPS, hops), hop, window) @ shares.T
        here = places[start - first : start - first + len(power)]
        inside = (here >= 0) & (here < count)
        np.add.at(total, here[inside], power[inside])
    # At more than 125 frames/s some intervals hold no hop of their own; they take their neighbour's.
    filled = np.maximum.accumulate(np.where(heard > 0, np.arange(count), 0))
    return np.asarray((total[filled] / np.maximum(heard[filled], 1)[:, None]).T, np.float32)


def _spectra(sound: Sound, start: int, stop: int, hop: int, window: int) -> NDArray[np.float64]:
    """Power [stop - start, bins] of windows centred on hops start..stop-1, channels added up."""
    low, high = start * hop - window // 2, (stop - 1) * hop + window // 2
    count = sound.samples.shape[1]
    part = sound.samples[:, min(max(low, 0), count) : min(max(high, 0), count)]
    before = min(max(-low, 0), high - low)
    part = np.pad(part, ((0, 0), (before, high - low - before - part.shape[1])))
    pieces = np.lib.stride_tricks.sliding_window_view(part, window, axis=1)[:, ::hop]
    taper = np.hanning(window)
    spectra = np.fft.rfft(pieces * taper, axis=-1)
    return np.asarray((np.abs(spectra) ** 2).sum(0) / (taper**2).sum() / window)


def _band_shares(rate_hz: int, window: int) -> NDArray[np.float64]:
    """[BANDS, bins]: triangles that overlap by half, as wide as they lie apart."""
    mel = np.linspace(_mel(_LOWEST_HZ), _mel(min(_HIGHEST_HZ, 0.48 * rate_hz)), BANDS + 2)
    bins_mel = _mel(np.fft.rfftfreq(window, 1 / rate_hz))
    rising = (bins_mel - mel[:-2, None]) / (mel[1:-1] - mel[:-2])[:, None]
    falling = (mel[2:, None] - bins_mel) / (mel[2:] - mel[1:-1])[:, None]
    return np.clip(np.minimum(rising, falling), 0, None)


def _mel(frequency_hz: float | NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    return np.asarray(2595 * np.log10(1 + np.asarray(frequency_hz) / 700))
