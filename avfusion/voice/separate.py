"""A voice apart from the music and noise behind it, with nothing learnt: pieces in, pieces with a mask out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from avfusion.errors import InputError
from avfusion.media.audio import Samples
from avfusion.media.store import StoredSound, store
from avfusion.voice.separate_mask import Frames, voice_share

# Long enough for music to come back a few times; two neighbours have this much in common.
_PIECE_S, _OVERLAP_S = 24.0, 2.0
_SHORTEST_S = 3.0


def voice_of(sound: StoredSound, path: Path) -> StoredSound:
    """The voice in `sound`, as many samples as it, written to `path`; `sound` minus it is the background.

    All channels are masked alike, so that what stood left stands left. A recording whose pauses are quiet is voice as
    a whole, and so is sound under 3 s. Other people's voices are not told apart, nor is music that never comes back.
    Works on 24 s at a time. Raises InputError (samples that are no numbers), CannotWrite, EngineNotReady.
    """
    return store(path, _faded(sound), channels=sound.channels, rate_hz=sound.rate_hz)


def _faded(sound: StoredSound) -> Iterator[Samples]:
    """Piece after piece, faded into each other. Both are the same sound masked, so that the fades add up to 1."""
    piece, overlap = round(_PIECE_S * sound.rate_hz), round(_OVERLAP_S * sound.rate_hz)
    step = piece - overlap
    rise = (np.arange(overlap, dtype=np.float32) + 0.5) / overlap
    tail: Samples | None = None
    for start in range(0, max(sound.count - overlap, 1), step):
        is_last = start + step >= sound.count - overlap
        # The last piece looks back: what is left may be too short to repeat itself.
        begin = max(0, min(start, sound.count - piece)) if is_last else start
        voice = _voice(sound.read(begin, sound.count if is_last else start + piece), sound.rate_hz)[:, start - begin :]
        if tail is not None:
            voice[:, :overlap] = tail * (1 - rise) + voice[:, :overlap] * rise
        if is_last:
            yield voice
            return
        tail = voice[:, step:].copy()
        yield voice[:, :step]


def _voice(samples: Samples, rate_hz: int) -> Samples:
    """The voice in one piece [channels, n], by one mask for all channels."""
    if not np.isfinite(samples).all():
        raise InputError("The sound has samples that are no numbers. Save the recording anew, and give that.")
    if samples.shape[1] < _SHORTEST_S * rate_hz:
        return samples.copy()
    frames = Frames.at(rate_hz)
    share = voice_share(frames, samples)
    if (share == 1).all():
        return samples.copy()
    voice = np.empty_like(samples)
    for channel, wave in enumerate(samples):
        voice[channel] = frames.sound(share * frames.spectra(wave), samples.shape[1])
    return voice
