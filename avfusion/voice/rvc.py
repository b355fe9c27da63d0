"""The engine `rvc`: a voice that RVC (v1 or v2) has learnt, from the user's `.pth` and, if there is one, its `.index`.

What is said (features of ContentVec) and the pitch go through the voice's network 100 times a second. Written from the
layout of the checkpoints; length, times and pauses are those of the source, which RVC itself does not keep.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Sound
from avfusion.errors import UsageError
from avfusion.voice import Speaker, Target
from avfusion.voice.content import HOP, RATE_HZ, WINDOW, ContentEncoder
from avfusion.voice.layers import Tensor
from avfusion.voice.one_channel import Wave, as_played, heard, resampled
from avfusion.voice.pauses import keep_pauses
from avfusion.voice.pitch import HIGHEST_HZ, LOWEST_HZ, check_method, f0_hz
from avfusion.voice.rvc_config import FRAMES_A_SECOND, PITCH_BINS
from avfusion.voice.rvc_file import RvcVoice
from avfusion.voice.rvc_index import RvcIndex

if TYPE_CHECKING:
    from avfusion.voice.rmvpe import Rmvpe

# Attention needs memory that grows with the square of the time.
_LONGEST_S = 60.0
# Around each piece, mirrored: the networks look to both sides. A whole number of content frames.
_MARGIN = RATE_HZ
_HALF_FRAME = RATE_HZ // 200
_LOW_CUT_HZ, _LOW_CUT_ORDER = 48.0, 5
_ENVELOPE_S = 0.5
_QUIETEST = 1e-6
# What the network hardly says is not made loud.
_MOST_GAIN = 10.0


@dataclass(frozen=True)
class RvcSettings:
    """pitch: the method that follows the pitch (one of `pitch.METHODS`, or rmvpe).
    index_rate: 0..1, how far features are drawn towards those of the index.
    protect: 0..0.5, how much of that is done where there is no pitch (consonants, breaths); 0.5: as much as elsewhere.
    own_loudness: 0..1, how much of the loudness over time is the network's own, the rest is the source's. RVC calls it
    rms_mix_rate.
    """

    pitch: str = "harvest"
    index_rate: float = 0.75
    protect: float = 0.33
    own_loudness: float = 0.25

    def __post_init__(self) -> None:
        check_method(self.pitch)
        for name, most in (("index_rate", 1.0), ("protect", 0.5), ("own_loudness", 1.0)):
            if not 0 <= getattr(self, name) <= most:
                raise UsageError(f"{name} is {getattr(self, name)}; it lies between 0 and {most:g}.")


@dataclass(frozen=True, eq=False)
class Rvc:
    """A voice and what it needs, ready to convert. Cheap to make anew with other settings.

    Raises UsageError where the parts do not fit: features or an index of another size than the voice takes.
    """

    voice: RvcVoice
    content: ContentEncoder
    index: RvcIndex | None = None
    settings: RvcSettings = field(default_factory=RvcSettings)
    rmvpe: Rmvpe | None = None

    name = "rvc"

    def __post_init__(self) -> None:
        wanted, made = self.voice.config.features, self.content.size(projected=self._projected)
        if made != wanted:
            raise UsageError(
                f"{self.content.folder}: gives {made} features and {self.voice.path} takes {wanted}. Give a ContentVec."
            )
        if self.index is not None and self.index.size != wanted:
            raise UsageError(
                f"{self.index.path}: holds {self.index.size} features and {self.voice.path} takes {wanted}. Give the "
                "index that belongs to the voice."
            )

    @property
    def _projected(self) -> bool:
        return self.voice.config.version == "v1"

    def convert(self, sound: Sound, target: Target, *, semitones: float = 0.0, seed: int = 0) -> Sound:
        """As `VoiceEngine.convert` says; target: a speaker by its number in the file. A voice without pitch (f0) gives
        every sentence a melody of its own and cannot be moved: UsageError for semitones other than 0."""
        speaker = self._speaker(target)
        if semitones and not self.voice.config.follows_pitch:
            raise UsageError(f"{self.voice.path}: this voice follows no pitch, and cannot be moved by semitones.")

        wave = heard(sound, RATE_HZ)
        if wave.size > _LONGEST_S * RATE_HZ:
            raise UsageError(f"The engine 'rvc' takes up to {_LONGEST_S:g} s at once. Cut longer sound into blocks.")
        if not wave.any():
            return sound
        said = self._spoken(wave, speaker=speaker, semitones=semitones, seed=seed)
        return keep_pauses(as_played(said, self.voice.config.rate_hz, sound), sound)

    def _speaker(self, target: Target) -> int:
        if not isinstance(target, Speaker):
            raise UsageError("The engine 'rvc' takes a voice from a model file, and no recordings of a target.")
        speakers = self.voice.config.speakers
        number = int(target.name) if target.name.isdecimal() else (0 if not target.name else speakers)
        if number >= speakers:
            raise UsageError(
                f"{self.voice.path}: has no speaker '{target.name}'. Take a number from 0 to {speakers - 1}."
            )
        return number

    def _spoken(self, wave: Wave, *, speaker: int, semitones: float, seed: int) -> Wave:
        """[n] at 16 kHz -> the same at the voice's rate."""
        import torch

        config, network = self.voice.config, self.voice.network
        clean, frames = _with_margins(wave)
        # The network holds each value for 10 ms: it is measured in their middle, or the melody comes 5 ms late.
        middles, method = clean[_HALF_FRAME:], self.settings.pitch
        pitch = f0_hz(middles, method, count=2 * frames, device=str(network.device), rmvpe=self.rmvpe)
        raw = self.content.features(clean, projected=self._projected).repeat_interleave(2, dim=0)
        features = self._drawn_to_voice(raw, is_voiced=pitch > 0)
        moved = pitch * 2 ** (semitones / 12)
        f0 = torch.from_numpy(moved.astype(np.float32))[None]
        bins = torch.from_numpy(pitch_bins(moved))[None]
        dice = torch.Generator().manual_seed(seed)
        said = network.speak(features[None], bins, f0, speaker=speaker, dice=dice)[0, 0].float().cpu().numpy()
        first = _MARGIN * config.rate_hz // RATE_HZ
        said = said[first : first + -(-wave.size * config.rate_hz // RATE_HZ)]
        return _as_loud(said, config.rate_hz, wave, own=self.settings.own_loudness)

    def _drawn_to_voice(self, raw: Tensor, is_voiced: NDArray[np.bool_]) -> Tensor:
        """Features mixed with their nearest in the index, less so where there is no pitch."""
        import torch

        if self.index is None or self.settings.index_rate == 0:
            return raw
        # Both frames of a pair are alike: one is searched for.
        near = torch.from_numpy(self.index.nearest(raw[::2].cpu().numpy())).repeat_interleave(2, dim=0).to(raw)
        share = np.where(is_voiced | (self.settings.protect >= 0.5), 1.0, self.settings.protect)
        rate = torch.from_numpy(self.settings.index_rate * share).to(raw)[:, None]
        return near * rate + raw * (1 - rate)


def _with_margins(wave: Wave) -> tuple[Wave, int]:
    """Low rumble taken out, mirrored by a second to both sides, and so much more that `frames` content frames fit."""
    from scipy.signal import butter, sosfiltfilt

    frames = -(-(wave.size + 2 * _MARGIN) // HOP)
    after = frames * HOP + WINDOW - HOP - wave.size - _MARGIN
    mirrored = np.pad(wave, (_MARGIN, after), mode="reflect" if wave.size > 1 else "edge")
    filter_ = butter(_LOW_CUT_ORDER, _LOW_CUT_HZ, "highpass", fs=RATE_HZ, output="sos")
    return np.asarray(sosfiltfilt(filter_, mirrored.astype(np.float64)), np.float32), frames


def pitch_bins(f0: NDArray[np.float64]) -> NDArray[np.int64]:
    """Pitch in Hz -> 1..255, evenly on the mel scale from 50 to 1100 Hz; 1 where there is none."""
    lowest, highest = _mel(np.array([LOWEST_HZ, HIGHEST_HZ]))
    place = (_mel(f0) - lowest) * (PITCH_BINS - 2) / (highest - lowest) + 1
    return np.rint(place.clip(1, PITCH_BINS - 1)).astype(np.int64)


def _mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1127 * np.log1p(hz / 700)


def _as_loud(said: Wave, rate_hz: int, source: Wave, *, own: float) -> Wave:
    """`said` with the loudness over time of `source` at 16 kHz, `own` of it its own; silence where that is silent."""
    if own == 1:
        return said
    # What lies above the source's band does not count.
    theirs, mine = _envelope(source), _envelope(resampled(said, rate_hz, RATE_HZ))
    count = min(theirs.size, mine.size)
    gain = np.minimum(theirs[:count] / np.maximum(mine[:count], _QUIETEST), _MOST_GAIN) ** (1 - own)
    middles = (np.arange(count) + 0.5) * rate_hz / FRAMES_A_SECOND
    return np.asarray(said * np.interp(np.arange(said.size), middles, gain), np.float32)


def _envelope(wave: Wave) -> NDArray[np.float64]:
    """Root mean square over half a second around each frame, at 16 kHz."""
    from scipy.ndimage import uniform_filter1d

    step = RATE_HZ // FRAMES_A_SECOND
    frames = max(1, -(-wave.size // step))
    power = (
        np.square(np.pad(wave, (0, frames * step - wave.size)).astype(np.float64)).reshape(frames, step).mean(axis=1)
    )
    smooth = uniform_filter1d(power, round(_ENVELOPE_S * FRAMES_A_SECOND), mode="nearest")
    return np.sqrt(np.maximum(smooth, 0))
