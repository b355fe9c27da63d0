"""Model files are read, never run, and never fill the memory: what is none says in one line what it is."""

import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from avfusion.errors import CannotRead
from avfusion.voice.inspect_file import inspect_file
from avfusion.voice.model_file import read_file
from avfusion.voice.rvc_file import read_rvc
from avfusion.voice.train_so_vits_config import new_config
from tests.voice.tiny_rvc import checkpoint, save


def refusal(path: Path, read: Any = read_file) -> str:
    with pytest.raises(CannotRead) as refused:
        read(path)
    message = str(refused.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


def test_other_kinds_of_files_are_named(tmp_path: Path) -> None:
    weights = {"a": torch.zeros(3)}
    save_file(weights, tmp_path / "a.safetensors")
    save_file(weights, tmp_path / "renamed.pth")
    for name in ("a.safetensors", "renamed.pth"):
        assert "is a file of safetensors" in refusal(tmp_path / name)
    (tmp_path / "a.onnx").write_bytes(b"\x08\x08\x12\x07pytorch\x1a\x052.0.0" + bytes(range(256)))
    assert "is an ONNX model" in refusal(tmp_path / "a.onnx")
    (tmp_path / "a.pth").mkdir()
    assert "is a folder" in refusal(tmp_path / "a.pth")
    (tmp_path / "none.pth").write_bytes(b"")
    assert "is empty" in refusal(tmp_path / "none.pth")
    (tmp_path / "text.pth").write_text("What is this?\n" * 10)
    refusal(tmp_path / "text.pth")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as parts:
        parts.writestr("readme.txt", "nothing")
    assert "cannot be read as a model file" in refusal(tmp_path / "a.zip")
    assert "no such file" in refusal(tmp_path / "gone.pth")


@pytest.mark.parametrize("name", ["voice.pth", "voice.index", "config.json"])
def test_what_is_no_file_is_not_read(tmp_path: Path, name: str) -> None:
    """A device has no end, and nothing may ever come out of a pipe."""
    pipe, device, vast = tmp_path / "pipe" / name, tmp_path / "device" / name, tmp_path / "vast" / name
    for path in (pipe, device, vast):
        path.parent.mkdir()
    os.mkfifo(pipe)
    device.symlink_to("/dev/zero")
    with vast.open("wb") as file:
        file.truncate(6 * 10**9)
    read = (lambda path: new_config(path, ["ada"])) if name == "config.json" else inspect_file
    assert "a device or a pipe" in refusal(pipe, read)
    assert "a device or a pipe" in refusal(device, read)
    assert "too large" in refusal(vast, read)


def test_the_words_of_torch_are_nobodys_advice(tmp_path: Path) -> None:
    for number, content in enumerate((bytes(2**20), b"\x80\x02}q\x00.", b"PK\x03\x04" + bytes(5000), b"\x80\x02c")):
        path = tmp_path / f"{number}.pth"
        path.write_bytes(content)
        said = refusal(path)
        assert not any(word in said for word in ("weights_only", "torch.load", "PyTorch")), said
        assert said.count(".pth") == 1


def test_half_a_file_is_damaged(tmp_path: Path) -> None:
    path = save(tmp_path, {"model": {"a": torch.randn(5000)}})
    whole = path.read_bytes()
    for size in (10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        refusal(path)
    path.write_bytes(whole)
    assert read_file(path)["model"]["a"].shape == (5000,)


def test_a_file_that_swells_is_refused_before_it_does(tmp_path: Path) -> None:
    """A hundred million zeros take a hundred kilobytes in a zip."""
    plain, path = save(tmp_path, {"weight": torch.zeros(4)}, "plain.pth"), tmp_path / "voice.pth"
    with zipfile.ZipFile(plain) as found, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name in found.namelist():
            made.writestr(name, bytes(10**8) if name.endswith("data/0") else found.read(name))
    assert path.stat().st_size < 10**6
    for read in (read_file, inspect_file, read_rvc):
        assert "is compressed" in refusal(path, read)


@pytest.mark.parametrize("kind", [torch.float32, torch.float16, torch.int64])
def test_one_number_that_claims_to_be_many_is_refused(tmp_path: Path, kind: torch.dtype) -> None:
    held = checkpoint()
    vast = torch.zeros(1, dtype=kind).expand(10**6, 10**6)
    path = save(tmp_path, held | {"weight": held["weight"] | {"dec.conv_pre.bias": vast}})
    assert path.stat().st_size < 10**7
    assert "larger than what is kept of it" in refusal(path, read_rvc)


def test_a_part_of_a_larger_tensor_is_as_good_as_a_whole_one(tmp_path: Path) -> None:
    held = checkpoint()
    bias = held["weight"]["dec.conv_pre.bias"]
    part = torch.cat([bias, bias])[: len(bias)]
    read = read_rvc(save(tmp_path, held | {"weight": held["weight"] | {"dec.conv_pre.bias": part}}))
    assert np.array_equal(read.network.weights["dec.conv_pre.bias"], bias)
