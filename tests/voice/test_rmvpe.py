"""RMVPE: the published network to the last tensor, and pitch out of what it says. Its weights are not here: that they
sing in tune is their authors' word."""

import math
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import pytest
import torch

from avfusion.errors import CannotRead
from avfusion.voice.rmvpe import _config_of, log_mel, pitch_of, read_rmvpe
from avfusion.voice.rmvpe_network import BINS, RmvpeConfig, salience, tensor_shapes
from tests.voice.tiny_rmvpe import TINY, Reference, save_rmvpe, weights
from tests.voice.tiny_rvc import Malice, save
from tests.voice.tiny_sounds import hum, noise

# The network


@pytest.mark.parametrize("config", [RmvpeConfig(), TINY])
def test_tensors_have_the_names_and_shapes_that_torch_gives_such_layers(config: RmvpeConfig) -> None:
    with torch.device("meta"):
        reference = Reference(config)
    assert {name: tuple(value.shape) for name, value in reference.state_dict().items()} == tensor_shapes(config)


def test_the_network_has_its_published_size() -> None:
    """The published file has 181 184 272 bytes, two for each number and eight for each count, and what a zip needs."""
    shapes = tensor_shapes(RmvpeConfig())
    assert len(shapes) == 741
    held = sum(8 if name.endswith("tracked") else 2 * math.prod(shape) for name, shape in shapes.items())
    assert 0 < 181_184_272 - held < 400 * len(shapes)


def test_the_network_computes_what_torch_s_layers_compute() -> None:
    reference = Reference(TINY).eval()
    reference.load_state_dict(weights())
    mel = torch.randn(2, 12, TINY.mels, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected, found = reference(mel), salience(weights(), TINY, mel)
    assert found.shape == (2, 12, BINS)
    assert expected.std() > 0.01
    assert torch.allclose(found, expected, atol=1e-6)


# The file


def test_a_file_is_read_in_half_precision_and_says_its_sizes(tmp_path: Path) -> None:
    follower = read_rmvpe(save_rmvpe(tmp_path / "rmvpe.pt"))
    assert follower.config == TINY
    assert all(torch.equal(follower.weights[name], weight.half().to(weight)) for name, weight in weights().items())
    with torch.device("meta"):
        whole = Reference(RmvpeConfig()).state_dict()
    assert _config_of(tmp_path, whole) == RmvpeConfig()


@pytest.mark.parametrize(
    ("held", "says"),
    [
        ({name: weight for name, weight in weights().items() if name != "cnn.bias"}, "cnn.bias"),
        (weights() | {"more": torch.zeros(1)}, "more"),
        (weights() | {"cnn.bias": torch.zeros(4)}, "do not match"),
        (weights() | {"cnn.bias": torch.full((3,), math.nan)}, "not numbers"),
        ({"model": weights()}, "where a weight belongs"),
        ({"weight": torch.zeros(3)}, "is not the network of RMVPE"),
        ({}, "no weights"),
    ],
)
def test_what_is_no_rmvpe_is_refused_with_its_reason(tmp_path: Path, held: Any, says: str) -> None:
    with pytest.raises(CannotRead, match=says) as refusal:
        read_rmvpe(save(tmp_path, held, "rmvpe.pt"))
    assert "\n" not in str(refusal.value)


def test_code_in_the_file_does_not_run(tmp_path: Path) -> None:
    with pytest.raises(CannotRead, match="nothing in it was run"):
        read_rmvpe(save(tmp_path, {"cnn.bias": Malice(tmp_path / "ran")}, "rmvpe.pt"))
    assert not (tmp_path / "ran").exists()


# Sound to pitch


def test_spectra_are_those_of_librosa() -> None:
    wave = noise(3000, 16000).samples[0]
    bands = librosa.filters.mel(sr=16000, n_fft=1024, n_mels=128, fmin=30, fmax=8000, htk=True)
    spectra = librosa.stft(wave, n_fft=1024, hop_length=160, window="hann", pad_mode="reflect")
    expected = np.log(np.maximum(bands @ np.abs(spectra), 1e-5)).T
    found = log_mel(wave, 128)
    assert (found.shape, found.dtype) == ((19, 128), np.float32)
    assert np.abs(found - expected).max() < 1e-3
    assert np.allclose(log_mel(np.zeros(4000, np.float32), 128), math.log(1e-5))


@pytest.mark.parametrize("cents_off", [-9.0, 0.0, 3.0, 10.0])
def test_a_peak_is_its_pitch_to_the_cent(cents_off: float) -> None:
    """Bin k is 20 k + 1997.38 cents above 10 Hz; a bell between bins is heard between them."""
    bins = np.arange(BINS)
    wanted = np.array([20.0 * number + cents_off for number in (60, 117, 240)])
    heard = 0.9 * np.exp(-(((20 * bins - wanted[:, None]) / 25) ** 2))
    expected = 10 * 2 ** ((wanted + 1997.3794084376191) / 1200)
    assert np.abs(1200 * np.log2(pitch_of(heard.astype(np.float32)) / expected)).max() < 1
    # What is heard elsewhere does not count.
    elsewhere = 0.2 * (np.abs(20 * bins - wanted[:, None]) > 200)
    assert np.allclose(pitch_of((heard + elsewhere).astype(np.float32)), expected, rtol=1e-3)


def test_what_is_hardly_heard_has_no_pitch() -> None:
    heard = np.zeros((4, BINS), np.float32)
    heard[1, 100], heard[2, 100], heard[3, 0] = 0.0299, 0.0301, 1
    assert (pitch_of(heard) > 0).tolist() == [False, False, True, True]
    # At the rim, what lies beyond it has no share.
    assert pitch_of(heard)[3] == pytest.approx(10 * 2 ** (1997.3794084376191 / 1200))


@pytest.mark.parametrize("count", [1, 160, 700, 5120, 9001])
def test_there_is_a_frame_every_10_ms(tmp_path: Path, count: int) -> None:
    follower = read_rmvpe(save_rmvpe(tmp_path / "rmvpe.pt"))
    found = follower.f0_hz(hum(count, 16000).samples[0])
    assert found.shape == (count // 160 + 1,)
    assert np.isfinite(found).all()
