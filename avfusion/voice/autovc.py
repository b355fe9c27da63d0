"""The engine `autovc`: AutoVC (K. Qian et al., ICML 2019) with the user's `.ckpt` files, for comparison.

Zero-shot: the target is whoever speaks in the reference. Pitch is left to the network, as in the paper. Its spectra
become sound by Griffin-Lim instead of the authors' WaveNet (see `autovc_mel`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avfusion.clip import Sound
from avfusion.errors import NothingFound, UsageError
from avfusion.voice import Reference, Target
from avfusion.voice.autovc_file import AutoVcModel
from avfusion.voice.autovc_mel import RATE_HZ, mel_of, wave_of
from avfusion.voice.layers import Tensor
from avfusion.voice.one_channel import Wave, as_played, heard
from avfusion.voice.pauses import keep_pauses
from avfusion.voice.pitch import HOP_S, f0_hz

_CROPS, _CROP_FRAMES = 10, 128
_SHORTEST_VOICE_S = 0.5


@dataclass(frozen=True, eq=False)
class AutoVc:
    """Both networks, ready to convert."""

    model: AutoVcModel

    name = "autovc"

    def convert(self, sound: Sound, target: Target, *, semitones: float = 0.0, seed: int = 0) -> Sound:
        """As `VoiceEngine.convert` says. The network makes the pitch itself: UsageError for semitones other than 0."""
        import torch

        if not isinstance(target, Reference) or not target.recordings:
            raise UsageError("The engine 'autovc' needs a recording of the target speaking.")
        if semitones:
            raise UsageError("The engine 'autovc' makes the pitch itself, and cannot move it by semitones.")
        wave = heard(sound, RATE_HZ)
        if not wave.any():
            return sound
        spoken = _spoken(target)
        mel = torch.from_numpy(mel_of(wave, seed=seed))
        said = self.model.convert(mel, self._voice(wave, seed), self._voice(spoken, seed))
        out = wave_of(said.cpu().numpy().clip(0, 1), count=wave.size, seed=seed)
        return keep_pauses(as_played(out, RATE_HZ, sound), sound)

    def _voice(self, wave: Wave, seed: int) -> Tensor:
        """Mean over ten crops of two seconds, evenly spread over the sound; the whole of it if it is shorter."""
        import torch

        mel = mel_of(wave, seed=seed)
        starts = np.linspace(0, max(0, len(mel) - _CROP_FRAMES), _CROPS).round().astype(int)
        return self.model.voice(torch.from_numpy(np.stack([mel[start : start + _CROP_FRAMES] for start in starts])))


def _spoken(target: Reference) -> Wave:
    """All recordings one after the other, at 16 kHz. Raises NothingFound where next to nothing in them has a pitch."""
    wave = np.concatenate([heard(recording, RATE_HZ) for recording in target.recordings])
    voiced_s = np.count_nonzero(f0_hz(wave, "dio", count=round(wave.size / RATE_HZ / HOP_S))) * HOP_S
    if voiced_s < _SHORTEST_VOICE_S:
        raise NothingFound("There is no voice in the recording of the target. Give one in which the target speaks.")
    return wave
