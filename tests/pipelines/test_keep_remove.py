"""A removal, and a fusion with one, stopped after a piece of its picture and gone on with, is the same."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from avfusion.clip import Box
from avfusion.errors import Stopped
from avfusion.pipelines.fuse import fuse
from avfusion.pipelines.keep import Keep
from avfusion.pipelines.remove import remove
from tests.jobs.making import BOX, FRAMES, ball_clip, heard, shown

OTHER = Box(100, 20, 140, 70, object=2)


def removal(clip: Path, **more: Any) -> Any:
    return remove(clip, [BOX], engine="flow-fill", tracker="flow", segmenter="grabcut", **more)


def fusion(clip: Path, **more: Any) -> Any:
    return fuse(
        clip, [BOX, OTHER], background="blur", remove=[1], engine="flow", inpainter="flow-fill", segmenter="grabcut",
        **more,
    )  # fmt: skip


@pytest.mark.parametrize(("run", "stage"), [(removal, "filling"), (fusion, "rendering")])
def test_stopped_after_a_piece_it_is_the_same(run: Callable[..., Any], stage: str, tmp_path: Path) -> None:
    clip = ball_clip(tmp_path / "ball.mp4")
    whole, pieced, kept = tmp_path / "whole.mp4", tmp_path / "pieced.mp4", tmp_path / "kept"
    first = run(clip, out=whole, keep=Keep(tmp_path / "one", segment_frames=6))
    keep = Keep(kept, segment_frames=6)
    with pytest.raises(Stopped):
        run(clip, out=pieced, keep=keep, should_stop=lambda: any(kept.glob(f"{stage}-*/journal.jsonl")))
    assert not pieced.exists()
    second = run(clip, out=pieced, keep=keep)
    assert shown(pieced) == shown(whole)
    assert heard(pieced) == heard(whole)
    assert len(shown(pieced)) == FRAMES
    for measure in ("seen_share", "invented_share", "warp_error", "flicker"):
        assert getattr(second, measure) == getattr(first, measure)
