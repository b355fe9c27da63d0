"""Folders that hold no model, half a model or another model are refused in one line."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from avfusion.errors import CannotRead
from avfusion.segmentation.pretrained import load_model, load_processor
from tests.segmentation.tiny_transformers import tiny_sam2


def without_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def broken_config(folder: Path) -> None:
    (folder / "config.json").write_text("<html>")


def no_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def cut_short(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def some_weights(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    save_file(
        {name: weight for name, weight in weights.items() if "mask_decoder" not in name}, folder / "model.safetensors"
    )


def other_sizes(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["mask_decoder_config"]["mlp_dim"] = 48
    (folder / "config.json").write_text(json.dumps(config))


def other_model(folder: Path) -> None:
    save_file({"layer.weight": torch.zeros(3)}, folder / "model.safetensors")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    tiny_sam2(folder)
    return folder


@pytest.mark.parametrize(
    "damage", [without_config, broken_config, no_weights, cut_short, some_weights, other_sizes, other_model]
)
def test_a_damaged_folder_is_refused_in_a_line(damage: Callable[[Path], None], whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(whole, folder)
    load_model(folder, "Sam2Model", "cpu")
    damage(folder)
    with pytest.raises(CannotRead, match=str(folder)) as raised:
        load_model(folder, "Sam2Model", "cpu")
    assert "\n" not in str(raised.value)


def test_a_folder_without_a_processor_is_refused_in_a_line(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(whole, folder)
    for path in folder.glob("*processor*"):
        path.unlink()
    with pytest.raises(CannotRead, match=str(folder)) as raised:
        load_processor(folder, "Sam2Processor")
    assert "\n" not in str(raised.value)


TWO_THREADS = """
import sys, threading, time
from avfusion.segmentation import pretrained

def first():
    import transformers

thread = threading.Thread(target=first)
thread.start()
while "transformers" not in sys.modules:
    time.sleep(0.001)
print(pretrained._class("CLIPSegForImageSegmentation").__name__)
thread.join()
"""


def test_an_engine_loads_while_another_thread_imports_the_library() -> None:
    done = subprocess.run([sys.executable, "-c", TWO_THREADS], capture_output=True, text=True, timeout=300)
    assert done.stdout.strip() == "CLIPSegForImageSegmentation", done.stderr
