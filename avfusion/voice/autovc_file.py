"""AutoVC's two `.ckpt` files -> the networks in them: the autoencoder, and the encoder of speakers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avfusion.errors import CannotRead, UsageError
from avfusion.voice.autovc_network import MELS, AutoVcConfig, codes, embed, generator_shapes, speaker_shapes, spoken
from avfusion.voice.layers import Tensor, Weights
from avfusion.voice.model_file import as_weights, check_shapes, read_file

_GENERATOR, _SPEAKER = "model", "model_b"
_PARALLEL = "module."
_LONGEST_STRETCH = 1024


@dataclass(frozen=True, eq=False)
class AutoVcModel:
    """Both networks, float32, on one device."""

    path: Path
    config: AutoVcConfig
    generator: Weights
    speaker: Weights

    @property
    def device(self) -> Any:
        return self.generator["encoder.lstm.weight_hh_l0"].device

    def voice(self, mel: Tensor) -> Tensor:
        """float32 [embedding]: the mean of the voices in rows of mel spectra, [B, T, 80]."""
        import torch

        with torch.inference_mode():
            return embed(self.speaker, mel.to(self.device)).mean(dim=0)

    def convert(self, mel: Tensor, source: Tensor, target: Tensor) -> Tensor:
        """[T, 80] -> [T, 80] in the target's voice. source, target: [embedding]. Any T; the rest of the last stretch
        of `every` frames is heard as silence."""
        import torch

        frames = mel.shape[0]
        whole = torch.nn.functional.pad(mel.to(self.device), (0, 0, 0, -frames % self.config.every))[None]
        with torch.inference_mode():
            code = codes(self.generator, self.config, whole, source[None])
            return spoken(self.generator, self.config, code, target[None])[1][0, :frames]


def read_autovc(
    path: Path | str, speaker_path: Path | str, *, every: int | None = None, device: str = "cpu"
) -> AutoVcModel:
    """The networks of `autovc.ckpt` (under `model`) and of the speaker encoder's `3000000-BL.ckpt` (under `model_b`).

    Sizes are those of the weights. every: frames from one code to the next, which no file says; left out, as many as
    the code is wide, as in both of the authors' settings (32 of 32 and 16 of 16). Nothing in the files is run. Raises
    CannotRead with the reason.
    """
    path, speaker_path = Path(path), Path(speaker_path)
    generator = _held(path, _GENERATOR, other=_SPEAKER)
    speaker = _held(speaker_path, _SPEAKER, other=_GENERATOR)
    config = _config(path, generator, every)
    check_shapes(path, generator, generator_shapes(config), of="an AutoVC")
    check_shapes(speaker_path, speaker, speaker_shapes(config.embedding), of="a speaker encoder for this AutoVC")
    return AutoVcModel(path, config, _on(device, generator), _on(device, speaker))


def _held(path: Path, part: str, *, other: str) -> dict[str, Tensor]:
    found = read_file(path)
    if not isinstance(found, Mapping) or part not in found:
        swapped = isinstance(found, Mapping) and other in found
        hint = "It is the other one of AutoVC's two files: give them the other way round." if swapped else ""
        raise CannotRead(
            f"{path}: is not the file of AutoVC that was asked for: there is no `{part}` in it. {hint}".strip()
        )
    return {name.removeprefix(_PARALLEL): weight for name, weight in as_weights(path, found[part]).items()}


def _config(path: Path, weights: Weights, every: int | None) -> AutoVcConfig:
    sizes = ("encoder.lstm.weight_hh_l0", "encoder.convolutions.0.0.conv.weight", "decoder.lstm1.weight_hh_l0")
    if any(name not in weights or weights[name].ndim < 2 for name in sizes):
        raise CannotRead(f"{path}: is not an AutoVC: it has no weights of its encoder or decoder.")
    neck, heard, pre = (int(weights[name].shape[1]) for name in sizes)
    every = neck if every is None else every
    if not 0 < every <= _LONGEST_STRETCH:
        raise UsageError(f"{every} frames from one code to the next: give a number from 1 to {_LONGEST_STRETCH}.")
    return AutoVcConfig(neck=neck, embedding=heard - MELS, pre=pre, every=every)


def _on(device: str, weights: Weights) -> Weights:
    return {name: weight.to(device) for name, weight in weights.items()}
