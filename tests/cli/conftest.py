"""Small clips and masks, made once, and the program run as a process of its own."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[2]

Run = Callable[..., subprocess.CompletedProcess[str]]


@dataclass(frozen=True)
class Material:
    """clip: a bright disc that moves to the right over a dark ground. masks: a folder with the disc in each frame.

    ground: a green picture of the clip's size. disc: bool [H, W], the disc in the first frame.
    """

    clip: Path
    masks: Path
    ground: Path
    disc: NDArray[np.bool_]


def make(folder: Path, *, width_px: int, height_px: int, frames: int) -> Material:
    rows, columns = np.ogrid[:height_px, :width_px]
    discs = [
        (rows - height_px / 2) ** 2 + (columns - width_px / 3 - frame / 4) ** 2 < (height_px / 4) ** 2
        for frame in range(frames)
    ]
    (folder / "masks").mkdir()
    for frame, disc in enumerate(discs):
        cv2.imwrite(str(folder / "masks" / f"{frame:05d}.png"), disc.astype(np.uint8) * 255)
    cv2.imwrite(str(folder / "ground.png"), np.full((height_px, width_px, 3), (10, 200, 10), np.uint8))
    write_clip(folder / "clip.mp4", discs)
    return Material(folder / "clip.mp4", folder / "masks", folder / "ground.png", discs[0])


def write_clip(path: Path, discs: list[NDArray[np.bool_]]) -> None:
    """The discs in orange on a dark blue ground with some grain, 25 frames/s, the index at the front."""
    grain = np.random.default_rng(1).integers(0, 24, (*discs[0].shape, 3), np.uint8)
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as output:
        stream = output.add_stream("libx264", rate=Fraction(25), options={"crf": "12", "preset": "ultrafast"})
        stream.height, stream.width = discs[0].shape
        stream.pix_fmt = "yuv420p"
        for disc in discs:
            rgb = np.where(disc[..., None], np.uint8([220, 140, 40]), np.uint8([20, 40, 90])).astype(np.uint8) + grain
            output.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        output.mux(stream.encode(None))


@pytest.fixture(scope="session")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    """96 x 64 pixels, 12 frames."""
    return make(tmp_path_factory.mktemp("material"), width_px=96, height_px=64, frames=12)


@pytest.fixture(scope="session")
def long_material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    """640 x 360 pixels, 300 frames: enough work to be interrupted in."""
    return make(tmp_path_factory.mktemp("long"), width_px=640, height_px=360, frames=300)


@pytest.fixture(scope="session")
def program() -> list[str]:
    """What starts `avfusion`: this repository's code, installed or not."""
    start = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from avfusion.cli import main; sys.exit(main())"
    return [sys.executable, "-c", start]


@pytest.fixture
def run(program: list[str], tmp_path: Path) -> Run:
    """Runs `avfusion ARGUMENTS` in `tmp_path` to its end."""

    def run_it(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [*program, *(str(argument) for argument in arguments)]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)

    return run_it
