"""A network with its optimizer: one step at a time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from avfusion.errors import InputError
from avfusion.sounding.checkpoint import Network as Stored
from avfusion.sounding.networks.layers import Dice, Drawn, Tensor
from avfusion.sounding.networks.losses import LossSettings
from avfusion.sounding.training.examples import Batch
from avfusion.sounding.training.processes import Processes
from avfusion.sounding.training.settings import TrainingSettings

_BACKBONES = ("backbone.", "hints.", "ced.", "vggish.")
_TABLES = ("queries", "places", "level", "pos_embed")
"""How names end of what is learnt as a table rather than as a layer."""


class Network(Stored, Protocol):
    """What training needs of one. `predict` gives what `losses` and `maps` take; weights are named."""

    def losses(
        self, predictions: Any, labels: Tensor, annotated: Tensor, settings: LossSettings, *, dice: Dice
    ) -> Mapping[str, Tensor]: ...

    def learnt(self) -> Drawn: ...

    def maps(self, predictions: Any, *, height: int, width: int) -> Tensor: ...

    def set_training(self, is_training: bool) -> None: ...


@dataclass(frozen=True)
class Found:
    """What a step found. step: its number, the first is 1. losses: sums by name, "total" the weighed one. length: of
    all gradients together, before they were shortened. clips: it learnt from."""

    step: int
    rate: float
    losses: Mapping[str, float]
    length: float
    clips: int


class Learner:
    """Adam with decoupled weight decay (I. Loshchilov and F. Hutter, ICLR 2019) on all that the network learns."""

    def __init__(self, network: Network, settings: TrainingSettings, processes: Processes) -> None:
        import torch

        self.network, self.settings, self._processes = network, settings, processes
        self._learnt = network.learnt()
        self._shares = {name: _share(name, settings) for name in self._learnt}
        groups: dict[tuple[float, float], list[Tensor]] = {}
        for name, part in self._learnt.items():
            decay = 0.0 if name.endswith(_TABLES) or "norm" in name else settings.weight_decay
            groups.setdefault((self._shares[name], decay), []).append(part)
        self.optimizer = torch.optim.AdamW(
            [{"params": parts, "weight_decay": decay, "share": share} for (share, decay), parts in groups.items()],
            lr=settings.rate,
        )
        kind = processes.device.partition(":")[0]
        self._kind = kind
        self.scaler: Any = torch.amp.grad_scaler.GradScaler(kind, enabled=settings.precision == "fp16")

    def named_states(self) -> dict[str, dict[str, Tensor]]:
        """name -> what the optimizer keeps of that parameter; nothing before the first step."""
        return {name: dict(self.optimizer.state[part]) for name, part in self._learnt.items()}

    def restore(self, states: Mapping[str, Mapping[str, Tensor]]) -> None:
        """As `named_states` gave them."""
        for name, state in states.items():
            part = self._learnt[name]
            # Adam counts its steps on the CPU.
            self.optimizer.state[part] = {
                key: value if key == "step" else value.to(part.device) for key, value in state.items()
            }

    def step(self, after_step: int, batch: Batch) -> Found:
        """One step, after so many others. Raises `InputError` with the clips' names where the loss is no number."""
        import torch

        settings = self.settings
        seed = _seed_of(settings.seed, after_step, self._processes.number)
        dice = torch.Generator().manual_seed(seed)
        device = self._processes.device
        rate = settings.rate_at(after_step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["share"]
        self.network.set_training(True)
        with torch.random.fork_rng(devices=_cards(device)):
            torch.manual_seed(seed)  # layers that are left out at random draw from torch's own generators
            with self._mixed():
                predictions = self.network.predict(batch.rgb.to(device), batch.log_mel.to(device))
            full = predictions.in_full()
            losses = self.network.losses(full, batch.labels, batch.annotated, settings.losses, dice=dice)
            self.optimizer.zero_grad(set_to_none=True)
            self.scaler.scale(losses["total"]).backward()
        said = {name: loss.detach().float() for name, loss in losses.items()}
        self._agree(list(said.values()))
        numbers = {name: float(loss) for name, loss in said.items()}
        if not math.isfinite(numbers["total"]):
            raise self._no_number(after_step + 1, numbers, batch)
        self.scaler.unscale_(self.optimizer)
        parts = [part for part in self._learnt.values() if part.grad is not None]
        length = float(torch.nn.utils.clip_grad_norm_(parts, settings.clip_norm))
        if settings.precision != "fp16" and not math.isfinite(length):
            raise self._no_number(after_step + 1, numbers, batch)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return Found(after_step + 1, rate, numbers, length, settings.batch)

    def _agree(self, said: list[Tensor]) -> None:
        """Gradients and losses become the mean over processes. A part that one process had no use for counts as 0."""
        import torch

        if self._processes.count == 1:
            return
        for part in self._learnt.values():
            if part.grad is None:
                part.grad = torch.zeros_like(part)
        self._processes.mean([*said, *(part.grad for part in self._learnt.values())])

    def _mixed(self) -> Any:
        import torch

        precision = self.settings.precision
        kind = torch.float16 if precision == "fp16" else torch.bfloat16
        return torch.autocast(self._kind, kind, enabled=precision != "fp32")

    def _no_number(self, step: int, losses: Mapping[str, float], batch: Batch) -> InputError:
        names = self._processes.all_names(batch.names)
        odd = ", ".join(name for name, loss in losses.items() if not math.isfinite(loss)) or "length of the gradients"
        return InputError(
            f"Step {step}: the loss is no longer a number ({odd}), with the clips {', '.join(names)}. Look at these "
            "clips; if they are in order, train anew with a lower --lr."
        )


def _share(name: str, settings: TrainingSettings) -> float:
    return settings.backbone_share if name.startswith(_BACKBONES) else 1.0


def _seed_of(seed: int, step: int, process: int) -> int:
    """One for each step of each process."""
    import numpy as np

    return int(np.random.SeedSequence([seed, step, process]).generate_state(1, np.uint64)[0] >> 1)


def _cards(device: str) -> list[str]:
    return [device] if device.startswith("cuda") else []
