"""What a removal hands out: files of every format, and copies that a browser plays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from avfusion.clip import Drawn
from avfusion.media.probe import probe
from avfusion.media.write import write_video
from avfusion.pipelines.remove import RemoveSettings
from avfusion.ui.clicks import Selection
from avfusion.ui.inpaint_making import Outcome, Wish, is_still, make, middle_of
from avfusion.ui.inpaint_showing import finished
from avfusion.ui.inpaint_visit import InpaintVisit
from avfusion.ui.visit import TrackOf
from tests.ui.making import balls, write_clip

COUNT = 6


@pytest.fixture
def visit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InpaintVisit]:
    monkeypatch.setenv("AVFUSION_HOME", str(tmp_path / "home"))
    made = InpaintVisit()
    yield made
    made.forget()


def removed(visit: InpaintVisit, source: Path, ending: str, span: tuple[int, int] | None = None) -> Outcome:
    clip = probe(source)
    mask = np.zeros((clip.height_px, clip.width_px), bool)
    mask[8:20, 10:24] = True
    visit.show(clip, Selection((Drawn(mask, frame=span[0] if span else 0),)))
    wanted = TrackOf(visit.selection.prompts, span=span)
    wish = Wish(wanted, "telea", ending, RemoveSettings())
    return make(visit, clip, wish, lambda _: None, lambda: False)


def frames_in(file: Path) -> int:
    with av.open(str(file)) as container:
        assert container.streams.video[0].codec_context.name in ("h264", "libvpx-vp9", "vp9")
        return sum(1 for _ in container.decode(video=0))


@pytest.mark.parametrize("ending", [".mp4", ".mov", ".gif", ".zip"])
def test_every_format_can_be_played(visit: InpaintVisit, tmp_path: Path, ending: str) -> None:
    source = write_clip(tmp_path / "clip.mp4", balls(COUNT, 64, 48))
    outcome = removed(visit, source, ending)
    assert outcome.file.name == f"clip-removed{ending}"
    assert outcome.before == source
    assert outcome.after is not None
    assert (outcome.after == outcome.file) == (ending == ".mp4")
    assert frames_in(outcome.after) == frames_in(outcome.map) == COUNT
    assert outcome.report.engines == {"tracking": "flow", "inpainting": "telea"}
    assert not any("grabcut" in note for note in outcome.report.notes)


def test_a_source_that_no_browser_plays_is_copied(visit: InpaintVisit, tmp_path: Path) -> None:
    clip = probe(write_clip(tmp_path / "clip.mp4", balls(COUNT, 64, 48)))
    source = tmp_path / "clip.mov"
    write_video(source, (frame.yuv for frame in clip.frames()), clip=clip)
    outcome = removed(visit, source, ".mp4")
    assert outcome.before is not None
    assert outcome.before.name == "before.mp4"
    assert frames_in(outcome.before) == COUNT


def test_the_original_begins_earlier_than_a_part_of_it(visit: InpaintVisit, tmp_path: Path) -> None:
    source = write_clip(tmp_path / "clip.mp4", balls(COUNT, 64, 48))
    outcome = removed(visit, source, ".mp4", (2, 5))
    assert outcome.clip.frame_count == 3
    assert outcome.offset_s == pytest.approx(2 / 25)


@pytest.mark.parametrize(("count", "span"), [(COUNT, (0, 1)), (COUNT, (COUNT - 1, COUNT)), (1, None)])
def test_one_frame_of_a_clip_is_a_clip(
    visit: InpaintVisit, tmp_path: Path, count: int, span: tuple[int, int] | None
) -> None:
    source = write_clip(tmp_path / "clip.mp4", balls(count, 64, 48))
    assert not is_still(probe(source))
    outcome = removed(visit, source, ".mp4", span)
    assert outcome.after is not None
    assert frames_in(outcome.after) == frames_in(outcome.map) == 1
    assert str(finished(outcome, took_s=1.0).player).count("<video") == 3


def test_a_picture_stays_a_picture(visit: InpaintVisit, tmp_path: Path) -> None:
    Image.fromarray(next(balls(1, 64, 48))).save(tmp_path / "ball.png")
    outcome = removed(visit, tmp_path / "ball.png", ".webp")
    assert (outcome.before, outcome.after) == (None, None)
    assert outcome.report.engines == {"inpainting": "telea"}
    assert outcome.map.suffix == ".png"
    assert str(finished(outcome, took_s=1.0).player).count("<img") == 3


def test_where_the_border_stands_at_first() -> None:
    mask = np.zeros((10, 100), bool)
    assert middle_of(mask) == 0.5
    mask[:, 60:81] = True
    assert middle_of(mask) == pytest.approx(0.7)
    mask[:] = False
    mask[:, :2] = True
    assert 0 < middle_of(mask) < 0.1
