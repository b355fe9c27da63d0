"""The pinned set: it fits itself, the ranges and a Space, it is what is installed, and every part of it runs.

Resolvers accept sets that fail when they are used (torch beside torchaudio, pyworld beside a new setuptools): so each
package is imported, and where that proves little, used.
"""

import importlib.metadata
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]

IMPORT_NAMES = {
    "accelerate": "accelerate",
    "av": "av",
    "diffusers": "diffusers",
    "faiss-cpu": "faiss",
    "gradio": "gradio",
    "librosa": "librosa",
    "moviepy": "moviepy",
    "numpy": "numpy",
    "opencv-python-headless": "cv2",
    "pillow": "PIL.Image",
    "praat-parselmouth": "parselmouth",
    "pycocotools": "pycocotools.mask",
    "pyloudnorm": "pyloudnorm",
    "pymatting": "pymatting",
    "pyworld": "pyworld",
    "ray": "ray",
    "scenedetect-headless": "scenedetect",
    "scikit-learn": "sklearn",
    "scipy": "scipy",
    "segment-anything": "segment_anything",
    "setuptools": "pkg_resources",
    "so-vits-svc-fork": "so_vits_svc_fork.inference.core",
    "soundfile": "soundfile",
    "spaces": "spaces",
    "tensorboard": "torch.utils.tensorboard",
    "timm": "timm",
    "torch": "torch",
    "torchaudio": "torchaudio",
    "torchcodec": "torchcodec.decoders",
    "torchcrepe": "torchcrepe",
    "torchvision": "torchvision",
    "transformers": "transformers",
    "typer": "typer",
}


NOT_PINNED = ("similarity",)
"""Extras that no image and no Space has: Resemblyzer is compiled in part while it is installed, and brings a package
with the name of a module of Python's own (typing), which Python passes over."""


# The pins on paper


def pins(name: str) -> dict[str, Version]:
    """Package -> version, of the lines that apply to this Python and platform."""
    found = {}
    for line in (ROOT / name).read_text().splitlines():
        if line and not line.startswith(("#", "-")):
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate():
                (version,) = requirement.specifier
                assert version.operator == "==", line
                found[requirement.name] = Version(version.version)
    return found


def contradicted(requirements: list[Requirement], pinned: dict[str, Version]) -> list[str]:
    known = [wanted for wanted in requirements if wanted.name in pinned]
    return [str(wanted) for wanted in known if pinned[wanted.name] not in wanted.specifier]


def wanted_to_run_and_to_develop() -> tuple[list[Requirement], list[Requirement]]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    pinned = [group for name, group in extras.items() if name not in ("dev", *NOT_PINNED)]
    run = [*project["dependencies"], *(line for group in pinned for line in group)]
    return [Requirement(line) for line in run], [Requirement(line) for line in extras["dev"]]


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_what_is_pinned_is_what_is_installed(name: str) -> None:
    wanted = pins(name)
    installed = {package: Version(Version(importlib.metadata.version(package)).public) for package in wanted}
    assert installed == wanted


def test_the_pins_fit_the_ranges() -> None:
    run, develop = wanted_to_run_and_to_develop()
    run_pins, dev_pins = pins("requirements.txt"), pins("requirements-dev.txt")
    assert {wanted.name for wanted in run} <= set(run_pins), "`make lock` renews the pins"
    assert {wanted.name for wanted in develop} <= set(dev_pins), "`make lock` renews the pins"
    assert contradicted(run, run_pins) == []
    assert contradicted(develop, dev_pins) == []
    assert contradicted([Requirement("torch>=99")], run_pins) == ["torch>=99"]


def test_the_pins_fit_what_a_space_installs_beside_them() -> None:
    """A Space installs `gradio[oauth,mcp]` of the card's version in one go with requirements.txt."""
    pinned = pins("requirements.txt")
    assert f"\nsdk_version: {pinned['gradio']}\n" in (ROOT / "README.md").read_text()
    needs = [Requirement(line) for line in importlib.metadata.requires("gradio") or []]
    extras = [{"extra": extra} for extra in ("", "oauth", "mcp")]
    asked = [need for need in needs if need.marker is None or any(need.marker.evaluate(extra) for extra in extras)]
    assert {"pydantic", "mcp", "authlib"} <= {need.name.lower() for need in asked}
    assert contradicted(asked, pinned) == []


def test_every_installed_package_has_what_it_asks_for() -> None:
    uv = Path(sys.executable).with_name("uv")
    command = [str(uv), "pip", "check", "--python", sys.executable]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_there_is_one_opencv() -> None:
    """The four OpenCV packages share one folder: the one installed last overwrites the others."""
    names = {distribution.name.lower() for distribution in importlib.metadata.distributions()}
    assert {name for name in names if re.match(r"opencv", name)} == {"opencv-python-headless"}


# The pins at work

IMPORT_EACH = """
import importlib, json, sys, traceback
for package, name in json.loads(sys.argv[1]).items():
    try:
        importlib.import_module(name)
        said = ""
    except BaseException:
        said = traceback.format_exc()
    print("\\n@" + json.dumps([package, said]), flush=True)
"""


@pytest.fixture(scope="module")
def import_failures() -> dict[str, str]:
    """Package -> the trace of its import, empty if it went well, all in one process as in the app.

    so-vits-svc-fork rearranges logging and warnings, which is why this is not the process of the tests. A package is
    missing from the answer if the process died while it was imported.
    """
    command = [sys.executable, "-c", IMPORT_EACH, json.dumps(IMPORT_NAMES)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    return dict(json.loads(line[1:]) for line in done.stdout.splitlines() if line.startswith("@["))


@pytest.mark.proof  # after every `make lock`
@pytest.mark.slow
@pytest.mark.parametrize("package", IMPORT_NAMES)
def test_a_pinned_package_imports(package: str, import_failures: dict[str, str]) -> None:
    assert import_failures.get(package, "the process ended before this import was over") == ""


def test_the_list_above_is_complete() -> None:
    run, _ = wanted_to_run_and_to_develop()
    assert {wanted.name for wanted in run} == set(IMPORT_NAMES)


def run_alone(source: str) -> list[str]:
    """The lines that `source` prints in a process of its own."""
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_torchvision_has_its_operators() -> None:
    """They are missing when torchvision and torch were built for different machines."""
    boxes = "torch.tensor([[0., 0., 10., 10.], [1., 1., 10., 10.], [20., 20., 30., 30.]])"
    source = f"import torch, torchvision; print(torchvision.ops.nms({boxes}, torch.tensor([.9, .8, .7]), .5).tolist())"
    assert run_alone(source) == ["[0, 2]"]


def test_torchaudio_reads_through_torchcodec(tmp_path: Path) -> None:
    """Which needs FFmpeg's shared libraries (Debian's `ffmpeg`)."""
    source = f"""
import numpy, soundfile, torchaudio
wave = numpy.sin(numpy.linspace(0, 200, 16000)).astype("float32") / 2
soundfile.write({str(tmp_path / "tone.wav")!r}, wave, 16000, subtype="FLOAT")
read, rate_hz = torchaudio.load({str(tmp_path / "tone.wav")!r})
print(tuple(read.shape), rate_hz, bool(abs(read[0].numpy() - wave).max() < 1e-6))
"""
    assert run_alone(source) == ["(1, 16000) 16000 True"]


def test_pyworld_hears_a_tone() -> None:
    source = """
import numpy, pyworld
time_s = numpy.arange(16000) / 16000
wave = sum(numpy.sin(2 * numpy.pi * 220 * n * time_s) / n for n in range(1, 6)) / 5
f0_hz, _ = pyworld.harvest(wave, 16000)
print(abs(numpy.median(f0_hz) - 220) < 1)
"""
    assert run_alone(source) == ["True"]


def test_crepe_brings_its_weights() -> None:
    source = """
import torch, torchcrepe
time_s = torch.arange(16000) / 16000
f0_hz = torchcrepe.predict(torch.sin(2 * torch.pi * 220 * time_s)[None], 16000, model="tiny", device="cpu")
print(abs(float(f0_hz.median()) - 220) < 5)
"""
    assert run_alone(source)[-1] == "True"
