"""What a training's page is made of: the tables of losses and scores, and training.json, however far they have come."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Column: TypeAlias = NDArray[np.float64]
Columns: TypeAlias = Mapping[str, Column]
"""Of a table; a cell that is empty or no number is NaN. All have the length of `step`."""

LAST_ROWS = 50
"""What "of late" means."""

# More rows than this are thinned before they are read: nobody sees more, and a long training has 180,000.
_MOST_ROWS = 2000


def read_columns(path: Path) -> Columns:
    """A table of numbers, while it grows too; without rows where there is none, or where somebody changed it."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True) if path.is_file() else []
    if lines and not lines[-1].endswith("\n"):
        del lines[-1]  # is being written
    head = next(csv.reader(lines[:1]), ["step"])
    rows = [row for row in csv.reader(_thinned(lines[1:])) if len(row) == len(head)]
    cells = np.array([[_number(cell) for cell in row] for row in rows], np.float64).reshape(len(rows), len(head))
    columns = {name: cells[:, place] for place, name in enumerate(head)}
    good = np.isfinite(columns.get("step", np.empty(0)))
    if not good.any():
        return {"step": np.empty(0)}
    return {name: values[good] for name, values in columns.items()}


def _thinned(lines: list[str]) -> list[str]:
    """Evenly, but for the last ones."""
    if len(lines) <= _MOST_ROWS:
        return lines
    before = len(lines) - LAST_ROWS
    return [lines[place] for place in np.linspace(0, before, _MOST_ROWS, endpoint=False).astype(int)] + lines[before:]


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return float("nan")


def read_facts(path: Path) -> Mapping[str, Any]:
    """What training.json says; nothing where it says nothing."""
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # the page is there before it, and does without it
        return {}
    return facts if isinstance(facts, dict) else {}


def score_names(scores: Columns) -> tuple[str, ...]:
    """Of scores that there is a number of."""
    return tuple(name for name in scores if name != "step" and len(numbers_of(scores, name)[1]))


def best_step(scores: Columns, facts: Mapping[str, Any]) -> int | None:
    """The step of the best validation, as the training says it, else by the first score."""
    names = score_names(scores)
    if not names:
        return None
    said = facts.get("best")
    if isinstance(said, dict) and said.get("step") in scores["step"]:
        return int(said["step"])
    return int(scores["step"][int(np.nanargmax(scores[names[0]]))])


def numbers_of(table: Columns, name: str) -> tuple[Column, Column]:
    """(steps, values) where there is a number."""
    values = table.get(name, np.empty(0))
    good = np.isfinite(values)
    return table["step"][: len(values)][good], values[good]


def late_of(table: Columns, name: str) -> Column:
    """Values of late."""
    return numbers_of(table, name)[1][-LAST_ROWS:]


def seconds_a_step(losses: Columns, facts: Mapping[str, Any]) -> float | None:
    """Of late; None where nothing says so."""
    rates = late_of(losses, "clips_per_s")
    settings = facts.get("settings")
    batch = settings.get("batch") if isinstance(settings, dict) else None
    if not len(rates) or not isinstance(batch, int) or np.median(rates) <= 0:
        return None
    return batch / float(np.median(rates))
