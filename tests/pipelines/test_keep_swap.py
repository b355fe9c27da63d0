"""A swap that is stopped anywhere and gone on with gives what an uninterrupted one gives."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from avfusion.errors import Stopped
from avfusion.media.masks import TrackFolder
from avfusion.pipelines.keep import Keep
from avfusion.pipelines.swap import SwapSettings, swap
from tests.jobs.making import FRAMES, HEIGHT, WIDTH, ball_clip, heard, shown

SEGMENT = 6


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ball_clip(tmp_path_factory.mktemp("clip") / "ball.mp4")


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ball_clip(tmp_path_factory.mktemp("scene") / "scene.mp4", 9)


def masks(folder: Path) -> Any:
    """The ball's, with one frame on which it is not seen: the edges are forgotten there."""
    track = TrackFolder(folder, width_px=WIDTH, height_px=HEIGHT, frame_count=FRAMES, engine="drawn")
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    for index in range(FRAMES):
        mask = (rows - 48) ** 2 + (columns - 50 - 3 * index % 90) ** 2 < 16**2
        track.put(index, 1, mask if index != 8 else np.zeros_like(mask))
    return track.seal()


SETTINGS = SwapSettings(light_wrap=0.3, colour_match=0.5)


@pytest.mark.parametrize(("ending", "background"), [(".mp4", "scene"), (".webm", "transparent")])
def test_stopped_anywhere_and_gone_on_with_is_the_same(
    clip: Path, scene: Path, tmp_path: Path, ending: str, background: str
) -> None:
    behind = scene if background == "scene" else background
    given = masks(tmp_path / "masks")
    whole, pieced = tmp_path / f"whole{ending}", tmp_path / f"pieced{ending}"
    asked = {"masks": given, "background": behind, "settings": SETTINGS}
    first = swap(clip, **asked, out=whole, keep=Keep(tmp_path / "one", segment_frames=SEGMENT))
    keep = Keep(tmp_path / "other", segment_frames=SEGMENT)
    seen: list[int] = []
    for _ in range(FRAMES):
        questions = iter(range(SEGMENT + 2))  # enough for one piece and a little
        try:
            last = swap(
                clip,
                **asked,
                out=pieced,
                keep=keep,
                should_stop=lambda: next(questions, None) is None,  # noqa: B023
                on_progress=lambda told: seen.append(told.total),
            )
            break
        except Stopped:
            assert not pieced.exists()
    assert len(set(seen)) >= 3, "it was never gone on with"
    assert shown(pieced) == shown(whole)
    assert heard(pieced) == heard(whole)
    assert last.flicker == first.flicker
