"""The separator `hdemucs`: a voice apart from all else by Hybrid Demucs, a network that learnt songs and their parts.

A. Défossez, "Hybrid Spectrogram and Waveform Source Separation" (2021), as torchaudio has it. Trained on singers over
drums, bass and other instruments; of its four sources the last is the voice.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from avfusion.errors import CannotRead
from avfusion.media.audio import Samples
from avfusion.media.store import StoredSound, store
from avfusion.voice.layers import Tensor
from avfusion.voice.model_file import as_weights, check_shapes, read_file
from avfusion.voice.one_channel import Wave, resampled
from avfusion.voice.separate_pieces import Tell, in_pieces

RATE_HZ = 44_100
SOURCES = ("drums", "bass", "other", "vocals")
"""In the order of the network's outputs."""

_STEREO, _PARTS_OF_A_NUMBER, _STRIDE = 2, 2, 4
# As long as what it was trained on; two neighbours have a second in common.
_PIECE_S, _OVERLAP_S = 10.0, 1.0


def load_hdemucs(weights: Path, *, device: str = "cpu") -> HDemucs:
    """The separator with the weights in a file such as `hdemucs_high_trained.pt`; the network's size follows from them.

    Raises CannotRead for a file that is damaged, of another network, or holds more than tensors.
    """
    from torchaudio.models import HDemucs as Network

    tensors = as_weights(weights, read_file(weights))
    network = Network(list(SOURCES), audio_channels=_STEREO, **_size_of(weights, tensors))
    expected = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    check_shapes(weights, tensors, expected, of="HDemucs")
    network.load_state_dict(tensors, assign=True)
    return HDemucs(network.to(device).eval(), device)


def _size_of(path: Path, tensors: Mapping[str, Tensor]) -> dict[str, int]:
    """channels, depth and nfft of a network with these weights."""
    layers = {name.split(".")[1] for name in tensors if name.startswith("freq_encoder.")}
    outermost = tensors.get(f"freq_decoder.{len(layers) - 1}.conv_tr.weight")
    places = tensors.get("freq_emb.embedding.weight")
    if outermost is None or places is None or outermost.ndim != 4 or places.ndim != 2 or len(layers) < 3:
        raise CannotRead(f"{path}: is no weights file of HDemucs. Get hdemucs_high_trained.pt of torchaudio.")
    sources = outermost.shape[1] // (_STEREO * _PARTS_OF_A_NUMBER)
    if sources != len(SOURCES):
        raise CannotRead(f"{path}: tells {sources} sources apart, not the {len(SOURCES)} that are known by name.")
    return {"channels": places.shape[1], "depth": len(layers), "nfft": 2 * _STRIDE * places.shape[0]}


class HDemucs:
    """The separator, loaded. It hears two channels; one is given it twice, and of more than two each by itself."""

    name = "hdemucs"

    def __init__(self, network: Any, device: str) -> None:
        self._network, self._device = network, device

    def voice_of(self, sound: StoredSound, path: Path, *, tell: Tell | None = None) -> StoredSound:
        """As `Separator.voice_of` says."""

        def voice(samples: Samples) -> Samples:
            return self._voice(samples, sound.rate_hz)

        pieces = in_pieces(sound, voice, piece_s=_PIECE_S, overlap_s=_OVERLAP_S, tell=tell)
        return store(path, pieces, channels=sound.channels, rate_hz=sound.rate_hz)

    def _voice(self, samples: Samples, rate_hz: int) -> Samples:
        """The voice in one piece [channels, n]."""
        count = samples.shape[1]
        heard = [resampled(wave, rate_hz, RATE_HZ) for wave in samples]
        if len(heard) == _STEREO:
            said = list(self._vocals(np.stack(heard)))
        else:
            said = [self._vocals(np.stack([wave, wave])).mean(axis=0) for wave in heard]
        back: list[Wave] = [resampled(wave, RATE_HZ, rate_hz, count=count) for wave in said]
        return np.stack(back)

    def _vocals(self, stereo: Samples) -> Samples:
        """[2, n] at 44.1 kHz, the same shape. Where nothing is to be heard, it does not listen."""
        import torch

        if not stereo.any():
            return np.zeros_like(stereo)
        with torch.inference_mode():
            found = self._network(torch.from_numpy(stereo)[None].to(self._device))
        return np.asarray(found[0, SOURCES.index("vocals")].cpu().numpy(), np.float32)
