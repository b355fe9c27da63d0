"""Which part of a spectrogram is voice: what has the pitch of one, and does not come back as the background does.

The background at a moment is what was there at the moments most like it (Z. Rafii and B. Pardo, "Music/Voice Separation
Using the Similarity Matrix", ISMIR 2012), and both how alike two moments are and what was there is asked only where no
voice is suspected: on the harmonics of its pitch, and where it stands out of the background as it is known so far. So
the two are found in turns, as by A. Liutkus et al., "Kernel Additive Models for Source Separation" (2014).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avfusion.errors import EngineNotReady
from avfusion.media.audio import Samples
from avfusion.voice.separate_alike import Picture, alike, repetition, usual

_WINDOW_S = 0.064
_ROUNDS = 3

# Where a voice can be: its pitch, and the lowest that is looked at.
_PITCH_HZ = (70.0, 450.0)
_LOWEST_HZ = 60.0
# Harmonics are looked for below this, as sharp as the window; above it they run together.
_HARMONIC_HZ, _HARMONIC_EDGE_HZ, _HARMONIC_WIDTH_HZ = 3500.0, 300.0, 25.0
_BETWEEN_HARMONICS = 0.3
# Consonants lie this near to voiced sounds.
_NEAR_PITCH_S, _NEAR_EDGE_S = 0.25, 0.05

# Between the geometric and the plain mean: what is loud for once says little about what is usual.
_POWER = 0.3
# Suspected of voice: from so many times the background on, and surely from so many.
_SUSPECT, _SURE = 1.5, 3.0
# What is suspected counts this little, so that it decides only where there is nothing else.
_SUSPECT_WEIGHT = 1e-3
# The mean of magnitudes leaves out what stood out: it lies below what the background is.
_RAISED = 1.3

# Pauses this far below the voice have nothing in them that a listener would miss; from there to here the mask sets in.
_CLEAN_DB, _NOISY_DB = -30.0, -26.0
_PAUSES, _VOICE = 10, 95
# Of speech alone, what is loud is like other moments by less than this; where music pauses, this tells it.
_SPEECH_REPEATS, _MUSIC_REPEATS = 0.66, 0.70


@dataclass(frozen=True)
class Frames:
    """How sound is cut into frames: `length` samples, a quarter of it from one to the next."""

    rate_hz: int
    length: int

    @classmethod
    def at(cls, rate_hz: int) -> Frames:
        return cls(rate_hz, 4 * round(_WINDOW_S * rate_hz / 4))

    @property
    def hop(self) -> int:
        return self.length // 4

    @property
    def per_s(self) -> float:
        return self.rate_hz / self.hop

    @property
    def bin_hz(self) -> float:
        return self.rate_hz / self.length

    def spectra(self, wave: NDArray[np.float32]) -> NDArray[np.complex64]:
        """complex64 [bins, moments] of samples [n]."""
        import librosa

        return np.asarray(librosa.stft(wave, n_fft=self.length, hop_length=self.hop), np.complex64)

    def sound(self, spectra: NDArray[np.complex64], count: int) -> NDArray[np.float32]:
        """float32 [count]: the samples with these spectra."""
        import librosa

        return np.asarray(librosa.istft(spectra, hop_length=self.hop, length=count), np.float32)


def voice_share(frames: Frames, samples: Samples) -> Picture:
    """[bins, moments] in 0..1: how much of each is voice, in all channels of [channels, n] together."""
    one = frames.spectra(samples.mean(axis=0))
    loud = np.asarray(np.mean([np.abs(frames.spectra(wave)) for wave in samples], axis=0), np.float32)
    noisy = _noisy(frames, loud)
    if not noisy:
        return np.ones_like(loud)
    background = _usual(frames, loud, np.ones_like(loud))
    for _ in range(_ROUNDS):
        pitch_hz = _pitch(frames, one * _above(loud, background))
        on_pitch, near = _harmonics(frames, pitch_hz, len(loud)), _near(frames, pitch_hz)
        stands_out = np.clip((loud / np.maximum(background, 1e-9) - _SUSPECT) / (_SURE - _SUSPECT), 0, 1)
        suspected = near * np.maximum(on_pitch, stands_out)
        background = _RAISED * _usual(frames, loud, (1 - suspected) ** 2 + _SUSPECT_WEIGHT)
    resolved = _resolved(frames, len(loud))
    between = np.maximum(on_pitch, _BETWEEN_HARMONICS * resolved) + 1 - resolved
    share = _above(loud, background, near * np.where(pitch_hz > 0, between, 1))
    share[: int(np.ceil(_LOWEST_HZ / frames.bin_hz))] = 0
    return np.asarray(1 - noisy * (1 - share), np.float32)


def _noisy(frames: Frames, loud: Picture) -> float:
    """0 where the pauses are quiet and what is loud does not come back, 1 where there is something to take away."""
    power = np.square(loud[int(np.ceil(_LOWEST_HZ / frames.bin_hz)) :]).sum(axis=0)
    if not power.any():
        return 0.0
    power_db = 10 * np.log10(power + 1e-12)
    pauses_db, voice_db = np.percentile(power_db, [_PAUSES, _VOICE])
    pauses = np.clip((pauses_db - voice_db - _CLEAN_DB) / (_NOISY_DB - _CLEAN_DB), 0, 1)
    if pauses == 1:
        return 1.0
    repeats = repetition(loud, power_db > voice_db + _NOISY_DB, per_s=frames.per_s, bin_hz=frames.bin_hz)
    music = np.clip((repeats - _SPEECH_REPEATS) / (_MUSIC_REPEATS - _SPEECH_REPEATS), 0, 1)
    return float(max(pauses, music))


def _usual(frames: Frames, loud: Picture, weight: Picture) -> Picture:
    return usual(loud, weight, alike(loud, weight, per_s=frames.per_s, bin_hz=frames.bin_hz), _POWER)


def _above(loud: Picture, background: Picture, expected: Picture | float = 1.0) -> Picture:
    """[bins, moments] in 0..1: Wiener's share of what is louder than the background, so far as it is expected."""
    background = np.minimum(background, loud)
    voice = np.square((loud - background) * expected)
    return np.asarray(voice / np.maximum(voice + np.square(background), 1e-12), np.float32)


def _pitch(frames: Frames, spectra: NDArray[np.complex64]) -> NDArray[np.float64]:
    """[moments] Hz, 0 where there is none: Boersma's autocorrelation method (1993) as in Praat, on the low bins."""
    try:
        import parselmouth
    except ImportError as error:
        raise EngineNotReady(
            "a voice is told apart by the package praat-parselmouth. Install it: pip install 'avfusion[voice]'."
        ) from error
    # Fewer bins are the same sound at a lower rate, with as many samples fewer from moment to moment.
    bins = min(2 * round(_HARMONIC_HZ / frames.bin_hz / 2), frames.length // 2)
    low = Frames(round(2 * bins * frames.bin_hz), 2 * bins)
    count = spectra.shape[1]
    wave = low.sound(spectra[: bins + 1], count * low.hop).astype(np.float64)
    # Praat looks at three periods at once and begins half a window into the sound: silence before and after it.
    rate_hz, margin = 2 * bins * frames.bin_hz, 4 * low.hop
    track = parselmouth.Sound(np.pad(wave, margin), rate_hz).to_pitch_ac(
        time_step=1 / frames.per_s, pitch_floor=_PITCH_HZ[0], pitch_ceiling=_PITCH_HZ[1]
    )
    places = (np.arange(count) / frames.per_s + margin / rate_hz - track.x1) / track.dx
    return np.asarray(track.selected_array["frequency"])[np.round(places).astype(int).clip(0, track.n_frames - 1)]


def _harmonics(frames: Frames, pitch_hz: NDArray[np.float64], bins: int) -> Picture:
    """[bins, moments] in 0..1: 1 on the harmonics of the pitch, as far up as they stand apart."""
    hz = (np.arange(bins) * frames.bin_hz)[:, None]
    base = np.where(pitch_hz > 0, pitch_hz, np.inf)
    off_hz = hz - np.maximum(np.round(hz / base), 1) * np.where(pitch_hz > 0, pitch_hz, 0)
    on = np.exp(-0.5 * (off_hz / _HARMONIC_WIDTH_HZ) ** 2) * (pitch_hz > 0)
    return np.asarray(on * _resolved(frames, bins), np.float32)


def _resolved(frames: Frames, bins: int) -> Picture:
    """[bins, 1]: 1 where harmonics stand apart, 0 where they run together."""
    above = (np.arange(bins) * frames.bin_hz - _HARMONIC_HZ) / _HARMONIC_EDGE_HZ
    return np.asarray(1 / (1 + np.exp(np.minimum(above, 50.0))), np.float32)[:, None]


def _near(frames: Frames, pitch_hz: NDArray[np.float64]) -> Picture:
    """[1, moments] in 0..1: whether somebody speaks, which is near what has a pitch."""
    from scipy.ndimage import maximum_filter1d, uniform_filter1d

    near = maximum_filter1d((pitch_hz > 0).astype(np.float32), 2 * round(_NEAR_PITCH_S * frames.per_s) + 1)
    return np.asarray(uniform_filter1d(near, 2 * round(_NEAR_EDGE_S * frames.per_s / 2) + 1), np.float32)[None]
