"""Who speaks when: stretches of speech put together by how their voices sound, with nothing learnt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Sound
from avfusion.media.store import StoredSound
from avfusion.voice.one_channel import Wave, heard
from avfusion.voice.pitch import HOP_S, RATE_HZ, f0_hz

_BLOCK_S = 60
_FRAME, _BANDS, _BAND_HZ = 512, 40, (60, 7600)

# Speech is this far below the loud parts at most, and its voices are heard in what is louder still.
_SPEECH_DB, _CLEAR_DB = 35.0, 25.0
_PAUSE_S, _SHORTEST_S = 0.3, 0.1
# A stretch is looked at through windows that overlap by half; one that holds less of a voice says nothing.
_WINDOW_S, _LEAST_VOICED_S = 2.0, 0.15

# Mean cepstra of one voice differ from window to window by about 2.5 / k^0.55, and its middle pitch by 2 semitones;
# the pitch counts for more than one of 19. Measured on five speakers.
_CEPSTRA = np.arange(1, 20)
_SPREAD, _SPREAD_SEMITONES, _PITCH_WEIGHT = 2.5 * _CEPSTRA**-0.55, 2.0, 1.5
# In these units: what is put together in any case, by Ward's criterion, and what is one voice by its mean.
_SURELY_ONE, _APART = 22.0, 4.6
_COMPARED_AT_MOST = 2000


@dataclass(frozen=True)
class Turn:
    """speaker: from 1, the one who speaks most first."""

    start_s: float
    end_s: float
    speaker: int


@dataclass(frozen=True, eq=False)
class _Window:
    """voice: [20] cepstra and pitch; None where too little is voiced. middle_s, on the sound's clock."""

    middle_s: float
    voice: NDArray[np.float64] | None


@dataclass(frozen=True, eq=False)
class _Stretch:
    """Speech between two pauses. quiet: level in dB every 10 ms."""

    start_s: float
    windows: tuple[_Window, ...]
    quiet: NDArray[np.float32]

    @property
    def end_s(self) -> float:
        return self.start_s + HOP_S * len(self.quiet)


def who_speaks(sound: StoredSound) -> tuple[Turn, ...]:
    """Turns in order; pauses of 0.3 s and more lie in none. Nobody speaks in silence: ().

    Two voices are told apart where each speaks for some ten seconds in all; who says less may be taken for another, as
    may two voices that are much alike. Where two speak at once, one turn says who is heard more. Reads a minute at a
    time. Raises InputError (samples that are no numbers).
    """
    stretches = [stretch for start, wave in _blocks(sound) for stretch in _stretches(wave, start)]
    voices = [window.voice for stretch in stretches for window in stretch.windows if window.voice is not None]
    if not voices:
        return ()
    middles = _voices_apart(np.stack(voices))
    turns = _joined([turn for stretch in stretches for turn in _turns(stretch, middles)])
    spoken = np.bincount([turn.speaker for turn in turns], [turn.end_s - turn.start_s for turn in turns])
    rank = np.argsort(np.argsort(-spoken, kind="stable"))
    end_s = float(sound.duration_s)
    return tuple(
        Turn(round(turn.start_s, 3), round(min(turn.end_s, end_s), 3), int(rank[turn.speaker]) + 1) for turn in turns
    )


def _blocks(sound: StoredSound) -> Iterator[tuple[float, Wave]]:
    """(start in s, samples at 16 kHz), a minute at a time."""
    size = _BLOCK_S * sound.rate_hz
    for start, block in enumerate(sound.blocks(size)):
        yield float(start * _BLOCK_S), heard(Sound(block, sound.rate_hz), RATE_HZ)


def _stretches(wave: Wave, start_s: float) -> Iterator[_Stretch]:
    cepstra, level_db = _cepstra(wave)
    if not len(level_db) or not wave.any():
        return
    f0 = f0_hz(wave, "parselmouth", count=len(level_db))
    top = float(np.percentile(level_db, 95))
    clear = (f0 > 0) & (level_db > top - _CLEAR_DB)
    for first, last in _spoken(level_db > top - _SPEECH_DB):
        windows = []
        for begin, end in _windows(first, last):
            inside = clear[begin:end]
            voice = None
            if inside.sum() * HOP_S >= _LEAST_VOICED_S:
                pitch = _PITCH_WEIGHT / _SPREAD_SEMITONES * 12 * np.median(np.log2(f0[begin:end][inside]))
                voice = np.append(cepstra[begin:end][inside].mean(axis=0) / _SPREAD, pitch)
            windows.append(_Window(start_s + HOP_S * (begin + end) / 2, voice))
        yield _Stretch(start_s + HOP_S * first, tuple(windows), level_db[first:last])


def _cepstra(wave: Wave) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Mel-frequency cepstra 1 to 19 [n, 19] (S. Davis and P. Mermelstein, 1980) and level in dB [n], every 10 ms."""
    import librosa
    from scipy.fft import dct

    hop = round(HOP_S * RATE_HZ)
    count = len(wave) // hop
    if not count:
        return np.zeros((0, len(_CEPSTRA))), np.zeros(0, np.float32)
    low, high = _BAND_HZ
    bands = librosa.feature.melspectrogram(
        y=wave, sr=RATE_HZ, n_fft=_FRAME, hop_length=hop, n_mels=_BANDS, fmin=low, fmax=high, pad_mode="constant"
    )[:, :count]
    cepstra = dct(np.log(bands + 1e-8), axis=0, norm="ortho")[_CEPSTRA]
    return np.asarray(cepstra.T, np.float64), np.asarray(10 * np.log10(bands.sum(axis=0) + 1e-10), np.float32)


def _spoken(loud: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """(first, last) of stretches of frames without a pause."""
    from scipy.ndimage import binary_closing, binary_opening

    pause = round(_PAUSE_S / HOP_S)
    closed = binary_closing(np.pad(loud, pause), np.ones(pause))[pause:-pause]
    kept = binary_opening(closed, np.ones(round(_SHORTEST_S / HOP_S)))
    edges = np.flatnonzero(np.diff(kept.astype(int), prepend=0, append=0))
    return [(int(first), int(last)) for first, last in edges.reshape(-1, 2)]


def _windows(first: int, last: int) -> list[tuple[int, int]]:
    """The stretch as overlapping windows; as one where it is short."""
    size = round(_WINDOW_S / HOP_S)
    count = max(1, round(2 * (last - first) / size) - 1)
    begins = np.linspace(first, max(first, last - size), count).round().astype(int)
    return [(int(begin), min(int(begin) + size, last)) for begin in begins]


def _voices_apart(voices: NDArray[np.float64]) -> NDArray[np.float64]:
    """[speakers, 20] the mean of each voice in windows [n, 20].

    Ward's clustering (1963) as far as it is sure of telling two apart; it splits a long recording of one voice too, so
    that clusters with means near each other become one again.
    """
    if len(voices) > _COMPARED_AT_MOST:
        voices = voices[np.linspace(0, len(voices) - 1, _COMPARED_AT_MOST).astype(int)]
    labels = _clustered(voices, "ward", _SURELY_ONE)
    labels = _clustered(_means(voices, labels), "average", _APART)[labels]
    return _means(voices, labels)


def _clustered(points: NDArray[np.float64], linkage: str, threshold: float) -> NDArray[np.intp]:
    """[n] labels from 0."""
    from sklearn.cluster import AgglomerativeClustering

    if len(points) < 2:
        return np.zeros(len(points), np.intp)
    found = AgglomerativeClustering(n_clusters=None, distance_threshold=threshold, linkage=linkage)
    return np.asarray(found.fit_predict(points), np.intp)


def _means(voices: NDArray[np.float64], labels: NDArray[np.intp]) -> NDArray[np.float64]:
    return np.stack([voices[labels == label].mean(axis=0) for label in range(labels.max() + 1)])


def _turns(stretch: _Stretch, middles: NDArray[np.float64]) -> list[Turn]:
    """The turns in one stretch: a change lies where it is quietest between the middles of two windows."""
    heard_windows = [window for window in stretch.windows if window.voice is not None]
    if not heard_windows:
        return []
    voices = np.stack([window.voice for window in heard_windows if window.voice is not None])
    nearest = np.square(voices[:, None] - middles).sum(axis=2).argmin(axis=1)
    for place in range(1, len(nearest) - 1):
        if nearest[place - 1] == nearest[place + 1]:
            nearest[place] = nearest[place - 1]
    turns, begin_s = [], stretch.start_s
    for change in np.flatnonzero(np.diff(nearest)).tolist():
        first, last = (round((heard_windows[at].middle_s - stretch.start_s) / HOP_S) for at in (change, change + 1))
        change_s = stretch.start_s + HOP_S * (first + int(stretch.quiet[first : last + 1].argmin()))
        turns.append(Turn(begin_s, change_s, int(nearest[change])))
        begin_s = change_s
    return [*turns, Turn(begin_s, stretch.end_s, int(nearest[-1]))]


def _joined(turns: list[Turn]) -> list[Turn]:
    """One turn for two of the same speaker without a pause between them: stretches are cut every minute."""
    joined: list[Turn] = []
    for turn in turns:
        if joined and turn.speaker == joined[-1].speaker and turn.start_s - joined[-1].end_s < _PAUSE_S:
            joined[-1] = replace(joined[-1], end_s=turn.end_s)
        else:
            joined.append(turn)
    return joined
