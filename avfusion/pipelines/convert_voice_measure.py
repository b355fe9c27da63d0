"""What a conversion did to a voice: time, loudness and pitch, before and after; None where nothing can be measured."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from avfusion.clip import Sound
from avfusion.media.store import StoredSound
from avfusion.metrics.voice import lag
from avfusion.pipelines.convert_voice_sound import Finished, Spoken
from avfusion.voice import Reference, Target
from avfusion.voice.loudness import Loudness
from avfusion.voice.one_channel import heard, mono
from avfusion.voice.pitch import HOP_S, RATE_HZ, f0_hz

_WINDOW_S = 30.0
# In less than so much at the beginning and at the end, the envelopes are matched by chance.
_LEAST_DRIFT_S = 2.0
_PITCH_S = 60.0
_LEAST_VOICED = 10
_METHOD = "parselmouth"


@dataclass(frozen=True)
class Measured:
    """As `VoiceReport` says."""

    lag_s: float | None
    drift_s: float | None
    loudness_before: float | None
    loudness_after: float | None
    true_peak_db: float | None
    pitch_before_hz: float | None
    pitch_after_hz: float | None
    pitch_target_hz: float | None


def measured(made: Spoken, done: Finished, target: Target) -> Measured:
    """Lag and pitch of the voice alone, loudness of all that is heard."""
    late_s, drift_s = times(made.before, made.after)
    recordings = target.recordings if isinstance(target, Reference) else ()
    return Measured(
        lag_s=late_s,
        drift_s=drift_s,
        loudness_before=_lufs(done.before),
        loudness_after=_lufs(done.after),
        true_peak_db=round(done.after.true_peak_db, 2) if math.isfinite(done.after.true_peak_db) else None,
        pitch_before_hz=_median_hz([_beginning(made.before)]),
        pitch_after_hz=_median_hz([_beginning(made.after)]),
        pitch_target_hz=_median_hz(list(recordings)),
    )


def times(source: StoredSound, result: StoredSound) -> tuple[float | None, float | None]:
    """(lag, drift) in seconds, by the envelopes of the first and the last third, half a minute of each at most; no
    drift where a third is less than 2 s."""
    size = min(source.count // 3, round(_WINDOW_S * source.rate_hz))
    if size == 0:
        return None, None
    if size < _LEAST_DRIFT_S * source.rate_hz:
        return _number(lag(mono(source.read()), mono(result.read()), source.rate_hz)), None
    first = lag(mono(source.read(0, size)), mono(result.read(0, size)), source.rate_hz)
    start = source.count - size
    last = lag(mono(source.read(start)), mono(result.read(start)), source.rate_hz)
    most = round(2 * _WINDOW_S * source.rate_hz)
    if source.count <= most:
        whole = lag(mono(source.read()), mono(result.read()), source.rate_hz)
    else:
        whole = (first + last) / 2
    return _number(whole), _number(last - first)


def _number(value: float) -> float | None:
    return round(value, 5) if math.isfinite(value) else None


def _lufs(loudness: Loudness) -> float | None:
    return None if loudness.is_silent else round(loudness.lufs, 2)


def _beginning(sound: StoredSound) -> Sound:
    return Sound(sound.read(0, min(sound.count, round(_PITCH_S * sound.rate_hz))), sound.rate_hz)


def _median_hz(sounds: list[Sound]) -> float | None:
    """Over all voiced frames of the first minute; None where there is hardly any voice."""
    left_s, found = _PITCH_S, [np.zeros(0)]
    for sound in sounds:
        wave = heard(sound, RATE_HZ)[: max(0, round(left_s * RATE_HZ))]
        left_s -= wave.size / RATE_HZ
        found.append(f0_hz(wave, _METHOD, count=math.ceil(wave.size / RATE_HZ / HOP_S)))
    voiced = np.concatenate(found)
    voiced = voiced[voiced > 0]
    return round(float(np.median(voiced)), 1) if len(voiced) >= _LEAST_VOICED else None
