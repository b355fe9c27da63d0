"""What a so-vits training leaves behind: `G_*.pth` and `D_*.pth` by step, `config.json`, and its losses as a table."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from avfusion.errors import CannotRead
from avfusion.media.target import whole_file, writing
from avfusion.voice.model_file import read_file
from avfusion.voice.so_vits_files import first_line
from avfusion.voice.train_so_vits_config import Config

LOSSES = "losses.csv"


@dataclass(frozen=True)
class Losses:
    """What one step found. total: of the generator, the sum of the four after it and of how well it deceives.

    mel: distance of mel spectrograms; feature: of what the discriminator sees; kl: prior and posterior; log_f0: the
    melody that the network predicts. discriminator: its own loss.
    """

    step: int
    epoch: int
    learning_rate: float
    total: float
    mel: float
    feature: float
    kl: float
    log_f0: float
    discriminator: float


def weights_of(folder: Path, step: int) -> Path:
    return folder / f"G_{step}.pth"


def last_step(folder: Path) -> int | None:
    """The last step whose two networks are both in the folder."""
    steps = _steps(folder, "G") & _steps(folder, "D")
    return max(steps, default=None)


def save(folder: Path, network: Any, config: Config, step: int, *, keep: int) -> None:
    """Writes both networks with their optimizers, as the fork does, each whole or not at all, and `config.json`.

    network: the fork's lightning module. keep: how many steps stay in the folder; 0: all. Raises CannotWrite.
    """
    import torch

    with whole_file(folder / "config.json") as part:
        part.write_text(json.dumps(config, indent=2), "utf-8")
    for name, net, optimizer in _both(network):  # the generator last: with it, the step counts
        held = {
            "model": net.state_dict(), "iteration": step, "optimizer": optimizer.state_dict(),
            "learning_rate": network.learning_rate,
        }  # fmt: skip
        with whole_file(folder / f"{name}_{step}.pth") as part:
            torch.save(held, part)
    if keep > 0:
        kept = set(sorted(step for step in _steps(folder, "G") if step)[-keep:]) | {0, step}
        for name in "GD":
            for old in _steps(folder, name) - kept:
                (folder / f"{name}_{old}.pth").unlink(missing_ok=True)


def remove_parts(folder: Path) -> None:
    """Checkpoints that were being written when the machine or the program went down: half a gigabyte each."""
    for part in folder.glob(".[GD]_*.part.pth"):
        part.unlink(missing_ok=True)


def restore(folder: Path, network: Any, step: int) -> None:
    """Gives the networks and their optimizers what they had at that step. Raises CannotRead."""
    for name, net, optimizer in _both(network):
        path = folder / f"{name}_{step}.pth"
        held = read_file(path)
        try:
            net.load_state_dict(held["model"])
            if held["optimizer"] is not None:
                optimizer.load_state_dict(held["optimizer"])
        except (RuntimeError, KeyError, ValueError, TypeError, AttributeError) as error:
            raise CannotRead(f"{path}: does not fit the config.json beside it ({first_line(error)}).") from error


def _both(network: Any) -> tuple[tuple[str, Any, Any], ...]:
    return ("D", network.net_d, network.optim_d), ("G", network.net_g, network.optim_g)


def _steps(folder: Path, name: str) -> set[int]:
    found = (re.fullmatch(rf"{name}_(\d+)\.pth", path.name) for path in folder.glob(f"{name}_*.pth"))
    return {int(match[1]) for match in found if match}


class LossTable:
    """`losses.csv`: a row for each step. What a training that goes on from `step` has behind it stays."""

    def __init__(self, folder: Path, step: int) -> None:
        self._path = folder / LOSSES
        rows = [row for row in read_losses(folder) if row.step <= step]
        with whole_file(self._path) as part, part.open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow([field.name for field in fields(Losses)])
            table.writerows(_row(row) for row in rows)

    def add(self, losses: Losses) -> None:
        with writing(self._path), self._path.open("a", newline="") as file:
            csv.writer(file).writerow(_row(losses))


def read_losses(folder: Path) -> tuple[Losses, ...]:
    """The table in a folder, while it grows too; nothing where there is none. Raises CannotRead."""
    path = folder / LOSSES
    if not path.is_file():
        return ()
    try:
        # A row without its end is being written, or was when the machine went down.
        whole, _, _ = path.read_bytes().rpartition(b"\n")
        return tuple(_losses(row) for row in csv.DictReader(whole.decode("utf-8").splitlines()))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CannotRead(f"{path}: cannot be read as losses of a training ({first_line(error)}). Delete it.") from error


def _row(losses: Losses) -> list[str]:
    return [format(value, ".6g") if isinstance(value, float) else str(value) for value in asdict(losses).values()]


def _losses(row: dict[str, str]) -> Losses:
    numbers = {field.name: float(row[field.name]) for field in fields(Losses)[2:]}
    return Losses(step=int(row["step"]), epoch=int(row["epoch"]), **numbers)
