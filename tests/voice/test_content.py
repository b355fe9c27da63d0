"""Features are those that transformers gives; folders that cannot give them say why."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from avfusion.errors import CannotRead
from avfusion.voice.content import HOP, WINDOW, read_content
from tests.voice.tiny_rvc import save_hubert


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_hubert(tmp_path_factory.mktemp("content"), hidden=32, layers=10, projection=24)


def wave(count: int) -> np.ndarray:
    return (0.1 * np.random.default_rng(0).standard_normal(count)).astype(np.float32)


def test_features_are_those_of_the_model(folder: Path) -> None:
    from transformers import HubertModel

    encoder, theirs = read_content(folder), HubertModel.from_pretrained(folder).eval()
    held = load_file(folder / "model.safetensors")
    given = wave(8000)
    with torch.inference_mode():
        said = theirs(torch.from_numpy(given)[None], output_hidden_states=True)
        ninth = torch.nn.functional.linear(said.hidden_states[9], held["final_proj.weight"], held["final_proj.bias"])
    assert torch.allclose(encoder.features(given, projected=True), ninth[0], atol=1e-5)
    assert torch.allclose(encoder.features(given, projected=False), said.last_hidden_state[0], atol=1e-5)
    assert (encoder.size(projected=True), encoder.size(projected=False)) == (24, 32)


@pytest.mark.parametrize("count", [WINDOW, WINDOW + HOP - 1, WINDOW + HOP, 16000])
def test_frames_are_a_hop_apart(folder: Path, count: int) -> None:
    assert len(read_content(folder).features(wave(count), projected=False)) == (count - WINDOW) // HOP + 1


def test_the_projection_is_found_in_the_older_format_too(folder: Path, tmp_path: Path) -> None:
    held = load_file(folder / "model.safetensors")
    shutil.copy(folder / "config.json", tmp_path)
    torch.save(held, tmp_path / "pytorch_model.bin")
    both = [read_content(place).features(wave(4000), projected=True) for place in (folder, tmp_path)]
    assert torch.equal(*both)


def test_what_is_missing_is_said(folder: Path, tmp_path: Path) -> None:
    bare = read_content(save_hubert(tmp_path, hidden=32, layers=1))
    with pytest.raises(CannotRead, match="final_proj"):
        bare.features(wave(4000), projected=True)
    config = (tmp_path / "config.json").read_text()
    (tmp_path / "config.json").write_text(config.replace('"conv_stride": [\n    5', '"conv_stride": [\n    4'))
    with pytest.raises(CannotRead, match="400 every 320"):
        read_content(tmp_path)
    (tmp_path / "config.json").unlink()
    with pytest.raises(CannotRead, match=r"config\.json"):
        read_content(tmp_path)
