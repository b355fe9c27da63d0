"""How far a voice stands out of what is heard in its pauses."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from avfusion.clip import Sound
from avfusion.voice.one_channel import heard

# A voice has next to nothing below; fans and traffic have most there, and stay unnoticed.
_LOWEST_HZ, _ORDER, _RATE_HZ = 100.0, 4, 16_000
_FRAME = 320
# Whoever speaks pauses, between words at least, for a tenth of the time.
_PAUSES_PERCENT = 10
_SPEECH_DB = 20.0
_LEAST_FRAMES = 50
_SILENCE = 1e-10


def signal_to_noise_db(recordings: Sequence[Sound]) -> float:
    """Mean power of the frames of 20 ms within 20 dB of the loudest over that of the quietest tenth, above 100 Hz.

    Of several recordings the mean by their length; infinite where pauses are silent, NaN where there is less than a
    second. Reverberation and speech without pauses count as noise.
    """
    from scipy.signal import butter, sosfilt

    sections = butter(_ORDER, _LOWEST_HZ, "highpass", fs=_RATE_HZ, output="sos")
    found, lengths = [], []
    for sound in recordings:
        wave = sosfilt(sections, heard(sound, _RATE_HZ))
        count = len(wave) // _FRAME
        if count < _LEAST_FRAMES:
            continue
        powers = np.sort((wave[: count * _FRAME].reshape(count, _FRAME) ** 2).mean(axis=1))
        # Digital silence that was put around a recording is no pause of it.
        powers = powers[powers > _SILENCE]
        if len(powers) < _LEAST_FRAMES:
            continue
        noise = powers[: max(1, len(powers) * _PAUSES_PERCENT // 100)].mean()
        speech = powers[powers > powers[-1] * 10 ** (-_SPEECH_DB / 10)].mean()
        found.append(10 * math.log10(max(speech / noise - 1, 1e-3)))
        lengths.append(count)
    return float(np.average(found, weights=lengths)) if found else math.nan
