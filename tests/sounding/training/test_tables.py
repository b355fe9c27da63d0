"""Tables that grow by rows, are cut back where a training goes on, and are read while they grow."""

from pathlib import Path

import pytest

from avfusion.errors import CannotRead
from avfusion.sounding.training.tables import StepTable, read_table

COLUMNS = ("step", "total", "cosine")


def test_rows_come_back_and_what_is_not_known_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "losses.csv"
    table = StepTable(path, COLUMNS, 0)
    table.add({"step": 1, "total": 0.1234567890123, "cosine": 2e-12})
    table.add({"step": 2, "total": 7})
    first, second = read_table(path)
    assert first == pytest.approx({"step": 1, "total": 0.1234567890123, "cosine": 2e-12}, rel=1e-9)
    assert second == {"step": 2, "total": 7}


def test_where_a_training_goes_on_later_rows_are_gone(tmp_path: Path) -> None:
    path = tmp_path / "losses.csv"
    table = StepTable(path, COLUMNS, 0)
    for step in (1, 2, 3):
        table.add({"step": step, "total": step / 3})
    before = read_table(path)
    StepTable(path, COLUMNS, 2).add({"step": 3, "total": 9})
    assert read_table(path) == [*before[:2], {"step": 3, "total": 9}]


def test_a_row_that_is_being_written_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "losses.csv"
    StepTable(path, COLUMNS, 0).add({"step": 1, "total": 1})
    with path.open("a") as file:
        file.write("2,0.")
    assert [row["step"] for row in read_table(path)] == [1]


def test_no_table_has_no_rows_and_another_file_is_refused_by_name(tmp_path: Path) -> None:
    assert read_table(tmp_path / "none.csv") == []
    (tmp_path / "losses.csv").write_text("step,total\none,two\n")
    with pytest.raises(CannotRead, match=r"losses\.csv: cannot be read as a table of numbers"):
        read_table(tmp_path / "losses.csv")
