"""TensorBoard's own reader finds what was written, and each step once."""

from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from avfusion.errors import CannotWrite
from avfusion.sounding.training.board import Board


def shown(folder: Path) -> dict[str, list[tuple[int, float]]]:
    found = EventAccumulator(str(folder))
    found.Reload()
    events = {name: found.Scalars(name) for name in found.Tags()["scalars"]}
    return {name: [(event.step, pytest.approx(event.value)) for event in of] for name, of in events.items() if of}


def test_losses_and_scores_are_shown_by_step(tmp_path: Path) -> None:
    board = Board(tmp_path / "board", 0)
    for step in (1, 2):
        board.losses(step, {"total": 10 - step, "lr": 0.1 / step, "grad_norm": 3})
    board.scores(2, {"M_J": 0.5})
    board.close()
    assert shown(tmp_path / "board") == {
        "loss/total": [(1, 9), (2, 8)],
        "learning/rate": [(1, 0.1), (2, 0.05)],
        "learning/length of gradients": [(1, 3), (2, 3)],
        "score/M_J": [(2, 0.5)],
    }


def test_a_training_that_goes_on_shows_no_step_twice(tmp_path: Path) -> None:
    board = Board(tmp_path / "board", 0)
    for step in range(1, 11):
        board.losses(step, {"total": step})
    board.scores(5, {"M_J": 0.1})
    board.scores(10, {"M_J": 0.2})
    board.close()
    again = Board(tmp_path / "board", 6)
    for step in (7, 8):
        again.losses(step, {"total": 100 + step})
    again.close()
    assert shown(tmp_path / "board") == {
        "loss/total": [*((step, step) for step in range(1, 7)), (7, 107), (8, 108)],
        "score/M_J": [(5, 0.1)],
    }


def test_a_validation_can_be_seen_at_once(tmp_path: Path) -> None:
    board = Board(tmp_path / "board", 0)
    board.losses(1, {"total": 4})
    board.scores(1, {"M_J": 0.5})
    assert shown(tmp_path / "board") == {"loss/total": [(1, 4)], "score/M_J": [(1, 0.5)]}
    board.close()


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "board").write_text("mine")
    with pytest.raises(CannotWrite, match="board"):
        Board(tmp_path / "board", 0)
