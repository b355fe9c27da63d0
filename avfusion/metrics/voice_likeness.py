"""How much two voices are one: the cosine between their d-vectors (L. Wan et al., "GE2E", ICASSP 2018) by Resemblyzer.

The package is optional (`pip install 'avfusion[similarity]'`) and brings its weights along. Only figures of the same
speakers and sentences can be compared with each other.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Sound
from avfusion.voice.one_channel import heard

HOW_TO_GET = "pip install 'avfusion[similarity]'"

_RATE_HZ = 16_000
_LEAST_S = 0.5


@dataclass(frozen=True, eq=False)
class VoiceEars:
    """Resemblyzer's encoder on the CPU, and how it prepares a sound: made louder if it is quiet, pauses taken out."""

    encoder: Any
    prepare: Any

    def voice(self, sounds: Sequence[Sound]) -> NDArray[np.float64] | None:
        """[256] of length 1: the voice in all of the sounds; None where less than half a second of one is heard."""
        spoken = [self.prepare(heard(sound, _RATE_HZ).clip(-1, 1)) for sound in sounds if sound.samples.any()]
        long_enough = [wave.astype(np.float32) for wave in spoken if wave.size >= _LEAST_S * _RATE_HZ]
        if not long_enough:
            return None
        return np.asarray(self.encoder.embed_speaker(long_enough), np.float64)


def likeness(one: NDArray[np.float64] | None, other: NDArray[np.float64] | None) -> float:
    """-1..1, 1 for the same voice; NaN where there is none to compare."""
    return float("nan") if one is None or other is None else float(one @ other)


def voice_ears() -> VoiceEars | None:
    """None where Resemblyzer is not installed."""
    with warnings.catch_warnings():  # of what it imports, for its authors
        warnings.simplefilter("ignore")
        try:
            from resemblyzer import VoiceEncoder, preprocess_wav
        except ImportError:
            return None
    return VoiceEars(VoiceEncoder("cpu", verbose=False), preprocess_wav)
