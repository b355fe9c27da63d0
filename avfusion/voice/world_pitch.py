"""The pitch of one voice every 5 ms, and how it becomes the pitch of another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avfusion.errors import EngineNotReady
from avfusion.voice.world_analysis import FRAME_S

WIDE_HZ = (60.0, 650.0)
"""Where the voice is looked for before anything is known of it."""

# Lower than Praat's own 0.45 and 0.03: what is voiced and taken for breath would keep the source's pitch.
_VOICING, _SILENCE = 0.35, 0.01
_FRAMES_PER_S = round(1 / FRAME_S)
_LEAST_VOICED = 20
# De Looze and Hirst (2008): a speaker's range from the quartiles of a first pass.
_BELOW_FIRST_QUARTILE, _ABOVE_THIRD_QUARTILE = 0.7, 2.0
_MEDIAN_REACH = 100
_OFF_OCTAVES = 0.6
# The target's liveliness of pitch over the source's, where the recordings say so; more is caricature.
_SPREAD = (0.6, 1.6)
_DOUBT_FRAMES = 50.0
_SAID_HZ = (30.0, 1500.0)


@dataclass(frozen=True)
class PitchRange:
    """middle: mean of ln(Hz); spread: standard deviation of it; frames: how many voiced ones it comes from."""

    middle: float
    spread: float
    frames: int


def track(samples: NDArray[np.float64], rate_hz: int) -> NDArray[np.float64]:
    """[n * 200 // rate_hz + 1] Hz at 0, 5, 10, ... ms; 0 where there is no pitch. samples: [n], at least 0.2 s.

    Boersma's autocorrelation method (1993) as in Praat, first over a wide range and then over the speaker's own. What
    is left of octave errors is folded back to where the voice was just before and after.
    """
    count = len(samples) * _FRAMES_PER_S // rate_hz + 1
    rough = _praat(samples, rate_hz, count, WIDE_HZ)
    voiced = rough[rough > 0]
    if len(voiced) < _LEAST_VOICED:
        return rough
    first, third = np.percentile(voiced, [25, 75])
    low = max(WIDE_HZ[0], _BELOW_FIRST_QUARTILE * float(first))
    high = min(WIDE_HZ[1], max(_ABOVE_THIRD_QUARTILE * float(third), 2.5 * low))
    return without_octave_jumps(_praat(samples, rate_hz, count, (low, high)))


def _praat(
    samples: NDArray[np.float64], rate_hz: int, count: int, range_hz: tuple[float, float]
) -> NDArray[np.float64]:
    try:
        import parselmouth
    except ImportError as error:
        raise EngineNotReady(
            "world-knn needs the package praat-parselmouth. Install it: pip install 'avfusion[voice]'."
        ) from error
    # Praat looks at three periods at once and begins half a window into the sound: silence before and after it.
    margin = round((1.5 / range_hz[0] + 2 * FRAME_S) * rate_hz)
    pitch = parselmouth.Sound(np.pad(samples, margin), rate_hz).to_pitch_ac(
        time_step=FRAME_S,
        voicing_threshold=_VOICING,
        silence_threshold=_SILENCE,
        pitch_floor=range_hz[0],
        pitch_ceiling=range_hz[1],
    )
    found = np.asarray(pitch.selected_array["frequency"])
    times = (pitch.x1 - margin / rate_hz + pitch.dx * np.arange(len(found))) / FRAME_S
    voiced = found > 0
    if not voiced.any():
        return np.zeros(count)
    frames = np.arange(count)
    nearest = np.round(frames - times[0]).astype(int).clip(0, len(times) - 1)
    between = np.interp(frames, times[voiced], found[voiced])
    return np.where(voiced[nearest], between, 0.0)


def without_octave_jumps(f0: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pitch moved by whole octaves to near the median of the 100 voiced frames to either side, where it lies more than
    0.6 octaves off: wide but honest intonation stays."""
    voiced = np.flatnonzero(f0 > 0)
    if len(voiced) < 3:
        return f0
    octaves = np.log2(f0[voiced])
    reach = min(_MEDIAN_REACH, len(octaves) - 1)
    padded = np.pad(octaves, reach, mode="reflect")
    middle = np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1), axis=1)
    off = octaves - middle
    out = f0.copy()
    out[voiced] = 2 ** np.where(np.abs(off) > _OFF_OCTAVES, octaves - np.round(off), octaves)
    return out


def range_of(f0: NDArray[np.float64]) -> PitchRange | None:
    """Over all voiced frames of [n]; None where there are none. Robust: what lies beyond 3 deviations is left out."""
    logs = np.log(f0[f0 > 0])
    if not len(logs):
        return None
    middle = np.median(logs)
    deviation = 1.4826 * np.median(np.abs(logs - middle))
    kept = logs[np.abs(logs - middle) <= 3 * max(deviation, 0.02)]
    return PitchRange(float(kept.mean()), float(kept.std()), len(logs))


def as_the_target(f0: NDArray[np.float64], source: PitchRange, target: PitchRange) -> NDArray[np.float64]:
    """The source's melody [n] around the target's middle and as lively as the target's."""
    sure = min(source.frames, target.frames) / (min(source.frames, target.frames) + _DOUBT_FRAMES)
    wider = np.clip(target.spread / max(source.spread, 1e-3), *_SPREAD) ** sure
    voiced = f0 > 0
    out = np.zeros_like(f0)
    out[voiced] = np.exp(target.middle + wider * (np.log(f0[voiced]) - source.middle))
    return out


def moved(f0: NDArray[np.float64], semitones: float) -> NDArray[np.float64]:
    """[n] Hz so much higher, as far as a voice goes."""
    return f0 if semitones == 0 else np.where(f0 > 0, np.clip(f0 * 2 ** (semitones / 12), *_SAID_HZ), 0.0)
