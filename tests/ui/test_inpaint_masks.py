"""Masks that a visitor brings: what becomes a track, and what is refused."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from avfusion.clip import Clip, Point
from avfusion.errors import AvfusionError, CannotRead, MaskCountMismatch, MaskSizeMismatch, NothingFound, UsageError
from avfusion.media.probe import probe
from avfusion.ui import words
from avfusion.ui.clicks import Selection
from avfusion.ui.inpaint_masks import read_given
from avfusion.ui.inpaint_visit import InpaintVisit
from avfusion.ui.painting import painted
from avfusion.ui.visit import Made, Visit
from tests.ui.making import balls, write_clip

COUNT = 4


@pytest.fixture
def clip(tmp_path: Path) -> Clip:
    return probe(write_clip(tmp_path / "clip.mp4", balls(COUNT, 64, 48)))


@pytest.fixture
def visit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InpaintVisit]:
    monkeypatch.setenv("AVFUSION_HOME", str(tmp_path / "home"))
    made = InpaintVisit()
    yield made
    made.forget()


def labels(frame: int) -> np.ndarray:
    """Object 1 on every frame, object 2 from frame 2 on."""
    picture = np.zeros((48, 64), np.uint8)
    picture[10:20, 5 + frame : 15 + frame] = 1
    if frame >= 2:
        picture[30:40, 40:50] = 2
    return picture


def written(folder: Path, pictures: list[np.ndarray]) -> list[Path]:
    folder.mkdir()
    files = [folder / f"m{number}.png" for number in range(len(pictures))]
    for file, picture in zip(files, pictures, strict=True):
        cv2.imwrite(str(file), picture)
    return files


def packed(path: Path, files: list[Path]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in files:
            archive.write(file, f"somewhere/{file.name}")
        archive.writestr("readme.txt", "masks")
    return path


def given(visit: InpaintVisit, clip: Clip, files: list[Path]) -> Made:
    return read_given(visit, clip, files, lambda _: None, lambda: False)


@pytest.mark.parametrize("is_packed", [False, True])
def test_they_become_a_track(visit: InpaintVisit, clip: Clip, tmp_path: Path, *, is_packed: bool) -> None:
    visit.show(clip, Selection())
    files = written(tmp_path / "masks", [labels(frame) for frame in range(COUNT)])
    made = given(visit, clip, [packed(tmp_path / "masks.zip", files)] if is_packed else files[::-1])
    for frame in range(COUNT):
        assert (made.tracking.track.labels(frame) == labels(frame)).all()
    assert [(prompt.object, prompt.frame) for prompt in made.made_from.prompts] == [(1, 0), (2, 2)]
    assert all((values == 1).all() for values in made.tracking.track.confidence.values())
    visit.give(made)
    assert visit.track_for(made.made_from) is made.tracking


def test_what_does_not_fit_is_refused(visit: InpaintVisit, clip: Clip, tmp_path: Path) -> None:
    whole = written(tmp_path / "whole", [labels(frame) for frame in range(COUNT)])
    wide = written(tmp_path / "wide", [np.zeros((48, 65), np.uint8)] * COUNT)
    black = written(tmp_path / "black", [np.zeros((48, 64), np.uint8)] * COUNT)
    broken = tmp_path / "broken.zip"
    broken.write_bytes(b"PK\x03\x04 no more")
    cases: list[tuple[list[Path], type[AvfusionError]]] = [
        (whole[:-1], MaskCountMismatch),
        ([packed(tmp_path / "few.zip", whole[:-1])], MaskCountMismatch),
        (wide, MaskSizeMismatch),
        (black, NothingFound),
        ([broken], CannotRead),
        ([packed(tmp_path / "all.zip", whole), whole[0]], UsageError),
    ]
    for files, error in cases:
        with pytest.raises(error):
            given(visit, clip, files)
        assert not list(visit.folder.glob("given-*"))


def test_masks_are_counted_and_what_is_painted_is_painted(visit: InpaintVisit, clip: Clip, tmp_path: Path) -> None:
    visit.show(clip, Selection())
    made = given(visit, clip, written(tmp_path / "masks", [labels(frame) for frame in range(COUNT)]))
    visit.selection = Selection(made.made_from.prompts)
    visit.give(made)
    assert "1 mask;" in words.selected(visit.selection, 0, labels(0), "", visit.wording)
    visit.selection = painted(visit, clip, 0, [(20, 20), (30, 20)], width_px=6, keep=True, segmenter="auto")
    assert "Painted by hand;" in words.selected(visit.selection, 0, labels(0), "", visit.wording)
    visit.show(clip, Selection())
    assert visit.brought == ()


def test_one_click_is_told_that_more_may_be_needed_and_too_much_is_questioned(visit: InpaintVisit, clip: Clip) -> None:
    one, two = (Point(5, 5),), (Point(5, 5), Point(40, 30))
    said = [words.selected(Selection(clicks), 0, labels(0), "", visit.wording) for clicks in (one, two)]
    assert ["outside the line" in text for text in said] == [True, False]
    visit.show(clip, Selection(one))
    assert visit.doubt(labels(0) > 0) == ""
    everything = np.ones((48, 64), np.bool_)
    assert "covers 100% of the picture" in words.doubt(visit.doubt(everything))
    assert Visit().doubt(everything) == ""  # to keep it all is nothing odd
