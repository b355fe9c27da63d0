"""The pitch of a voice by RMVPE (H. Wei et al., Interspeech 2023), which was trained on singers with music behind them.

    follower = read_rmvpe("rmvpe.pt")
    f0 = follower.f0_hz(wave)

Written from the paper and the layout of the published weights: 100 log-mel spectra a second, 360 pitches of 20 cents.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avfusion.errors import CannotRead
from avfusion.voice.layers import Tensor, Weights
from avfusion.voice.model_file import as_weights, check_shapes, read_file
from avfusion.voice.one_channel import Wave
from avfusion.voice.rmvpe_network import BINS, RmvpeConfig, salience, tensor_shapes

RATE_HZ = 16_000
_WINDOW, _HOP = 1024, 160
_LOWEST_HZ, _HIGHEST_HZ = 30.0, 8000.0
_QUIETEST = 1e-5
# The lowest of the 360 pitches, in cents above 10 Hz: C1.
_FIRST_CENTS, _CENTS_A_BIN, _ZERO_HZ = 1997.3794084376191, 20.0, 10.0
_REACH = 4
_THRESHOLD = 0.03


@dataclass(frozen=True, eq=False)
class Rmvpe:
    """The network on its device."""

    config: RmvpeConfig
    weights: Weights

    name = "rmvpe"

    def f0_hz(self, wave: Wave) -> NDArray[np.float64]:
        """float64 [n // 160 + 1]: the pitch at 0, 10, 20, ... ms, 0 where there is none. wave: [n] at 16 kHz, n > 0."""
        import torch

        mel = log_mel(wave, self.config.mels)
        frames = len(mel)
        padded = np.pad(mel, ((0, -frames % self.config.step), (0, 0)), mode="reflect" if frames > 1 else "edge")
        with torch.inference_mode():
            heard = salience(self.weights, self.config, torch.from_numpy(padded)[None].to(self._device))
        return pitch_of(heard[0, :frames].cpu().numpy())

    @property
    def _device(self) -> Tensor:
        return self.weights["cnn.weight"].device


def read_rmvpe(path: Path | str, *, device: str = "cpu") -> Rmvpe:
    """The network in `rmvpe.pt`: a plain dictionary of tensors in half or full precision, whose shapes say its sizes.

    Nothing in the file is run. Raises CannotRead: damage, code in it, tensors missing or left over.
    """
    path = Path(path)
    weights = as_weights(path, read_file(path))
    config = _config_of(path, weights)
    check_shapes(path, weights, tensor_shapes(config), of="the network of RMVPE")
    return Rmvpe(config, {name: weight.to(device) for name, weight in weights.items()})


def _config_of(path: Path, weights: Weights) -> RmvpeConfig:
    def count(names: str) -> int:
        number = 0
        while names.format(number) in weights:
            number += 1
        return number

    try:
        return RmvpeConfig(
            mels=weights["fc.0.gru.weight_ih_l0"].shape[1] // 3,
            depth=count("unet.encoder.layers.{}.conv.0.conv.0.weight"),
            between=count("unet.intermediate.layers.{}.conv.0.conv.0.weight"),
            blocks=count("unet.encoder.layers.0.conv.{}.conv.0.weight"),
            channels=weights["unet.encoder.layers.0.conv.0.conv.0.weight"].shape[0],
            hidden=weights["fc.0.gru.weight_hh_l0"].shape[1],
        )
    except (KeyError, IndexError) as error:
        raise CannotRead(f"{path}: is not the network of RMVPE. Get it: avfusion engines pull rmvpe.") from error


def log_mel(wave: Wave, mels: int) -> NDArray[np.float32]:
    """[n] -> float32 [n // 160 + 1, mels]: logarithm of the magnitude in bands of area 1 on the scale of HTK."""
    half = _WINDOW // 2
    padded = np.pad(wave, half, mode="reflect" if len(wave) > 1 else "edge")
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_WINDOW) / _WINDOW)
    magnitude = np.abs(np.fft.rfft(frames * window, axis=1))
    return np.log(np.maximum(magnitude @ _bands(mels).T, _QUIETEST)).astype(np.float32)


def _bands(count: int) -> NDArray[np.float64]:
    """[count, 513]: triangles, each from the middle of the one before to the middle of the one after."""
    lowest, highest = 2595 * np.log10(1 + np.array([_LOWEST_HZ, _HIGHEST_HZ]) / 700)
    corners = 700 * (10 ** (np.linspace(lowest, highest, count + 2) / 2595) - 1)
    low, middle, high = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    hz = np.arange(_WINDOW // 2 + 1) * RATE_HZ / _WINDOW
    rising, falling = (hz - low) / (middle - low), (high - hz) / (high - middle)
    return np.maximum(0, np.minimum(rising, falling)) * 2 / (high - low)


def pitch_of(heard: NDArray[np.float32]) -> NDArray[np.float64]:
    """Salience [T, 360] -> Hz [T]: the mean of the nine pitches around the strongest, weighted by their salience; 0
    where none is above 0.03."""
    places = heard.argmax(axis=1)[:, None] + np.arange(-_REACH, _REACH + 1)
    shares = np.take_along_axis(heard.astype(np.float64), places.clip(0, BINS - 1), axis=1)
    shares[(places < 0) | (places >= BINS)] = 0
    is_voiced = heard.max(axis=1) > _THRESHOLD
    total = np.where(is_voiced, shares.sum(axis=1), 1.0)
    cents = (shares * (_FIRST_CENTS + _CENTS_A_BIN * places)).sum(axis=1) / total
    return np.where(is_voiced, _ZERO_HZ * 2 ** (cents / 1200), 0.0)
