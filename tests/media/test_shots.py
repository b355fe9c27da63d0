"""Cuts: every one is found, and nothing else is taken for one."""

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from avfusion.media.probe import probe
from avfusion.media.shots import find_shots

X264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p")


@pytest.mark.parametrize("at", [1, 2, 12, 23, 24])
def test_a_cut_is_found_wherever_it_lies(made: Callable[..., Path], at: int) -> None:
    """Also beside the ends of the clip, where there is little to compare it with."""
    one = f"testsrc2=s=96x64:r=25:d={at / 25},format=yuv420p[a];mandelbrot=s=96x64:r=25,trim=end_frame={25 - at},"
    graph = f"{one}format=yuv420p[b];[a][b]concat=n=2[v]"
    clip = probe(made("cut.mp4", "-filter_complex", graph, "-map", "[v]", *X264))
    assert clip.frame_count == 25
    assert find_shots(clip) == (0, at)
    assert find_shots(clip, at) == (at,)


def test_a_still_and_a_moving_picture_are_one_shot(made: Callable[..., Path]) -> None:
    still = probe(made("still.mp4", "-f", "lavfi", "-i", "color=red:s=64x64:r=25:d=1", *X264))
    moving = probe(made("moving.mp4", "-f", "lavfi", "-i", "testsrc2=s=96x64:r=25:d=2", *X264))
    assert find_shots(still) == find_shots(moving) == (0,)


def test_each_frame_is_told(made: Callable[..., Path]) -> None:
    clip = probe(made("moving.mp4", "-f", "lavfi", "-i", "testsrc2=s=96x64:r=25:d=2", *X264))
    seen: list[int] = []
    find_shots(clip, 10, 20, on_frame=lambda frame: seen.append(frame.index))
    assert seen == list(range(10, 20))


@pytest.mark.real_data
def test_every_cut_of_a_real_clip(shared_data: Path) -> None:
    """Held to the definition: only at these three places the picture changes as a whole."""
    clip = probe(shared_data / "clips" / "hard_cuts.mp4")
    lumas = [frame.yuv[0].astype(np.int16) for frame in clip.frames()]
    change = np.array([np.abs(b - a).mean() for a, b in itertools.pairwise(lumas)])
    largest = sorted((np.argsort(change)[-3:] + 1).tolist())
    assert find_shots(clip) == (0, *largest)


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["01_dog.mp4", "basketball.mp4", "odd_fps.mp4"])
def test_motion_is_no_cut(shared_data: Path, name: str) -> None:
    assert find_shots(probe(shared_data / "clips" / name)) == (0,)
