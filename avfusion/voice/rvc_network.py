"""An RVC voice as a network: content and pitch -> sound of one of its speakers.

sound = network.speak(phone, pitch, f0_hz, speaker=0, dice=torch.Generator().manual_seed(0))
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from avfusion.voice.layers import Tensor, Weights
from avfusion.voice.rvc_config import RvcConfig
from avfusion.voice.rvc_decoder import decode, sine_source
from avfusion.voice.rvc_encoder import encode, spoken_by

NOISE = 0.66666
"""How much of the latent's own deviation is drawn."""


@dataclass(frozen=True, eq=False)
class RvcNetwork:
    """Weights (float32, on one device) under the names of their checkpoint, and what is computed with them.

    T is the number of frames, 100 a second. Frame t makes the samples t * hop to (t + 1) * hop - 1. `dice` draws all
    that is random, in a fixed order, on the CPU; None draws zeros. Arguments may lie on any device.
    """

    config: RvcConfig
    weights: Weights

    @property
    def device(self) -> Any:
        return self.weights["emb_g.weight"].device

    def prior(self, phone: Tensor, pitch: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log deviation [1, inter, T]. phone: [1, T, features]; pitch: int64 [1, T] in 1..255, not looked at
        by a voice that follows no pitch."""
        bins = pitch.to(self.device) if self.config.follows_pitch else None
        return encode(self.weights, self.config, phone.to(self.device), bins)

    def latent(self, mean: Tensor, log_deviation: Tensor, *, speaker: int, dice: Tensor | None) -> Tensor:
        """[1, inter, T] as this speaker, from what `prior` gave."""
        drawn = mean + log_deviation.exp() * _drawn(dice, mean.shape, mean) * NOISE
        return spoken_by(self.weights, self.config, drawn, self._speaker(speaker))

    def sound(self, latent: Tensor, f0_hz: Tensor, *, speaker: int, dice: Tensor | None) -> Tensor:
        """[1, 1, T * hop] in -1..1. f0_hz: [1, T], 0 where unvoiced, not looked at by a voice that follows no pitch."""
        source = None
        if self.config.follows_pitch:
            noise = _drawn(dice, (1, f0_hz.shape[1] * self.config.hop), latent)
            source = sine_source(f0_hz.to(latent), self.config, noise)
        return decode(self.weights, self.config, latent, self._speaker(speaker), source)

    def speak(self, phone: Tensor, pitch: Tensor, f0_hz: Tensor, *, speaker: int, dice: Tensor | None) -> Tensor:
        """All three, without a gradient: [1, 1, T * hop], on the network's device."""
        import torch

        with torch.inference_mode():
            mean, log_deviation = self.prior(phone, pitch)
            latent = self.latent(mean, log_deviation, speaker=speaker, dice=dice)
            return self.sound(latent, f0_hz, speaker=speaker, dice=dice)

    def _speaker(self, number: int) -> Tensor:
        return self.weights["emb_g.weight"][number][None, :, None]


def _drawn(dice: Tensor | None, shape: tuple[int, ...], like: Tensor) -> Tensor:
    import torch

    return like.new_zeros(shape) if dice is None else torch.randn(shape, generator=dice).to(like)
