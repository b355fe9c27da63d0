"""How loud a sound is (EBU R 128), one sound made as loud as another, and no peak above what players can take."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import av
import av.error
import numpy as np
from numpy.typing import NDArray

from avfusion.media.audio import LAYOUTS, Samples
from avfusion.media.store import BLOCK_SAMPLES, StoredSound

SILENCE_LUFS = -70.0
"""Below this, R 128 counts nothing."""

PEAK_DBTP = -1.0
"""The highest true peak that R 128 allows."""

_LOOK_S = 0.005
_OVERSAMPLED = 4
# Filters of the oversampling reach this many samples to either side.
_REACH = 32
_MOST_GAIN_DB = 20.0


@dataclass(frozen=True)
class Loudness:
    """lufs: integrated loudness; -70 or less where nothing is loud enough to count. true_peak_db: in dBTP."""

    lufs: float
    true_peak_db: float

    @property
    def is_silent(self) -> bool:
        return self.lufs <= SILENCE_LUFS


def measure(sound: StoredSound) -> Loudness:
    """Integrated loudness and true peak by ITU-R BS.1770, through FFmpeg's `ebur128`, block by block."""
    graph = av.filter.Graph()
    layout = LAYOUTS[sound.channels]
    rate = Fraction(1, sound.rate_hz)
    source = graph.add_abuffer(sample_rate=sound.rate_hz, format="fltp", layout=layout, time_base=rate)
    meter, sink = graph.add("ebur128", "metadata=1:peak=true"), graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    loudness = Loudness(SILENCE_LUFS, -math.inf)
    place = 0
    for block in _whole_windows(sound):
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), format="fltp", layout=layout)
        frame.sample_rate, frame.time_base, frame.pts = sound.rate_hz, rate, place
        place += block.shape[1]
        graph.push(frame)
        loudness = _last_said(graph, loudness)
    graph.push(None)
    return _last_said(graph, loudness)


def _whole_windows(sound: StoredSound) -> Iterator[Samples]:
    """Loudness is taken over windows of 400 ms: a shorter sound is followed by silence."""
    yield from sound.blocks()
    yield np.zeros((sound.channels, max(1, round(0.5 * sound.rate_hz))), np.float32)


def _last_said(graph: av.filter.Graph, before: Loudness) -> Loudness:
    said = before
    while True:
        try:
            frame = graph.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return said
        facts = frame.metadata
        if "lavfi.r128.I" in facts:
            peak = float(facts["lavfi.r128.true_peak"])
            said = Loudness(float(facts["lavfi.r128.I"]), 20 * math.log10(peak) if peak > 0 else -math.inf)


def gain_between(source: Loudness, result: Loudness) -> float:
    """The factor that makes the result as loud as the source, at most 20 dB up; 1 where the result is silent. Of what
    was silent nothing becomes audible."""
    if result.is_silent:
        return 1.0
    return float(10 ** (min(max(source.lufs, SILENCE_LUFS) - result.lufs, _MOST_GAIN_DB) / 20))


def limited(sound: StoredSound, gain: float, *, peak_db: float = PEAK_DBTP) -> Iterable[Samples]:
    """The sound times `gain`, turned down for moments around what would peak above `peak_db` dBTP; block by block.

    The gain falls 5 ms before a peak and rises again 5 ms after it, all channels alike, so that nothing clicks and
    nothing moves in time.
    """
    look = max(1, round(_LOOK_S * sound.rate_hz))
    margin = 2 * look + _REACH
    ceiling = 10 ** (peak_db / 20)
    for start in range(0, sound.count, BLOCK_SAMPLES):
        stop = min(start + BLOCK_SAMPLES, sound.count)
        wide = sound.read(start - margin, stop + margin) * np.float32(gain)
        inner = slice(margin, margin + stop - start)
        yield (wide * _turned_down(wide, ceiling, look))[:, inner]


def _turned_down(samples: Samples, ceiling: float, look: int) -> NDArray[np.float32]:
    """[n]: factors up to 1 that keep every peak below the ceiling, smooth over `look` samples to either side."""
    from scipy.ndimage import minimum_filter1d
    from scipy.signal import resample_poly

    if np.abs(samples).max(initial=0.0) < ceiling / 2:  # between samples it cannot reach twice as far
        return np.ones(samples.shape[1], np.float32)
    between = np.abs(resample_poly(samples, _OVERSAMPLED, 1, axis=1)).max(axis=0)
    peaks = np.maximum(between.reshape(-1, _OVERSAMPLED).max(axis=1), np.abs(samples).max(axis=0))
    # A peak may lie between this sample and the one before it.
    peaks = np.maximum(peaks, np.roll(peaks, 1))
    wanted = np.minimum(1.0, ceiling / np.maximum(peaks, 1e-9))
    lowest = minimum_filter1d(wanted, 2 * look + 1, mode="nearest")
    window = np.hanning(2 * look + 3)[1:-1]
    smooth = np.convolve(np.pad(lowest, look, mode="edge"), window / window.sum(), mode="valid")
    return smooth.astype(np.float32)
