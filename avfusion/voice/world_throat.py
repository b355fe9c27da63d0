"""How much longer one speaker's throat is than another's, and frames as a throat of another length would shape them.

A longer throat has all its resonances lower. Speakers whose frames are compared without regard to that find each
other's wrong sounds, the more so the further apart they are. L. Lee and R. Rose, "A frequency warping approach to
speaker normalization", IEEE Trans. Speech and Audio Processing 1998; here with nearest frames in place of a model.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from avfusion.voice.cepstrum import mel_cepstra, warped
from avfusion.voice.world_speech import ALPHA, ORDER, Speech
from avfusion.voice.world_units import SPEECH_DB, Units, manner_of

# From a child's to a large man's, and back.
_FACTORS = tuple(float(factor) for factor in np.geomspace(0.8, 1.25, 9).round(4))
_BINS = 257
_COMPARED_FRAMES, _NEAREST = 400, 4
_DOUBT_FRAMES = 200.0


def relative_length(source: Speech, units: Units) -> float:
    """The target's throat over the source's, 0.8 to 1.25: with the source's frequencies divided by it, its frames come
    nearest to the units. Near to 1 where little is said."""
    count = int(source.within(SPEECH_DB).sum())
    apart = np.array([_apart(source, units, factor) for factor in _FACTORS])
    best = int(apart.argmin())
    place = float(best)
    if 0 < best < len(_FACTORS) - 1:
        before, at, after = apart[best - 1 : best + 2]
        place += 0.5 * (before - after) / max(before - 2 * at + after, 1e-9)
    found = np.interp(place, np.arange(len(_FACTORS)), np.log(_FACTORS))
    return float(np.exp(found * count / (count + _DOUBT_FRAMES)))


def lengthened(speech: Speech, factor: float) -> Speech:
    """The speech with cepstra as if its throat were so much longer: all frequencies of its envelopes divided by the
    factor. Above what there is of them the last goes on."""
    if factor == 1:
        return speech
    return replace(speech, cepstra=speech.cepstra @ _lengthening(round(factor, 4), ALPHA[speech.band_hz]))


@lru_cache(maxsize=64)
def _lengthening(factor: float, alpha: float) -> NDArray[np.float64]:
    """[41, 41]: cepstra times it are those of the envelope at the frequencies times the factor."""
    angle = np.minimum(np.linspace(0, np.pi, _BINS) * factor, np.pi)
    basis = np.cos(np.arange(ORDER + 1)[:, None] * warped(angle, alpha))
    return mel_cepstra(np.exp(2 * basis), ORDER, alpha)


def _apart(source: Speech, units: Units, factor: float) -> float:
    """Mean distance of the loud frames from the units next to them."""
    longer = lengthened(source, factor)
    loud = np.flatnonzero(source.within(SPEECH_DB))
    compared = loud[:: -(-len(loud) // _COMPARED_FRAMES)]
    features = units.features_of(manner_of([longer], prior=units.manner).described(longer), compared)
    squared = (units.features**2).sum(axis=1) - 2 * features @ units.features.T
    count = min(_NEAREST, squared.shape[1])
    near = np.partition(squared, count - 1, axis=1)[:, :count] + (features**2).sum(axis=1)[:, None]
    return float(np.sqrt(np.maximum(near, 0)).mean())
