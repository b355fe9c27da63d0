"""A piece under a journal is there whole or not at all, whatever a kill tore off."""

from pathlib import Path

import numpy as np
import pytest

from avfusion.errors import CannotWrite
from avfusion.media.journal import Journal


def finished(journal: Journal, name: str) -> None:
    journal.save(f"{name}.npz", {"a": np.arange(5), "b": np.array(2.5)})
    journal.note(name, files=[f"{name}.npz"], frames=5)


def test_pieces_are_found_again(tmp_path: Path) -> None:
    assert Journal(tmp_path).is_empty
    finished(Journal(tmp_path), "0")
    finished(Journal(tmp_path), "5")
    again = Journal(tmp_path)
    note = again.find("0")
    assert note is not None
    assert note["frames"] == 5
    assert again.find("1") is None
    state = again.load("5.npz")
    assert state is not None
    np.testing.assert_array_equal(state["a"], np.arange(5))
    assert float(state["b"]) == 2.5


@pytest.mark.parametrize("kept", range(0, 40, 7))
def test_a_torn_last_line_is_ignored_and_does_not_spoil_the_next(tmp_path: Path, kept: int) -> None:
    journal = Journal(tmp_path)
    finished(journal, "0")
    lines = (tmp_path / "journal.jsonl").read_bytes()
    finished(journal, "5")
    second = (tmp_path / "journal.jsonl").read_bytes()[len(lines) :]
    (tmp_path / "journal.jsonl").write_bytes(lines + second[:kept])
    again = Journal(tmp_path)
    assert again.find("0") is not None
    assert again.find("5") is None
    finished(again, "9")
    assert [Journal(tmp_path).find(name) is not None for name in ("0", "5", "9")] == [True, False, True]


def test_a_piece_without_its_file_is_not_there(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    finished(journal, "0")
    finished(journal, "5")
    (tmp_path / "0.npz").unlink()
    with (tmp_path / "5.npz").open("ab") as file:
        file.write(b"x")
    assert Journal(tmp_path).is_empty


def test_what_was_half_written_is_gone(tmp_path: Path) -> None:
    journal = Journal(tmp_path)

    def write(numbers: list[int]) -> None:
        with journal.durable("x.bin") as part:
            part.write_bytes(bytes(numbers[:1]))
            part.write_bytes(bytes([numbers[1]]))

    with pytest.raises(IndexError):
        write([7])
    assert list(tmp_path.iterdir()) == []
    (tmp_path / ".x-0a0b0c0d.part.bin").write_bytes(b"of a run that was killed")
    Journal(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_pickled(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="pickle"):
        Journal(tmp_path).save("x.npz", {"a": np.array([object()])})
    np.savez(tmp_path / "y.npz", a=np.array([{}], object))
    assert Journal(tmp_path).load("y.npz") is None


def test_a_full_disk_is_one_clear_line(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    (tmp_path / "journal.jsonl").symlink_to("/dev/full")
    with pytest.raises(CannotWrite, match="the disk is full") as raised:
        journal.note("0")
    assert "\n" not in str(raised.value)
    assert journal.is_empty
