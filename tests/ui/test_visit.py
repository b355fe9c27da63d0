"""What the page keeps for one visitor, and when it goes."""

from __future__ import annotations

import dataclasses
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from avfusion.clip import Clip, Point, Scribble
from avfusion.errors import CannotRead, Stopped
from avfusion.jobs.home import home, tidy
from avfusion.pipelines.progress import OnProgress, ShouldStop
from avfusion.pipelines.track import Tracking
from avfusion.ui.clicks import Selection, clicked, redone, undone
from avfusion.ui.colours import rgb_of
from avfusion.ui.drawing import marked
from avfusion.ui.following import followed
from avfusion.ui.looking import shown, shown_labels
from avfusion.ui.visit import Visit, close
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


def follow(visit: Visit, clip: Clip) -> Tracking:
    """Follows what is selected now."""
    return followed(visit, clip, visit.wanted("auto", "auto"), lambda _: None, lambda: False)[0]


def test_a_track_counts_as_long_as_its_clicks_do(rolling: Path) -> None:
    visit = Visit()
    clip = visit.open(rolling)
    visit.selection = clicked(Selection(), 48, 60, frame=0, tool="keep")
    tracking = follow(visit, clip)
    wanted = visit.wanted("auto", "auto")
    assert visit.track_for(wanted) is tracking
    assert visit.track_for(dataclasses.replace(wanted, tracker="flow")) is None
    later = shown_labels(visit, clip, 4, "auto")
    assert later is not None
    assert later.any()
    visit.selection = clicked(visit.selection, 50, 60, frame=0, tool="keep")
    assert visit.tracking is None
    assert np.array_equal(shown_labels(visit, clip, 4, "auto"), later), "the last track stays until it is made again"


def test_following_again_costs_nothing_and_a_part_is_in_the_whole(rolling: Path) -> None:
    visit = Visit()
    clip = visit.open(rolling)
    visit.selection = clicked(Selection(), 48, 60, frame=0, tool="keep")
    tracking = follow(visit, clip)
    assert tracking.frames_tracked > 0
    again = follow(visit, clip)
    assert again.track is tracking.track
    assert again.frames_tracked == 0
    visit.span = (2, 5)
    assert follow(visit, clip).track is tracking.track
    assert visit.tracking is tracking


@pytest.mark.parametrize("frame", [0, 3])
def test_what_a_correction_shows_is_what_following_makes_of_it(rolling: Path, frame: int) -> None:
    visit = Visit()
    clip = visit.open(rolling)
    visit.selection = clicked(Selection(), 48, 60, frame=0, tool="keep")
    follow(visit, clip)
    before = shown_labels(visit, clip, frame, "auto")
    for x, y, tool in ((130, 20, "keep"), (133, 24, "keep"), (56, 62, "drop")):
        visit.selection = clicked(visit.selection, x, y, frame=frame, tool=tool)
        shown_now = shown_labels(visit, clip, frame, "auto")
        assert shown_now is not None
        assert shown_now[y, x] == (tool == "keep")
        follow(visit, clip)
        assert np.array_equal(shown_labels(visit, clip, frame, "auto"), shown_now)
    assert not np.array_equal(before, shown_now)


def test_undo_and_redo_find_the_track_of_before(rolling: Path) -> None:
    visit = Visit()
    clip = visit.open(rolling)
    visit.selection = clicked(Selection(), 48, 60, frame=0, tool="keep")
    first = follow(visit, clip)
    visit.selection = clicked(visit.selection, 60, 66, frame=3, tool="keep")
    assert visit.tracking is None
    second = follow(visit, clip)
    visit.selection = undone(visit.selection)
    assert visit.tracking is first
    visit.selection = redone(visit.selection)
    assert visit.tracking is second
    visit.selection = Selection()
    assert visit.known is None
    assert shown_labels(visit, clip, 3, "auto") is None


def test_what_is_drawn_over_a_frame(rolling: Path) -> None:
    visit = Visit()
    clip = visit.open(rolling)
    clean = shown(clip, 0)
    visit.selection = Selection((Point(48, 60), Point(150, 10, keep=False)))
    labels = shown_labels(visit, clip, 0, "auto")
    drawn = marked(clean, clip, labels=labels, prompts=visit.selection.prompts)
    assert drawn.shape == clean.shape
    assert np.array_equal(marked(clean, clip, labels=None), clean)
    assert np.abs(drawn[363 + 6, 291 + 6].astype(int) - rgb_of(1)).max() < 12, "a kept click has its object's colour"
    assert drawn[63 + 6, 903 + 4, 0] > drawn[63 + 6, 903 + 4, 2] + 100, "a dropped click is red"
    assert np.abs(clean[420, 330].astype(int) - BALL_RGB).max() < 12
    assert drawn[420, 330, 2] > 100, "the object is tinted blue"
    assert np.array_equal(drawn[700, 40], clean[700, 40]), "the rest stays"


def test_each_object_has_its_own_tint_and_its_own_dots(rolling: Path) -> None:
    clip = Visit().open(rolling)
    black = np.zeros_like(shown(clip, 0))
    labels = np.zeros((120, 160), np.uint8)
    labels[:, :40], labels[:, 120:] = 1, 2
    drawn = marked(black, clip, labels=labels, prompts=[Scribble(((60, 100), (90, 100)), True, 4, 0, 2)])
    assert np.abs(drawn[300, 100].astype(int) * 2 - rgb_of(1)).max() <= 2
    assert np.abs(drawn[300, 900].astype(int) * 2 - rgb_of(2)).max() <= 2
    assert np.abs(drawn[603, 450].astype(int) - rgb_of(2)).max() <= 2
    assert not drawn[300, 480].any()


def test_the_files_of_a_visit_are_not_tidied_while_it_lasts(rolling: Path) -> None:
    visit = Visit()
    clip = visit.open(rolling)
    assert tidy(older_than_s=-10, most_bytes=0) > 0
    assert clip.path.is_file()
    visit.forget()
    assert job_files() == []
