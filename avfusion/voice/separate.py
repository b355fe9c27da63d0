"""The separator `repet-sim`: a voice apart from the music and noise behind it, with nothing learnt."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from avfusion.media.audio import Samples
from avfusion.media.store import StoredSound, store
from avfusion.voice.separate_mask import Frames, voice_share
from avfusion.voice.separate_pieces import Tell, in_pieces

# Long enough for music to come back a few times; two neighbours have this much in common.
_PIECE_S, _OVERLAP_S = 24.0, 2.0
_SHORTEST_S = 3.0


class RepetSim:
    """As `avfusion.voice.separate_mask` says.

    All channels are masked alike, so that what stood left stands left. A recording with nothing behind its voice is
    voice as a whole, and so is sound under 3 s. Other people's voices are not told apart, nor is music that never
    comes back. Works on 24 s at a time.
    """

    name = "repet-sim"

    def voice_of(self, sound: StoredSound, path: Path, *, tell: Tell | None = None) -> StoredSound:
        """As `Separator.voice_of` says. Raises EngineNotReady too."""

        def voice(samples: Samples) -> Samples:
            return _voice(samples, sound.rate_hz)

        pieces = in_pieces(sound, voice, piece_s=_PIECE_S, overlap_s=_OVERLAP_S, tell=tell)
        return store(path, pieces, channels=sound.channels, rate_hz=sound.rate_hz)


def _voice(samples: Samples, rate_hz: int) -> Samples:
    """The voice in one piece [channels, n], by one mask for all channels."""
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
