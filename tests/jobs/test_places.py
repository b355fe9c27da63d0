"""Where a run writes: never over what it reads, no two files in one place, nothing foreign."""

import os
from pathlib import Path

import pytest

from avfusion.errors import CannotWrite, OutputIsInput, UsageError
from avfusion.jobs.places import marks_of, outs_beside, refuse_clashes, refuse_foreign


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    (tmp_path / "clip.mp4").write_bytes(b"dear")
    (tmp_path / "deep").mkdir()
    return tmp_path / "clip.mp4"


@pytest.mark.parametrize("name", ["clip.mp4", "./deep/../clip.mp4", "soft.mp4", "hard.mp4", "turn/clip.mp4"])
def test_an_input_is_known_by_every_name(name: str, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "soft.mp4").symlink_to(clip)
    os.link(clip, tmp_path / "hard.mp4")
    (tmp_path / "turn").symlink_to(tmp_path)
    with pytest.raises(OutputIsInput, match="would replace its own input"):
        refuse_clashes({"out": tmp_path / "out.mp4", "saved": tmp_path / name}, [clip])


def test_a_file_of_a_folder_that_is_read_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "00000.png").write_bytes(b"x")
    with pytest.raises(OutputIsInput, match="a file of its own input"):
        refuse_clashes({"out": tmp_path / "masks" / "00000.png"}, [tmp_path / "masks"])
    refuse_clashes({"out": tmp_path / "masks" / "new.mp4"}, [tmp_path / "masks"])


@pytest.mark.parametrize("other", ["out", "deep/../out", "out/job.json", "turn/out"])
def test_two_results_need_two_places_though_neither_is_there_yet(other: str, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "turn").symlink_to(tmp_path)
    with pytest.raises(UsageError, match="the result and the saved job would lie in one place"):
        refuse_clashes({"out": tmp_path / "out", "saved": tmp_path / other}, [clip])
    refuse_clashes({"out": tmp_path / "out.mp4", "saved": tmp_path / "out.json"}, [clip])


def test_only_what_was_written_before_is_written_over(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    refuse_foreign({"report": page}, [])
    page.write_text("mine")
    marks = marks_of({"report": page, "map": tmp_path / "none.mp4"})
    refuse_foreign({"report": page}, [{}, marks])
    with pytest.raises(CannotWrite, match="would write its report over it"):
        refuse_foreign({"report": page}, [])
    page.write_text("changed since")
    with pytest.raises(CannotWrite, match=r"page\.html: this is there already"):
        refuse_foreign({"report": page}, [marks])


def test_other_files_follow_the_result(tmp_path: Path) -> None:
    before = {"out": Path("out.mp4"), "report": Path("page.html"), "map": Path("seen.webm")}
    there, other = tmp_path / "out.mp4", tmp_path / "other.mp4"
    assert outs_beside(there, before) == {
        "out": there, "report": tmp_path / "page.html", "map": tmp_path / "seen.webm",
    }  # fmt: skip
    assert outs_beside(other, before) == {
        "out": other, "report": tmp_path / "other.html", "map": tmp_path / "other-map.webm",
    }  # fmt: skip
