"""Engines that cannot work, asked for at the command line: one line that says why, at once, and the exit status 4."""

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from avfusion.cli import main
from avfusion.engines.catalogue import find
from avfusion.engines.folders import weights_file
from tests.cli.conftest import Material

_TO_THE_NETWORK = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "HF_ENDPOINT")


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Every way to the network leads here; nobody answers, and whoever asked can be seen."""
    for variable in ("HF_HUB_OFFLINE", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(variable, raising=False)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        for variable in _TO_THE_NETWORK:
            monkeypatch.setenv(variable, f"http://127.0.0.1:{server.getsockname()[1]}")
        yield server


@pytest.fixture
def unplugged(listener: socket.socket) -> list[str]:
    """What to put before a command so that it has no network: none at all where the machine allows that.

    Elsewhere nobody is listening any more.
    """
    listener.close()
    cut_off = ["unshare", "--map-root-user", "--net"]
    is_allowed = shutil.which("unshare") and not subprocess.run([*cut_off, "true"], capture_output=True).returncode
    return cut_off if is_allowed else []


def said(command: list[str], folder: Path) -> str:
    """The one line on standard error."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 4, done.stderr
    (line,) = done.stderr.splitlines()
    return line


def test_an_engine_without_its_weights_gives_its_reason_and_asks_no_network(
    listener: socket.socket, program: list[str], material: Material, tmp_path: Path
) -> None:
    click = ["--point", "32,32", "--out", "masks"]
    line = said([*program, "segment", str(material.clip), *click, "--segmenter", "sam-vit-b"], tmp_path)
    assert line == "avfusion: sam-vit-b: needs a download of 375 MB: avfusion engines pull sam-vit-b"
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(BlockingIOError):
        listener.accept()


@pytest.mark.parametrize("name", ["sam-vit-b", "clipseg"])
def test_unplugged_a_pull_says_that_there_is_no_connection(
    name: str, unplugged: list[str], program: list[str], tmp_path: Path
) -> None:
    line = said([*unplugged, *program, "engines", "pull", name], tmp_path)
    assert "cannot be reached" in line
    assert line.endswith("Check the connection, and run it again.")


@pytest.fixture
def without_operators(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The installed torchvision without its compiled half: what a build for another torch comes down to."""
    spec = find_spec("torchvision")
    if spec is None or spec.origin is None or find_spec("segment_anything") is None:
        pytest.skip("segment-anything and torchvision are not installed")
    folder = tmp_path_factory.mktemp("packages")
    (folder / "torchvision").mkdir()
    for part in Path(spec.origin).parent.iterdir():
        if part.suffix not in (".so", ".pyd", ".dylib"):
            (folder / "torchvision" / part.name).symlink_to(part)
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    )


@pytest.mark.usefixtures("without_operators")
def test_a_torchvision_that_does_not_fit_is_said_in_one_line(
    program: list[str], material: Material, tmp_path: Path
) -> None:
    from tests.segmentation.tiny_sam import tiny_sam

    weights = weights_file(find("sam-vit-b", "segmentation").sources[0])  # type: ignore[arg-type]
    weights.parent.mkdir(parents=True)
    tiny_sam(weights)
    click = ["--point", "32,32", "--out", "masks", "--quiet"]
    line = said([*program, "segment", str(material.clip), *click, "--segmenter", "sam-vit-b"], tmp_path)
    assert line == (
        "avfusion: torchvision cannot be imported (operator torchvision::nms does not exist). "
        "torch and torchvision must be builds for each other: install both from the same package index."
    )
    checked = subprocess.run([*program, "engines", "check"], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    (row,) = [row for row in checked.stdout.splitlines() if row.startswith("sam-vit-b")]
    assert "fails" in row
    assert "torchvision::nms does not exist" in row
    assert "Traceback" not in checked.stderr + checked.stdout


def test_an_unknown_way_out_is_wrong_usage(program: list[str], material: Material, tmp_path: Path) -> None:
    command = [*program, "segment", str(material.clip), "--point", "32,32", "--out", "masks", "--fallback", "cloud"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert done.stderr == "avfusion: --fallback cloud: not a way out. Use smaller, cpu, or both with a comma.\n"


def test_an_engine_that_does_not_fit_the_machine_falls_back_where_that_is_allowed(
    material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from avfusion.engines import registry

    rows = (
        replace(find("flow", "tracking"), name="vast", peak_memory_bytes=2**60),
        find("flow", "tracking"),
        find("grabcut", "segmentation"),
    )
    monkeypatch.setattr(registry, "_REGISTRY", registry.Registry(rows))
    prompt = ["--mask", str(material.masks / "00000.png")]
    words = ["segment", str(material.clip), *prompt, "--engine", "vast", "--quiet", "--out"]
    assert main([*words, str(tmp_path / "refused")]) == 4
    assert "vast: needs 1152921504.6 GB of memory" in capsys.readouterr().err
    assert main([*words, str(tmp_path / "masks"), "--fallback", "smaller", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["engines"]["tracking"] == "flow"
    assert any("vast does not fit into the memory of cpu: flow works" in note for note in report["notes"])
    assert main([*words, str(tmp_path / "refused")]) == 4  # it was allowed for that one command
