"""The engine `so-vits`: a voice that a user has trained with so-vits-svc-fork, with the pauses left as they are.

The networks and their inference are those of the package so-vits-svc-fork 4.0; what it does around them (digital zeros
in pauses, pieces put together without a fade) is done anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from avfusion.clip import Sound
from avfusion.errors import NothingFound, UsageError
from avfusion.voice import Speaker, Target
from avfusion.voice.one_channel import Wave, as_played, heard
from avfusion.voice.pitch import RMVPE
from avfusion.voice.so_vits_files import SoVitsFiles, load_svc, silent
from avfusion.voice.so_vits_pitch import follow_by_rmvpe

if TYPE_CHECKING:
    from avfusion.voice.rmvpe import Rmvpe

F0Method = Literal["dio", "harvest", "parselmouth", "crepe-tiny", "crepe", "rmvpe"]

# The quickest of the fork's own, where only the number of its frames is asked for.
_HOW_MANY: F0Method = "dio"
_PAUSE_DB = 40
# The fork calls speech what is loud beside the rest; where nothing reaches -60 dBFS, there is none.
_SILENT = 1e-3
_PAD_S = 0.5
_WINDOW_S = 0.5
_LONGEST_S = 40.0
_FADE_S = 0.01
# The fork's lowest voice, which sets how short a window for silence may be.
_LOWEST_HZ = 50


@dataclass(frozen=True)
class SoVitsSettings:
    """How a so-vits voice is used.

    predict_f0: the network makes the melody itself (for speech, never for singing). cluster_ratio: 0..1, how far the
    k-means pulls towards the target's sounds. noise: how much the prior may vary.
    """

    f0_method: F0Method = "dio"
    predict_f0: bool = False
    cluster_ratio: float = 0.0
    noise: float = 0.4


class SoVits:
    """A loaded model. rate_hz: the rate that it works at. speakers: those that it knows."""

    name = "so-vits"

    def __init__(self, svc: Any, settings: SoVitsSettings | None = None, rmvpe: Rmvpe | None = None) -> None:
        self._svc = svc
        self._settings = settings or SoVitsSettings()
        if self._settings.f0_method == RMVPE:
            follow_by_rmvpe(svc, rmvpe)
            self._settings = replace(self._settings, f0_method=_HOW_MANY)
        self.rate_hz: int = svc.target_sample
        self.speakers: tuple[str, ...] = tuple(svc.spk2id.keys())

    def convert(self, sound: Sound, target: Target, *, semitones: float = 0.0, seed: int = 0) -> Sound:
        """As `VoiceEngine.convert`. Where the fork finds speech, it is what the fork makes of it with this seed; pauses
        are those of `sound`. Raises UsageError also for clusters that the speaker has not."""
        import torch

        speaker = self._speaker(target)
        source = heard(sound, self.rate_hz)
        stretches = self._spoken(source)
        if not stretches:
            return sound
        out = source.copy()
        torch.manual_seed(seed)
        for start, end in stretches:
            self._place(out, self._infer(source[start:end], speaker, semitones), start, end)
        return as_played(out, self.rate_hz, sound)

    def _speaker(self, target: Target) -> str:
        if not isinstance(target, Speaker):
            raise UsageError(
                "so-vits speaks with the voices of its model file; name one of them instead of a recording."
            )
        speaker = target.name or self.speakers[0]
        if speaker not in self.speakers:
            raise UsageError(f"{speaker}: the model has no such speaker. It has {', '.join(self.speakers)}.")
        if self._settings.cluster_ratio and speaker not in getattr(self._svc, "cluster_model", {}):
            raise UsageError(f"{speaker}: there is no k-means for this speaker. Set the cluster ratio to 0.")
        return speaker

    def _spoken(self, piece: Wave) -> Sequence[tuple[int, int]]:
        """(start, end) of each stretch that the fork would convert as one."""
        from so_vits_svc_fork.inference.core import split_silence

        if np.abs(piece).max(initial=0.0) < _SILENT:
            return ()
        hop = int(min(self.rate_hz / _LOWEST_HZ * 20 + 1, _WINDOW_S * self.rate_hz)) // 2
        chunks = split_silence(
            piece, top_db=_PAUSE_DB, frame_length=2 * hop, hop_length=hop, ref=np.max,
            max_chunk_length=int(_LONGEST_S * self.rate_hz),
        )  # fmt: skip
        return [(chunk.start, chunk.end) for chunk in chunks if chunk.is_speech]

    def _infer(self, spoken: Wave, speaker: str, semitones: float) -> Wave:
        """The stretch converted, with what the network makes of the half second of silence on either side."""
        settings, silence = self._settings, np.zeros(self._pad, np.float32)
        try:
            with silent():
                found, _ = self._svc.infer(
                    speaker, semitones, np.concatenate([silence, spoken, silence]),
                    cluster_infer_ratio=settings.cluster_ratio, auto_predict_f0=settings.predict_f0,
                    noise_scale=settings.noise, f0_method=settings.f0_method,
                )  # fmt: skip
        except SystemExit as error:  # the fork's answer to a melody that is not a number
            raise NothingFound("the voice model made no melody of this sound; leave predict_f0 off") from error
        sound: Wave = found.cpu().numpy()
        if not np.isfinite(sound).all():
            raise NothingFound("the voice model made no sound of this; its weights are broken")
        return sound

    @property
    def _pad(self) -> int:
        return int(self.rate_hz * _PAD_S)

    def _place(self, out: Wave, sound: Wave, start: int, end: int) -> None:
        """Puts a converted stretch over out[start:end], and fades it into what is beside it at equal power."""
        lead = (len(sound) - (end - start)) // 2
        out[start:end] = sound[lead : lead + end - start]
        fade = min(int(_FADE_S * self.rate_hz), lead, len(sound) - lead - (end - start))
        rise = np.sin(np.pi / 2 * (np.arange(fade, dtype=np.float32) + 0.5) / max(fade, 1)).astype(np.float32)
        before = slice(max(0, start - fade), start)
        count = before.stop - before.start
        if count:
            up = rise[fade - count :]
            out[before] = out[before] * up[::-1] + sound[lead - count : lead] * up
        after = slice(end, min(len(out), end + fade))
        count = after.stop - after.start
        if count:
            down = rise[::-1][:count]
            out[after] = out[after] * rise[:count] + sound[lead + end - start : lead + end - start + count] * down


def load_so_vits(
    files: SoVitsFiles,
    *,
    encoder: Path,
    device: str,
    settings: SoVitsSettings | None = None,
    rmvpe: Rmvpe | None = None,
) -> SoVits:
    """The engine with a user's model. encoder: folder of the content encoder (ContentVec). rmvpe: for the pitch method
    of that name. Raises CannotRead."""
    return SoVits(load_svc(files, encoder, device), settings, rmvpe)
