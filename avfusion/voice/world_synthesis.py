"""New envelopes and a new pitch put onto the sound they were found in.

What is voiced is said again by WORLD, or, where the pitch stays, by filtering the recording itself with the difference
of the envelopes (K. Kobayashi, T. Toda et al., "Statistical singing voice conversion with direct waveform
modification based on the spectrum differential", Interspeech 2014). What is not voiced, breath and consonants, is
always the recording itself, so filtered; in pauses the filter is open and the room sounds as it did.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from avfusion.voice.cepstrum import log_amplitude, mel_cepstra, warped
from avfusion.voice.world_analysis import FRAME_S, Check, a_few, aperiodicities, envelopes, go_on, sample_of, world
from avfusion.voice.world_speech import ALPHA, ORDER, Speech, on_other_bins

_LEAST_RATE_HZ = 16_000
_WINDOW_S = 0.016
_NEPER = np.log(10) / 20
_MOST_DB = 15.0
# Above the matched band the difference goes on as it was, on average, over the last of the band; so much at most.
_MOST_LACKING_DB = 6.0
_EDGE_SHARE, _MOST_ABOVE_DB = 0.1, 6.0
# From the floor of the recording up to here it is a pause; from there on it is more and more speech.
_FLOOR_PERCENT, _PAUSE_DB, _RISE_DB = 5, 6.0, 10.0
_LEAST_DYNAMICS_DB = 15.0
_LEAST_PAUSE_FRAMES = 10
_HEARD_ROOM_DB = 35.0
_CEILING, _LOOK_S = 0.98, 0.004


def difference(
    power: NDArray[np.float64],
    cepstra: NDArray[np.float64],
    rate_hz: int,
    band_hz: int,
    *,
    room: NDArray[np.float64] | None = None,
    formant_semitones: float = 0.0,
) -> NDArray[np.float64]:
    """[n, bins]: ln of the factors that turn the amplitudes of envelopes `power` [n, bins] into those of `cepstra`.

    Every frame keeps its power, but nothing in it is raised by more than 15 dB: where the source hums and the target
    would hiss, the hiss is not made as loud as the hum. Nothing is lowered below what the room sounds like in pauses:
    a clean target would else breathe holes into the noise around the speech. cepstra: [n, 41], of the band below half
    of `band_hz`. room: from `room_tone`. formant_semitones: the new envelope with all its frequencies so much higher.
    """
    hz = np.linspace(0, rate_hz / 2, power.shape[1])
    half_band = band_hz / 2
    inside = hz <= half_band
    angle = np.pi * np.minimum(hz[inside] / half_band / 2 ** (formant_semitones / 12), 1.0)
    order = np.arange(1, cepstra.shape[1])
    wanted = cepstra[:, 1:] @ np.cos(order[:, None] * warped(angle, ALPHA[band_hz]))
    found = 0.5 * np.log(power + 1e-30)
    out = np.empty_like(found)
    out[:, inside] = wanted - found[:, inside]
    level = 0.5 * np.log(power[:, inside].sum(axis=1) / (power[:, inside] * np.exp(2 * out[:, inside])).sum(axis=1))
    out[:, inside] = np.minimum(out[:, inside] + level[:, None], _MOST_DB * _NEPER)
    if not inside.all():
        edge = out[:, inside][:, -max(1, round(_EDGE_SHARE * inside.sum())) :].mean(axis=1)
        most = _MOST_ABOVE_DB * _NEPER
        out[:, ~inside] = np.clip(edge, -most, most)[:, None]
    return out if room is None else np.maximum(out, np.minimum(room - found, 0))


def room_tone(samples: NDArray[np.float64], speech: Speech) -> NDArray[np.float64] | None:
    """[bins] ln amplitude of what is heard in pauses; None where there are next to none. A quiet room, far below the
    speech, is not heard beside it: it counts as so much quieter."""
    pauses = np.flatnonzero(share_of_speech(speech) == 0)
    if len(pauses) < _LEAST_PAUSE_FRAMES:
        return None
    below_db = float(speech.loud_db.max() - speech.loud_db[pauses].mean())
    total = 0.0
    for some in a_few(len(pauses)):
        frames = pauses[some]
        power = envelopes(samples, speech.rate_hz, speech.f0_hz[frames], frames)
        total = total + np.log(power + 1e-30).sum(axis=0)
    tone = 0.5 * total / len(pauses)
    return np.asarray(tone - max(0.0, below_db - _HEARD_ROOM_DB) * _NEPER)


def said_again(
    samples: NDArray[np.float64],
    speech: Speech,
    frames: slice,
    wanted: NDArray[np.float64],
    f0_hz: NDArray[np.float64],
    room: NDArray[np.float64] | None,
    check: Check = go_on,
) -> NDArray[np.float64]:
    """[m], from the first of the frames on, 5 ms for each or to the end of the samples: from WORLD, the frames' own
    breathiness under other envelopes, at another pitch.

    samples: [n], in which `speech` was heard. wanted, f0_hz: envelopes [frames, bins] and pitch [frames]. room: from
    `room_tone`. Said twice: what the envelopes of the first time lack of those asked for is added for the second.
    """
    noise = _breath(samples, speech, frames, wanted.shape[1], check)
    if room is not None:  # no voice: it does not hum
        # Not at 0 Hz: a frame that is all noise there is all noise everywhere to WORLD, and a voice is faint there.
        humming = noise[:, 0]
        noise = np.maximum(noise, np.minimum(np.exp(room) / np.sqrt(wanted + 1e-30), 1.0))
        noise[:, 0] = humming
    noise = np.ascontiguousarray(noise)
    end = min(sample_of(frames.stop, speech.rate_hz), len(samples))
    count = end - sample_of(frames.start, speech.rate_hz)
    first = _synthesised(f0_hz, wanted, noise, speech.rate_hz, count)
    check()
    lacks = 0.5 * np.log((wanted + 1e-12) / (envelopes(first, speech.rate_hz, f0_hz) + 1e-12))
    smooth = log_amplitude(
        mel_cepstra(np.exp(2 * lacks), ORDER, ALPHA[speech.band_hz]), lacks.shape[1], ALPHA[speech.band_hz]
    )
    most = _MOST_LACKING_DB * _NEPER
    check()
    return _synthesised(f0_hz, wanted * np.exp(2 * np.clip(smooth, -most, most)), noise, speech.rate_hz, count)


def _synthesised(
    f0_hz: NDArray[np.float64], power: NDArray[np.float64], noise: NDArray[np.float64], rate_hz: int, count: int
) -> NDArray[np.float64]:
    """[count]"""
    out = world().synthesize(np.ascontiguousarray(f0_hz), np.ascontiguousarray(power), noise, rate_hz, FRAME_S * 1000)
    return np.pad(out[:count], (0, max(0, count - len(out))))


def _breath(
    samples: NDArray[np.float64], speech: Speech, frames: slice, bins: int, check: Check
) -> NDArray[np.float64]:
    """[frames, bins] aperiodicities, heard at twice the rate or more where that is below 16 kHz."""
    from scipy.signal import resample_poly

    f0_hz, numbers = speech.f0_hz[frames], np.arange(frames.start, frames.stop)
    times = -(-_LEAST_RATE_HZ // speech.rate_hz)
    if times == 1:
        return aperiodicities(samples, speech.rate_hz, f0_hz, check, numbers)
    rate_hz = times * speech.rate_hz
    noise = aperiodicities(resample_poly(samples, times, 1), rate_hz, f0_hz, check, numbers)
    return on_other_bins(noise, rate_hz, speech.rate_hz, bins)


def filtered(
    channels: NDArray[np.floating], rate_hz: int, difference: NDArray[np.float64], part: slice, first_frame: int = 0
) -> NDArray[np.float64]:
    """[channels, part]: a part of the samples [channels, n], filtered without delay by the factors exp(difference).

    Short-time spectra, windows of about 16 ms that overlap by three quarters, so a difference of 0 changes nothing. A
    part is the same to the bit as in the whole. difference: [frames, bins] over time, from frame `first_frame` on until
    16 ms after the part.
    """
    size = 2 ** round(np.log2(_WINDOW_S * rate_hz))
    hop = size // 4
    window = np.sqrt(np.hanning(size + 1)[:-1])
    # Windows end at whole hops from the first sample on; these are the ones that reach into the part.
    ends = np.arange(part.start // hop + 1, -(-(part.stop + size) // hop)) * hop
    begin = ends[0] - size
    gains = np.exp(_at(on_other_bins(difference, 1, 1, size + 1), (ends - size / 2) / rate_hz / FRAME_S - first_frame))
    out = np.empty((len(channels), part.stop - part.start))
    for channel, samples in enumerate(channels):
        inside = samples[max(0, begin) : ends[-1]].astype(np.float64)
        before = max(0, -begin)
        padded = np.pad(inside, (before, ends[-1] - begin - before - len(inside)))
        pieces = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop] * window
        # Twice the length: what the filter spreads beyond its window does not come back at the other end.
        around = np.pad(pieces, ((0, 0), (size // 2, size - size // 2)))
        spread = np.fft.irfft(np.fft.rfft(around, axis=1) * gains, 2 * size, axis=1)
        pieces = spread[:, size // 2 : size // 2 + size] * window
        whole = np.zeros(len(padded))
        for step, piece in enumerate(pieces):
            whole[step * hop : step * hop + size] += piece
        out[channel] = whole[part.start - begin : part.stop - begin] / 2
    return out


def _at(values: NDArray[np.float64], frames: NDArray[np.float64]) -> NDArray[np.float64]:
    """[m, bins]: rows of [n, bins] at fractional places, held at the ends."""
    place = np.clip(frames, 0, len(values) - 1)
    lower = np.minimum(place.astype(int), max(0, len(values) - 2))
    upper = np.minimum(lower + 1, len(values) - 1)
    part = (place - lower)[:, None]
    return np.asarray(values[lower] * (1 - part) + values[upper] * part)


def share_of_speech(speech: Speech) -> NDArray[np.float64]:
    """[n] in 0..1: 0 in pauses, 1 in speech. A recording that never rises 15 dB above its floor has no pauses."""
    floor = np.percentile(speech.loud_db, _FLOOR_PERCENT)
    share = np.clip((speech.loud_db - floor - _PAUSE_DB) / _RISE_DB, 0.0, 1.0)
    if speech.loud_db.max() - floor < _LEAST_DYNAMICS_DB:
        share = np.ones_like(share)
    share[speech.f0_hz > 0] = 1.0
    return np.convolve(np.pad(share, 2, mode="edge"), np.full(5, 0.2), mode="valid")


def voiced_share(speech: Speech, part: slice) -> NDArray[np.float64]:
    """[part] in 0..1 for each sample: 1 where the frames around it are voiced."""
    places = np.arange(part.start, part.stop) / speech.rate_hz / FRAME_S
    return np.interp(places, np.arange(len(speech.f0_hz)), (speech.f0_hz > 0).astype(float))


def below_full_scale(channels: NDArray[np.floating], rate_hz: int) -> NDArray[np.floating]:
    """[channels, n] turned down for moments around what would clip, all channels alike, smoothly over 4 ms."""
    from scipy.ndimage import minimum_filter1d, uniform_filter1d

    peaks = np.abs(channels).max(axis=0)
    if peaks.max(initial=0.0) <= _CEILING:
        return channels
    look = max(1, round(_LOOK_S * rate_hz))
    lowest = minimum_filter1d(np.minimum(1.0, _CEILING / np.maximum(peaks, 1e-9)), 2 * look + 1)
    return channels * uniform_filter1d(lowest, look)
