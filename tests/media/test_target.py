"""An output file either is whole or is not there."""

import os
from pathlib import Path

import pytest

from avfusion.errors import CannotWrite, OutputIsInput
from avfusion.media.target import new_folder, part_of_file, refuse_inputs, whole_file


def test_the_file_appears_at_the_end(tmp_path: Path) -> None:
    out = tmp_path / "out.txt"
    out.write_text("old")
    with whole_file(out) as part:
        part.write_text("new")
        assert out.read_text() == "old"
        assert part.parent == tmp_path
        assert part.suffix == ".txt"
    assert out.read_text() == "new"
    assert os.listdir(tmp_path) == ["out.txt"]


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt()])
def test_a_failed_block_leaves_what_was_there(tmp_path: Path, error: BaseException) -> None:
    out = tmp_path / "out.txt"
    out.write_text("old")

    def work() -> None:
        with whole_file(out) as part:
            part.write_text("half")
            raise error

    with pytest.raises(type(error)):
        work()
    assert (os.listdir(tmp_path), out.read_text()) == (["out.txt"], "old")


def test_system_errors_are_told_in_our_words_or_left_alone(tmp_path: Path) -> None:
    def work() -> None:
        with whole_file(tmp_path / "out.txt"):
            raise OSError(28, "No space left on device")

    def other_work() -> None:
        with part_of_file(tmp_path / "out.txt"):
            raise FileNotFoundError(2, "another file")

    with pytest.raises(CannotWrite, match="disk is full"):
        work()
    with pytest.raises(FileNotFoundError):
        other_work()
    assert os.listdir(tmp_path) == []


def test_a_folder_appears_at_the_end(tmp_path: Path) -> None:
    out = tmp_path / "masks"
    out.mkdir()
    with new_folder(out) as part:
        (part / "a").write_text("a")
        assert os.listdir(out) == []
    assert os.listdir(out) == ["a"]
    with pytest.raises(CannotWrite, match="already"), new_folder(out):
        pass
    assert os.listdir(tmp_path) == ["masks"]


@pytest.mark.parametrize("link", ["same", "symlink", "hardlink", "dotted"])
def test_the_output_is_no_input(tmp_path: Path, link: str) -> None:
    clip, other = tmp_path / "clip.mp4", tmp_path / "other.mp4"
    clip.write_text("clip")
    out = {"same": clip, "symlink": tmp_path / "s.mp4", "hardlink": tmp_path / "h.mp4"}.get(link)
    if link == "symlink":
        out.symlink_to(clip)
    if link == "hardlink":
        out.hardlink_to(clip)
    out = out or tmp_path / "sub" / ".." / "clip.mp4"
    (tmp_path / "sub").mkdir()
    with pytest.raises(OutputIsInput):
        refuse_inputs(out, [other, clip])
    refuse_inputs(other, [clip])
    refuse_inputs(tmp_path / "new.mp4", [clip, other])
