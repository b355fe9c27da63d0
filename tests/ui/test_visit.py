"""What the page keeps for one visitor, and when it goes."""

from __future__ import annotations

import dataclasses
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from avfusion.clip import Clip, Point
from avfusion.errors import CannotRead, Stopped, TooLarge
from avfusion.jobs.home import home
from avfusion.pipelines.progress import OnProgress, ShouldStop
from avfusion.pipelines.track import Tracking, track
from avfusion.ui.clicks import Selection
from avfusion.ui.drawing import marked
from avfusion.ui.visit import TrackOf, Visit, check_work, close, shown, shown_mask
from tests.ui.making import BALL_RGB, balls, write_clip


@pytest.fixture
def rolling(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "rolling.mp4", balls(6, 160, 120))


def job_files() -> list[Path]:
    return [path for path in (home() / "jobs").rglob("*") if path.is_file()]


def test_a_visit_costs_no_folder_until_it_holds_a_file(rolling: Path) -> None:
    visit = Visit()
    close(visit)
    assert not (home() / "jobs").exists()
    visit.open(rolling)
    assert [path.name for path in job_files()] == ["rolling.mp4"]


def test_the_clip_outlives_the_upload(rolling: Path) -> None:
    visit = Visit()
    clip = visit.open(rolling)
    rolling.unlink()
    assert shown(clip, 5).shape[:2] == (720, 960)


def test_a_new_clip_forgets_everything(rolling: Path, tmp_path: Path) -> None:
    visit = Visit()
    visit.open(rolling)
    visit.selection = Selection((Point(48, 60),))
    visit.open(write_clip(tmp_path / "other.mp4", balls(3, 160, 120)))
    assert visit.selection == Selection()
    assert visit.tracking is None
    assert [path.name for path in job_files()] == ["other.mp4"]


def test_what_cannot_be_read_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("text")
    visit = Visit()
    with pytest.raises(CannotRead):
        visit.open(tmp_path / "text.mp4")
    assert visit.clip is None
    assert job_files() == []


def test_closing_stops_the_run_and_removes_its_files(rolling: Path) -> None:
    visit = Visit()
    visit.open(rolling)
    has_stopped = threading.Event()

    def work(tell: OnProgress, should_stop: ShouldStop) -> None:
        with visit.folder_for("result") as folder:
            (folder / "half.mp4").write_bytes(b"half")
            while not should_stop():
                time.sleep(0.01)
            has_stopped.set()
            raise Stopped("Stopped.")

    visit.start(work)
    close(visit)
    assert has_stopped.is_set()
    assert job_files() == []
    assert list((home() / "jobs").iterdir()) == []


def test_a_track_counts_as_long_as_its_clicks_do(rolling: Path) -> None:
    visit = Visit()
    clip = visit.open(rolling)
    visit.selection = Selection((Point(48, 60),))
    made_from = TrackOf(visit.selection.prompts, "auto", "auto")
    with visit.folder_for("track") as folder:
        tracking: Tracking = track(clip, made_from.prompts, folder=folder)
    visit.keep_track(made_from, tracking)
    assert visit.track_for(made_from) is tracking
    assert visit.track_for(dataclasses.replace(made_from, tracker="flow")) is None
    later = shown_mask(visit, clip, 4, "auto")
    assert later is not None
    assert later.any()
    visit.selection = Selection((Point(48, 60), Point(50, 60)))
    assert visit.tracking is None
    assert shown_mask(visit, clip, 4, "auto") is None


def test_what_is_drawn_over_a_frame(rolling: Path) -> None:
    visit = Visit()
    clip = visit.open(rolling)
    clean = shown(clip, 0)
    visit.selection = Selection((Point(48, 60), Point(150, 10, keep=False)))
    mask = shown_mask(visit, clip, 0, "auto")
    drawn = marked(clean, clip, mask=mask, prompts=visit.selection.prompts)
    assert drawn.shape == clean.shape
    assert np.array_equal(marked(clean, clip, mask=None), clean)
    assert drawn[363, 291, 1] > drawn[363, 291, 0], "a kept click is a green dot"
    assert drawn[63, 903, 0] > drawn[63, 903, 1], "a dropped click is a red dot"
    assert np.abs(clean[420, 330].astype(int) - BALL_RGB).max() < 12
    assert drawn[420, 330, 2] > 100, "the object is tinted blue"
    assert np.array_equal(drawn[700, 40], clean[700, 40]), "the rest stays"


def test_work_beyond_the_limit_is_refused(rolling: Path) -> None:
    clip: Clip = Visit().open(rolling)
    gigapixels = 160 * 120 * 6 / 1e9
    assert check_work(clip, {}) is clip
    assert check_work(clip, {"AVFUSION_MAX_GIGAPIXELS": str(gigapixels * 1.01)}) is clip
    with pytest.raises(TooLarge, match=r"6 frames of 160 x 120"):
        check_work(clip, {"AVFUSION_MAX_GIGAPIXELS": str(gigapixels * 0.99)})
