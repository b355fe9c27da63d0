"""Trains a so-vits voice with the networks, losses and steps of so-vits-svc-fork, from prepared pieces of speech.

J. Kim et al., VITS (ICML 2021), as so-vits-svc 4.0 changed it. The fork's own loop around them fetches weights, counts
in epochs, forgets its optimizers when it goes on, and plots with functions that numpy no longer has; this one does not.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from avfusion.errors import InputError
from avfusion.voice.so_vits_files import fork, own_logging, silent
from avfusion.voice.train_so_vits_checkpoints import Losses, LossTable, restore, save
from avfusion.voice.train_so_vits_config import Config
from avfusion.voice.train_so_vits_prepare import Prepared
from avfusion.voice.train_so_vits_start import Start, begin_with


@dataclass(frozen=True)
class Plan:
    """until_step: steps in all, with those of earlier runs. batch: pieces in one step. device: as torch calls it."""

    until_step: int
    batch: int
    save_every: int
    device: str


def steps_of_epoch(pieces: int, batch: int) -> int:
    return -(-pieces // batch)


def train(
    folder: Path,
    config: Config,
    prepared: Prepared,
    plan: Plan,
    *,
    after_step: int,
    on_step: Callable[[Losses], None],
    should_stop: Callable[[], bool],
    start: Start | None = None,
) -> int:
    """Trains from `after_step` (0: from `start`, or random weights) on; the number of the last step, saved in `folder`.

    Saves every `plan.save_every` steps, at the end, and when `should_stop` says so after a step. Raises CannotRead (a
    checkpoint that does not fit), CannotWrite, InputError when the losses are no longer numbers, KeyboardInterrupt.
    """
    with _quiet():
        network = _network(config)
        if after_step:
            restore(folder, network, after_step)
        elif start is not None:
            begin_with(start, network)
        run = _Run(
            folder, config, plan, after_step, on_step, should_stop, steps_of_epoch(len(prepared.files), plan.batch)
        )
        pieces = _loader(prepared, config, plan.batch, after_step)
        pl = importlib.import_module("lightning.pytorch")
        trainer = pl.Trainer(
            **_place(plan.device), max_epochs=-1, limit_val_batches=0, logger=False, enable_checkpointing=False,
            enable_progress_bar=False, enable_model_summary=False, default_root_dir=str(folder),
            callbacks=[pl.callbacks.LambdaCallback(on_train_batch_end=run.after_batch)],
        )  # fmt: skip
        try:
            trainer.fit(network, train_dataloaders=pieces)
        except importlib.import_module("lightning.pytorch.utilities.exceptions").SIGTERMException:
            pass  # raised between two steps, for a signal that `should_stop` hears of too
        except SystemExit as error:
            # Lightning's answer to Ctrl-C; and the fork's to a melody that is not a number.
            if isinstance(error.__context__, KeyboardInterrupt):
                raise KeyboardInterrupt from error
            raise _no_numbers(run.step + 1) from error
        run.save(network)
    return run.step


class _Run:
    """Counts the steps, tells and saves what they found, and says when it is enough."""

    def __init__(
        self,
        folder: Path,
        config: Config,
        plan: Plan,
        step: int,
        on_step: Callable[[Losses], None],
        should_stop: Callable[[], bool],
        steps_of_epoch: int,
    ) -> None:
        self._folder, self._config, self._plan = folder, config, plan
        self._on_step, self._should_stop, self._steps_of_epoch = on_step, should_stop, steps_of_epoch
        self._table = LossTable(folder, step)
        self.step = step
        self._saved: int | None = None

    def after_batch(self, trainer: Any, network: Any, *_: object) -> None:
        self.step += 1
        losses = self._losses(network)
        if not math.isfinite(losses.total + losses.discriminator):
            raise _no_numbers(self.step)
        self._table.add(losses)
        self._on_step(losses)
        if self.step % self._plan.save_every == 0:
            self.save(network)
        if self.step >= self._plan.until_step or self._should_stop():
            trainer.should_stop = True

    def save(self, network: Any) -> None:
        if self._saved != self.step:
            save(self._folder, network, self._config, self.step, keep=self._config["train"].get("keep_ckpts", 0))
            self._saved = self.step

    def _losses(self, network: Any) -> Losses:
        found = {name: float(value) for name, value in network.found.items()}
        return Losses(
            step=self.step, epoch=(self.step - 1) // self._steps_of_epoch, learning_rate=found["lr"],
            total=found["loss/g/total"], mel=found["loss/g/mel"], feature=found["loss/g/fm"], kl=found["loss/g/kl"],
            log_f0=found["loss/g/lf0"], discriminator=found["loss/d/total"],
        )  # fmt: skip


def _no_numbers(step: int) -> InputError:
    return InputError(
        f"At step {step} the losses are no longer numbers. Go on from the last checkpoint with a lower learning_rate."
    )


def _network(config: Config) -> Any:
    """The fork's lightning module with random weights. What a step finds is in its `found`, by the fork's names."""
    import torch

    fork()
    precision = torch.get_float32_matmul_precision()
    with own_logging():
        from so_vits_svc_fork.hparams import HParams
        from so_vits_svc_fork.train import VitsLightning
    torch.set_float32_matmul_precision(precision)  # importing the fork changes it for the whole program

    class Network(VitsLightning):  # type: ignore[misc]
        def load(self, reset_optimizer: bool = False) -> None:
            self.found: dict[str, Any] = {}

        def on_train_start(self) -> None:
            """The steps are counted outside."""

        def on_train_end(self) -> None:
            """Checkpoints are written outside."""

        def log_dict_(self, log_dict: dict[str, Any], **kwargs: Any) -> None:
            self.found |= {
                name: getattr(value, "detach", lambda value=value: value)() for name, value in log_dict.items()
            }

    # No step is a multiple of this but the first, which is 1: nothing is plotted.
    settings = config | {"train": config["train"] | {"log_interval": 2**62}}
    return Network(**HParams(**settings))


def _loader(prepared: Prepared, config: Config, batch: int, after_step: int) -> Any:
    """The pieces in another order in each epoch, and in another one when a training goes on."""
    import torch
    from so_vits_svc_fork.dataset import TextAudioCollate, TextAudioDataset
    from so_vits_svc_fork.hparams import HParams
    from torch.utils.data import DataLoader

    seed = int(config["train"]["seed"]) + after_step

    class Pieces(TextAudioDataset):  # type: ignore[misc]
        def __init__(self) -> None:
            self.datapaths, self.hps = list(prepared.files), HParams(**config)
            self.random, self.max_spec_len = Random(seed), 800

    torch.manual_seed(seed)
    order = torch.Generator().manual_seed(seed)
    return DataLoader(Pieces(), batch_size=batch, shuffle=True, generator=order, collate_fn=TextAudioCollate())


def _place(device: str) -> dict[str, Any]:
    kind, _, number = device.partition(":")
    if kind == "cuda":
        return {"accelerator": "gpu", "devices": [int(number or 0)]}
    return {"accelerator": kind, "devices": 1}


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what Lightning tells its users."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    try:
        with silent():
            importlib.import_module("lightning.pytorch")  # it sets the level of its logger
            for logger in loggers:
                logger.setLevel(logging.ERROR)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
