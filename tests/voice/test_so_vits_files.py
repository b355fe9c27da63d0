"""A config.json that no so-vits model has is refused before anything of its size is built."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from avfusion.errors import CannotRead
from avfusion.voice.so_vits_files import SoVitsFiles, load_svc
from tests.voice.tiny_so_vits import CONFIG

# By part and name: a value, and what is said of it.
WRONG: tuple[tuple[str, str, Any, str], ...] = (
    ("data", "sampling_rate", "44100", "sampling_rate is '44100'"),
    ("data", "sampling_rate", 0, "a rate or a length of 0"),
    ("data", "sampling_rate", 10**9, "sampling_rate is 1000000000"),
    ("data", "hop_length", 0, "a rate or a length of 0"),
    ("data", "hop_length", -512, "hop_length is -512"),
    ("data", "filter_length", None, "filter_length is None"),
    ("train", "segment_size", 1.5, "segment_size is 1.5"),
    ("model", "n_layers", 10**6, "n_layers is 1000000"),
    ("model", "n_layers", "many", "n_layers is 'many'"),
    ("model", "n_speakers", 10**9, "n_speakers is 1000000000"),
    ("model", "upsample_initial_channel", 10**12, "upsample_initial_channel is 1000000000000"),
    ("model", "resblock_dilation_sizes", [[1, 10**9]], "resblock_dilation_sizes is 1000000000"),
    ("model", "hidden_channels", -1, "hidden_channels is -1"),
    ("spk", "eve", 4, r"below n_speakers \(4\)"),
    ("spk", "eve", 1, "once each"),
    ("spk", "eve", "two", "something else than a number"),
)


@pytest.mark.parametrize(("part", "name", "value", "says"), WRONG)
def test_sizes_that_no_voice_has_are_refused(tmp_path: Path, part: str, name: str, value: Any, says: str) -> None:
    config = json.loads(json.dumps(CONFIG))
    config[part][name] = value
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    with pytest.raises(CannotRead, match=says) as refused:
        load_svc(SoVitsFiles(tmp_path / "G_0.pth", path), tmp_path, "cpu")
    assert str(refused.value).startswith(f"{path}: ")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "cannot be read as"),
        ("{", "cannot be read as"),
        ("[1]", "it needs train, data, model, spk"),
        (json.dumps(CONFIG | {"spk": {}}), "names no speaker"),
        (json.dumps(CONFIG | {"data": {}}), "sampling_rate, hop_length, filter_length is missing"),
        (" " * 1_000_001, "too large"),
    ],
)
def test_other_files_are_no_config(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(CannotRead, match=says):
        load_svc(SoVitsFiles(tmp_path / "G_0.pth", path), tmp_path, "cpu")


def test_a_folder_is_no_config_and_a_weight_is_no_larger_than_its_file(tmp_path: Path) -> None:
    with pytest.raises(CannotRead, match=r"cannot be read as|is a folder"):
        load_svc(SoVitsFiles(tmp_path / "G_0.pth", tmp_path), tmp_path, "cpu")
    path = tmp_path / "config.json"
    path.write_text(json.dumps(CONFIG))
    weights = {"enc_p.enc_.attn_layers.0.conv_q.weight": torch.zeros(1).expand(10**6, 10**6)}
    torch.save({"model": weights, "iteration": 1, "learning_rate": 1e-4}, tmp_path / "G_0.pth")
    with pytest.raises(CannotRead, match="larger than what is kept of it"):
        load_svc(SoVitsFiles(tmp_path / "G_0.pth", path), tmp_path, "cpu")
