"""Tables that grow by a row at a time while a training goes on: losses and scores, as CSV."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from avfusion.errors import CannotRead
from avfusion.media.target import whole_file, writing

LOSSES, SCORES = "losses.csv", "scores.csv"
LOSS_COLUMNS = ("step", "lr", "total", "class", "mask", "dice", "cosine", "grad_norm", "clips_per_s")


class StepTable:
    """Begins with a column `step`. What is there of a training that goes on stays, up to the step it goes on from."""

    def __init__(self, path: Path, columns: Sequence[str], after_step: int) -> None:
        self._path, self._columns = path, tuple(columns)
        rows = [row for row in read_table(path) if row["step"] <= after_step]
        with whole_file(path) as part, part.open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(self._columns)
            table.writerows([_plain(row.get(name)) for name in self._columns] for row in rows)

    def add(self, row: Mapping[str, float]) -> None:
        """Raises `CannotWrite`."""
        with writing(self._path), self._path.open("a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow([_plain(row.get(name)) for name in self._columns])


def read_table(path: Path) -> list[dict[str, float]]:
    """Rows, also while it grows; [] where there is no table. Raises `CannotRead`."""
    if not path.is_file():
        return []
    # A row without its end is being written, or was when the machine went down.
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    try:
        head, *rows = csv.reader(lines)
        return [{name: float(value) for name, value in zip(head, row, strict=True) if value} for row in rows]
    except ValueError as error:
        raise CannotRead(
            f"{path}: cannot be read as a table of numbers ({error}). Remove it to begin a new one."
        ) from error


def _plain(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.10g}"
