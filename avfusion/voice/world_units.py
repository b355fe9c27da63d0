"""The target's frames, arranged so that frames of another speaker find those that are alike.

Two speakers' envelopes are compared after each is brought to mean 0 and deviation 1, weighted by how much a value
varies (what varies much carries the sounds of speech), with the loudness, and with their neighbours in time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avfusion.voice.world_pitch import PitchRange, range_of
from avfusion.voice.world_speech import Speech

MATCHED = 24
"""c1..c24 are compared."""

SPEECH_DB, POOL_DB = 20.0, 30.0
"""Statistics are of frames within the first of the loudest; units reach down to the second."""

MOST_UNITS = 12_000

_REACH_FRAMES = 6
_FEATURES = 64
_WEIGHT_POWER = 0.75
_LOUDNESS_WEIGHT, _VOICING_WEIGHT = 1.0, 2.0
_DOUBT_FRAMES = 50.0


@dataclass(frozen=True, eq=False)
class Manner:
    """Mean and deviation [25] of c0..c24 over a speaker's loud frames."""

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]

    def normalised(self, cepstra: NDArray[np.float64]) -> NDArray[np.float64]:
        """[n, 25] of [n, 25 or more]."""
        return (cepstra[:, : MATCHED + 1] - self.mean) / self.deviation

    def described(self, speech: Speech) -> NDArray[np.float64]:
        """[n, 26]: normalised c0..c24, and how voiced it is around each frame, 0..1."""
        voiced = np.convolve(np.pad(speech.f0_hz > 0, 2, mode="edge"), np.full(5, 0.2), mode="valid")
        return np.column_stack([self.normalised(speech.cepstra), voiced])


@dataclass(frozen=True, eq=False)
class Units:
    """cepstra [n, 41]; voiced: bool [n]; follows: bool [n], whether unit i + 1 is the moment after unit i.

    features: float32 [n, 64]; directions [26 * 13, 64]: what makes features of described frames and their neighbours.
    """

    band_hz: int
    manner: Manner
    pitch: PitchRange
    cepstra: NDArray[np.float64]
    voiced: NDArray[np.bool_]
    follows: NDArray[np.bool_]
    features: NDArray[np.float32]
    directions: NDArray[np.float64]

    def features_of(self, described: NDArray[np.float64], rows: NDArray[np.intp] | None = None) -> NDArray[np.float32]:
        """float32 [n, 64] of described frames [m, 26] of one recording, of all of them or of these `rows` [n]."""
        return np.asarray(_with_neighbours(described * _weights(self.manner), rows) @ self.directions, np.float32)


def units_of(recordings: Sequence[Speech]) -> Units:
    """The units of a target, some of it voiced, from recordings matched in the same band."""
    pitch = range_of(np.concatenate([speech.f0_hz for speech in recordings]))
    if pitch is None:
        raise ValueError("no voice in the target")
    manner = manner_of(recordings)
    pools = [speech.within(POOL_DB) for speech in recordings]
    around = np.concatenate(
        [
            _with_neighbours(manner.described(speech) * _weights(manner))[pool]
            for speech, pool in zip(recordings, pools, strict=True)
        ]
    )
    directions = _main_directions(around)
    follows = np.concatenate([np.append(np.diff(np.flatnonzero(pool)) == 1, False) for pool in pools])
    kept = _spread_out(len(around), follows)
    return Units(
        band_hz=recordings[0].band_hz,
        manner=manner,
        pitch=pitch,
        cepstra=np.concatenate([speech.cepstra[pool] for speech, pool in zip(recordings, pools, strict=True)])[kept],
        voiced=np.concatenate([speech.f0_hz[pool] > 0 for speech, pool in zip(recordings, pools, strict=True)])[kept],
        follows=follows[kept],
        features=np.asarray(around[kept] @ directions, np.float32),
        directions=directions,
    )


def manner_of(recordings: Sequence[Speech], prior: Manner | None = None) -> Manner:
    """Statistics of the loud frames; with few of them, near to `prior`."""
    loud = np.concatenate([speech.cepstra[speech.within(SPEECH_DB), : MATCHED + 1] for speech in recordings])
    mean, variance = loud.mean(axis=0), loud.var(axis=0)
    if prior is not None:
        sure = len(loud) / (len(loud) + _DOUBT_FRAMES)
        mean = sure * mean + (1 - sure) * prior.mean
        variance = sure * variance + (1 - sure) * prior.deviation**2
    return Manner(mean, np.sqrt(np.maximum(variance, 1e-6)))


def _weights(manner: Manner) -> NDArray[np.float64]:
    """[26]: mean 1 over c1..c24, and those of the loudness and the voicing."""
    weights = manner.deviation**_WEIGHT_POWER
    weights /= weights[1:].mean()
    weights[0] = _LOUDNESS_WEIGHT
    return np.append(weights, _VOICING_WEIGHT)


def _with_neighbours(frames: NDArray[np.float64], rows: NDArray[np.intp] | None = None) -> NDArray[np.float64]:
    """[n, values * 13]: each frame, or each of these, with the six before and after it."""
    rows = np.arange(len(frames)) if rows is None else rows
    padded = np.pad(frames, ((_REACH_FRAMES, _REACH_FRAMES), (0, 0)), mode="edge")
    return np.concatenate([padded[rows + i] for i in range(2 * _REACH_FRAMES + 1)], axis=1)


def _main_directions(around: NDArray[np.float64]) -> NDArray[np.float64]:
    """[values, 64]: the directions in which frames differ most; distances along them are nearly the whole distances."""
    centred = around - around.mean(axis=0)
    _, directions = np.linalg.eigh(centred.T @ centred)
    return np.asarray(directions[:, ::-1][:, :_FEATURES])


def _spread_out(count: int, follows: NDArray[np.bool_]) -> slice | NDArray[np.intp]:
    """Which units to keep of too many: whole stretches from all over the recordings, so that neighbours stay so."""
    if count <= MOST_UNITS:
        return slice(None)
    stretch = 200
    starts = np.linspace(0, count - stretch, MOST_UNITS // stretch).astype(int)
    kept = np.unique((starts[:, None] + np.arange(stretch)).ravel())
    follows[kept[np.append(np.diff(kept) != 1, True)]] = False
    return np.asarray(kept)
