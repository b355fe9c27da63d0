"""Which of several processes this is, on which device it trains, and how they agree on gradients."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from avfusion.sounding.networks.layers import Tensor

_BUCKET = 16 * 1024**2
"""Numbers that travel at once: 64 MiB."""


class Processes(Protocol):
    """Those that train together, started by `accelerate launch`; or one alone."""

    @property
    def number(self) -> int: ...

    @property
    def count(self) -> int: ...

    @property
    def device(self) -> str: ...

    def same(self, parts: Iterable[Tensor]) -> None:
        """Puts what the first process has into each tensor."""
        ...

    def mean(self, parts: Sequence[Tensor]) -> None:
        """Puts the mean over all processes into each tensor."""
        ...

    def all_names(self, names: Iterable[str]) -> list[str]:
        """Of all processes."""
        ...

    def any(self, said: bool) -> bool:
        """Whether any of them says so."""
        ...

    def wait(self) -> None:
        """Until all are here."""
        ...


@dataclass(frozen=True)
class Alone:
    """One process on one device."""

    device: str
    number: int = 0
    count: int = 1

    def same(self, parts: Iterable[Tensor]) -> None:
        """As they are."""

    def mean(self, parts: Sequence[Tensor]) -> None:
        """As they are."""

    def all_names(self, names: Iterable[str]) -> list[str]:
        return list(names)

    def any(self, said: bool) -> bool:
        return said

    def wait(self) -> None:
        """There is nobody to wait for."""


class Launched:
    """What `accelerate launch` started: a process for each card, or several on the CPU."""

    def __init__(self, accelerator: Any) -> None:
        self._accelerator = accelerator
        self.number = int(accelerator.process_index)
        self.count = int(accelerator.num_processes)
        self.device = str(accelerator.device)

    def same(self, parts: Iterable[Tensor]) -> None:
        from accelerate.utils import broadcast

        for part in parts:
            part.copy_(broadcast(part.clone()))

    def mean(self, parts: Sequence[Tensor]) -> None:
        """In buckets, so that there are few messages, and no second copy of everything."""
        import torch

        bucket: list[Tensor] = []
        for number, part in enumerate(parts):
            bucket.append(part)
            if sum(one.numel() for one in bucket) < _BUCKET and number + 1 < len(parts):
                continue
            joined = self._accelerator.reduce(torch.cat([one.flatten() for one in bucket]), reduction="mean")
            for one, agreed in zip(bucket, joined.split([one.numel() for one in bucket]), strict=True):
                one.copy_(agreed.view_as(one))
            bucket = []

    def all_names(self, names: Iterable[str]) -> list[str]:
        from accelerate.utils import gather_object

        found: list[str] = gather_object(list(names))
        return found

    def any(self, said: bool) -> bool:
        import torch

        told = torch.tensor(float(said), device=self.device)
        return bool(self._accelerator.reduce(told, reduction="sum") > 0)

    def wait(self) -> None:
        self._accelerator.wait_for_everyone()


def processes(device: str) -> Processes:
    """This one and those beside it; `device` counts where it is alone."""
    import os

    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        return Alone(device)
    from accelerate import Accelerator

    return Launched(Accelerator(cpu=device == "cpu"))
