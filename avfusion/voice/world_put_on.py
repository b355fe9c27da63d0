"""New envelopes and a new pitch onto a piece of sound, two seconds of it at a time, as if all at once.

Envelopes are most of what a piece needs: 25 MB for 16 s at 48 kHz, and ten such arrays are worked with. What is not
voiced is filtered alike wherever the cuts are; what is voiced is said again between two cuts that lie in no voice.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Sound
from avfusion.voice.world_analysis import Check, envelopes, go_on, sample_of
from avfusion.voice.world_speech import Speech
from avfusion.voice.world_synthesis import (
    below_full_scale,
    difference,
    filtered,
    room_tone,
    said_again,
    share_of_speech,
    voiced_share,
)

_LONGEST_FRAMES = 400
# What is worked with on either side of a stretch, and dropped: WORLD's pulses and the filter's windows reach less far.
_AROUND_FRAMES = 12
# Frames of these numbers lie on whole samples at every usual rate.
_GRID_FRAMES = 8
_LEVEL_S, _MOST_LEVEL = 0.05, 3.0


def put_on(
    sound: Sound,
    mono: NDArray[np.float64],
    speech: Speech,
    cepstra: NDArray[np.float64] | None,
    f0_hz: NDArray[np.float64],
    *,
    formant_semitones: float = 0.0,
    check: Check = go_on,
) -> Sound:
    """The sound with the envelopes of `cepstra` [frames, 41] and the pitch f0_hz [frames], voiced where it was.

    mono: what `speech` was heard in, which may go on a little after the sound. cepstra: None leaves the envelopes.
    formant_semitones: as in `difference`. A pitch that is the speech's own leaves the recording's waveform, filtered;
    otherwise voiced frames come from the vocoder. Memory does not grow with the sound but by the sound itself, unless
    it is voiced for long without a break.
    """
    frames, count, rate_hz = len(f0_hz), sound.samples.shape[1], sound.rate_hz
    share, room = share_of_speech(speech), room_tone(mono, speech)
    is_said = not np.array_equal(f0_hz, speech.f0_hz)
    middles, gains = levels(sound, mono[:count])
    out = np.empty(sound.samples.shape, np.float32)
    for start, stop in stretches(speech.f0_hz):
        check()
        wide = _around(start, stop, frames)
        power = envelopes(mono, rate_hz, speech.f0_hz[wide], np.arange(wide.start, wide.stop))
        change = np.zeros_like(power)
        if cepstra is not None:
            change = difference(
                power, cepstra[wide], rate_hz, speech.band_hz, room=room, formant_semitones=formant_semitones
            )
        part = slice(sample_of(start, rate_hz), count if stop == frames else sample_of(stop, rate_hz))
        out[:, part] = filtered(sound.samples, rate_hz, change * share[wide, None], part, wide.start)
        voiced = start + np.flatnonzero(speech.f0_hz[start:stop])
        if not is_said or not len(voiced):
            continue
        check()
        narrow = _around(voiced[0], voiced[-1] + 1, wide.stop)
        rows = slice(narrow.start - wide.start, narrow.stop - wide.start)
        wanted = power[rows] * np.exp(2 * change[rows])
        said = said_again(mono, speech, narrow, wanted, f0_hz[narrow], room, check)
        begin = sample_of(narrow.start, rate_hz)
        both = slice(max(part.start, begin), min(part.stop, begin + len(said)))
        mix = voiced_share(speech, both)
        level = np.stack([np.interp(np.arange(both.start, both.stop), middles, row) for row in gains])
        new = said[both.start - begin : both.stop - begin] * level
        out[:, both] = np.sqrt(1 - mix) * out[:, both] + np.sqrt(mix) * new
    return Sound(below_full_scale(out, rate_hz).astype(np.float32), rate_hz)


def stretches(f0_hz: NDArray[np.float64]) -> Iterator[tuple[int, int]]:
    """(start, stop) of all frames [n], up to 2 s a stretch, each cut as far from what is voiced as can be. Longer only
    where the voice does not break."""
    count = len(f0_hz)
    places = np.arange(count)
    voiced = np.concatenate([[-count], np.flatnonzero(f0_hz), [2 * count]])
    after = np.searchsorted(voiced, places)
    # Frames without voice before and after a cut at each place.
    away = np.minimum(places - 1 - voiced[after - 1], voiced[after] - places)
    start = 0
    while count - start > _LONGEST_FRAMES:
        near = slice(start + _LONGEST_FRAMES // 2, start + _LONGEST_FRAMES + 1)
        stop = near.start + int(away[near].argmax())
        if away[stop] < 1:
            later = np.flatnonzero(away[near.stop :] >= 1)
            if not len(later):
                break
            stop = near.stop + int(later[0])
        yield start, stop
        start = stop
    yield start, count


def levels(sound: Sound, mono: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(places [m] in samples, [channels, m]): how loud each channel is beside the mono [n] that stands for it, over
    50 ms and more."""
    step = max(1, round(_LEVEL_S * sound.rate_hz))
    whole = len(mono) // step
    if len(sound.samples) == 1 or whole == 0:
        return np.zeros(1), np.ones((len(sound.samples), 1))
    powers = np.stack([_powers(row[: whole * step], step) for row in (*sound.samples, mono)]) + 1e-10
    gains = np.asarray(np.sqrt(powers[:-1] / powers[-1]), np.float64)
    # Of channels that say the same, the mean is that many times below the only one that speaks. Where they cancel, it
    # may be next to nothing: then all are turned down alike, so that each keeps its share.
    gains *= np.minimum(1, max(_MOST_LEVEL, len(gains)) / np.maximum(gains.max(axis=0), 1e-9))
    return np.asarray((np.arange(whole) + 0.5) * step), gains


def _powers(samples: NDArray[np.floating], step: int) -> NDArray[np.float64]:
    """[m] of [m * step]"""
    return np.asarray(np.square(samples, dtype=np.float64).reshape(-1, step).mean(axis=1))


def _around(start: int, stop: int, frames: int) -> slice:
    begin = max(0, start - _AROUND_FRAMES)
    return slice(begin - begin % _GRID_FRAMES, min(frames, stop + _AROUND_FRAMES))
