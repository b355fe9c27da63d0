"""Lends loaded engines, and drops idle ones when their device's memory budget is full.

    with lend("flow", "tracking") as tracker:
        state = tracker.begin(frame, masks)

Lend for one stage of the work, not across a `yield` to somebody else: what is lent is never dropped. And let the name
go with the block; a name that outlives it keeps a dropped engine in memory.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from avfusion.engines.catalogue import CATALOGUE, choose
from avfusion.engines.devices import memory_budget, pick_device
from avfusion.engines.engine import Engine


@dataclass(frozen=True)
class Holding:
    """One engine that the registry has in memory, as the page and the tests see it."""

    name: str
    ability: str
    device: str
    memory_bytes: int
    borrowers: int


@dataclass(eq=False)
class _Slot:
    """An engine from the moment that somebody starts to load it. Those who load it or wait for it have borrowed it."""

    engine: Engine
    device: str
    budget_bytes: int
    borrowers: int = 1
    last_use: int = 0
    loaded: Any = None
    is_loaded: bool = False
    done: threading.Event = field(default_factory=threading.Event)


_Key = tuple[str, str, str]


class Registry:
    """Loaded engines, by ability, name and device.

    catalogue: the engines that can be borrowed. budget: device -> bytes that the engines on it may fill together, by
    their `peak_memory_bytes`. When everything on a device is lent, the budget is overstepped rather than waited for:
    whoever waits may hold the very engine that would have to go. It is met again as soon as one is given back.
    """

    def __init__(
        self, catalogue: Sequence[Engine] = CATALOGUE, *, budget: Callable[[str], int] = memory_budget
    ) -> None:
        self._catalogue = catalogue
        self._budget = budget
        self._lock = threading.Lock()
        self._slots: dict[_Key, _Slot] = {}
        self._clock = 0

    @contextlib.contextmanager
    def lend(self, name: str, ability: str, device: str = "auto") -> Iterator[Any]:
        """A loaded engine for the length of the block; `name` may be `auto`.

        Whoever asks for an engine that is being loaded waits for it; other engines load meanwhile. A load that fails
        raises for the caller that did it, and those that waited try it themselves. Raises `UnknownEngine`,
        `EngineNotReady`, `UsageError` (no such device), and whatever the loader raises.
        """
        engine = choose(ability, name, catalogue=self._catalogue).engine
        slot = self._borrow(engine, pick_device(engine, device))
        try:
            yield slot.loaded
        finally:
            self._give_back(slot)

    def holdings(self) -> tuple[Holding, ...]:
        """What is in memory now."""
        with self._lock:
            return tuple(
                Holding(
                    slot.engine.name, slot.engine.ability, slot.device, slot.engine.peak_memory_bytes, slot.borrowers
                )
                for slot in self._slots.values()
                if slot.is_loaded
            )

    def _borrow(self, engine: Engine, device: str) -> _Slot:
        key = (engine.ability, engine.name, device)
        budget_bytes = self._budget(device)
        while True:
            with self._lock:
                slot = self._slots.get(key)
                if slot is None:
                    own = self._slots[key] = _Slot(engine, device, budget_bytes)
                    dropped = self._over_budget(device, budget_bytes)
                    break
                slot.borrowers += 1
            if self._is_loaded_in_the_end(slot):
                return slot
        dropped.clear()  # here they die: outside the lock, and before their room is needed
        self._load(key, own)
        return own

    def _is_loaded_in_the_end(self, slot: _Slot) -> bool:
        """Waits for another caller's load."""
        try:
            slot.done.wait()
        except BaseException:  # Ctrl-C while waiting
            self._give_back(slot)
            raise
        return slot.is_loaded

    def _load(self, key: _Key, slot: _Slot) -> None:
        try:
            slot.loaded = slot.engine.load(slot.device)
            slot.is_loaded = True
        finally:
            if not slot.is_loaded:
                with self._lock:
                    del self._slots[key]
            slot.done.set()

    def _give_back(self, slot: _Slot) -> None:
        with self._lock:
            slot.borrowers -= 1
            self._clock += 1
            slot.last_use = self._clock
            dropped = self._over_budget(slot.device, slot.budget_bytes)
        dropped.clear()  # outside the lock

    def _over_budget(self, device: str, budget_bytes: int) -> list[_Slot]:
        """Takes idle engines out, the longest unused first, until the others on the device fit its budget."""
        here = {key: slot for key, slot in self._slots.items() if slot.device == device}
        too_much = sum(slot.engine.peak_memory_bytes for slot in here.values()) - budget_bytes
        dropped: list[_Slot] = []
        for key, slot in sorted(here.items(), key=lambda item: item[1].last_use):
            if too_much <= 0:
                break
            if slot.borrowers == 0:
                dropped.append(self._slots.pop(key))
                too_much -= slot.engine.peak_memory_bytes
        return dropped


_REGISTRY = Registry()


def lend(name: str, ability: str, device: str = "auto") -> contextlib.AbstractContextManager[Any]:
    """`Registry.lend` of the registry that this process shares."""
    return _REGISTRY.lend(name, ability, device)


def holdings() -> tuple[Holding, ...]:
    """`Registry.holdings` of the registry that this process shares."""
    return _REGISTRY.holdings()
