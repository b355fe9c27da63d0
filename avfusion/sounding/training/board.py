"""What a training finds, for TensorBoard: `tensorboard --logdir DIR/board`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from avfusion.media.target import writing

_LOSSES = {"lr": "learning/rate", "grad_norm": "learning/length of gradients", "clips_per_s": "learning/clips a second"}


class Board:
    """Event files in a folder. Where a training goes on, what an earlier run said of later steps is not shown."""

    def __init__(self, folder: Path, after_step: int) -> None:
        """after_step: how many steps were done before this run. Raises `CannotWrite`."""
        from torch.utils.tensorboard import SummaryWriter

        self._folder = folder
        with writing(folder):
            # What TensorBoard is told to forget begins with this step.
            purged = after_step + 1 if folder.is_dir() else None
            self._writer: Any = SummaryWriter(str(folder), purge_step=purged)

    def losses(self, step: int, values: Mapping[str, float]) -> None:
        """Of the step of that number, by the names of `losses.csv`."""
        self._add(step, {_LOSSES.get(name, f"loss/{name}"): value for name, value in values.items()})

    def scores(self, step: int, values: Mapping[str, float]) -> None:
        """Of a validation."""
        self._add(step, {f"score/{name}": value for name, value in values.items()})
        self._writer.flush()

    def close(self) -> None:
        with writing(self._folder):
            self._writer.close()

    def _add(self, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)
