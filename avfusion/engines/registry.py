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

from avfusion.engines.catalogue import Choice, choose, of_ability
from avfusion.engines.devices import free_memory, is_card, memory_budget, pick_device
from avfusion.engines.engine import Engine, Understood
from avfusion.engines.memory import did_not_fit, may_fall_back, ran_out, release, too_large
from avfusion.engines.state import revision, state
from avfusion.engines.trained import stamp
from avfusion.errors import NotEnoughMemory


@dataclass(frozen=True)
class Holding:
    """One engine that the registry has in memory, as the page and the tests see it."""

    name: str
    ability: str
    device: str
    memory_bytes: int
    borrowers: int


@dataclass(frozen=True)
class Settled:
    """The engine that a piece of work will use, and where. why: how it came to that; empty if it was asked for so."""

    engine: Engine
    device: str
    why: str = ""

    @property
    def revision(self) -> str:
        """That of its weights; "" without any."""
        return revision(self.engine)


_Key = tuple[str, str, str, str]
"""(ability, name, device, stamp of a folder that may be trained again)"""


@dataclass(eq=False)
class _Slot:
    """An engine from the moment that somebody starts to load it. Those who load it or wait for it have borrowed it.

    key: where it is kept. is_spent: it ran out of memory, and goes as soon as nobody has it.
    """

    key: _Key
    engine: Engine
    device: str
    budget_bytes: int
    borrowers: int = 1
    last_use: int = 0
    loaded: Any = None
    is_loaded: bool = False
    is_spent: bool = False
    done: threading.Event = field(default_factory=threading.Event)


class Registry:
    """Loaded engines, by ability, name and device.

    catalogue: the engines that can be borrowed; None for those that there are whenever it is asked. budget: device ->
    bytes that the engines on it may fill together, by their `peak_memory_bytes`. When everything on a device is lent,
    the budget is overstepped rather than waited for: whoever waits may hold the very engine that would have to go. It
    is met again as soon as one is given back.

    free: device -> bytes that one more engine could take there now. An engine that needs more is not loaded, nor on a
    card one that needs more than the budget. pick: (engine, wanted device) -> device.
    """

    def __init__(
        self,
        catalogue: Sequence[Engine] | None = None,
        *,
        budget: Callable[[str], int] = memory_budget,
        free: Callable[[str], int] = free_memory,
        pick: Callable[[Engine, str], str] = pick_device,
    ) -> None:
        self._catalogue = catalogue
        self._budget = budget
        self._free = free
        self._pick = pick
        self._lock = threading.Lock()
        self._slots: dict[_Key, _Slot] = {}
        self._clock = 0

    def settle(
        self, ability: str, name: str = "auto", device: str = "auto", *, understands: Understood | None = None
    ) -> Settled:
        """Which engine to use, and where; what falls back, as the user allows it, is said in `why`. Loads nothing.

        Raises as `choose` and `pick_device` do, and `NotEnoughMemory`.
        """
        choice = choose(ability, name, device=device, understands=understands, catalogue=self._catalogue)
        where = self._pick(choice.engine, device)
        if self._may_fit(choice.engine, where):
            return Settled(choice.engine, where, choice.why)
        error = self._too_large(choice.engine, where, understands)
        for way in may_fall_back():
            for engine, other_where in self._instead(choice.engine, where, way, understands):
                if self._may_fit(engine, other_where):
                    return Settled(engine, other_where, _fell_back(choice, where, engine, other_where))
        raise error

    @contextlib.contextmanager
    def lend(self, name: str, ability: str, device: str = "auto") -> Iterator[Any]:
        """A loaded engine for the length of the block; `name` may be `auto`.

        Whoever asks for an engine that is being loaded waits for it; other engines load meanwhile. A load that fails
        raises for the caller that did it, and those that waited try it themselves. Raises `UnknownEngine`,
        `EngineNotReady`, `UsageError` (no such device), and whatever the loader raises; `NotEnoughMemory` for an engine
        that does not fit, and for one that runs out of memory in the block, which is then dropped.
        """
        engine = choose(ability, name, device=device, catalogue=self._catalogue).engine
        where = self._pick(engine, device)
        slot = self._borrow(engine, where)
        is_out_of_memory = False
        try:
            yield slot.loaded
        except RuntimeError as error:
            if not ran_out(error):
                raise
            is_out_of_memory = slot.is_spent = True
            release(error)
        finally:
            self._give_back(slot)
        if is_out_of_memory:
            release()
            raise self._too_large(engine, where, worked=True) from None

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
        key = _key(engine, device)
        budget_bytes = self._budget(device)
        while True:
            with self._lock:
                slot = self._slots.get(key)
                if slot is None:
                    own = self._slots[key] = _Slot(key, engine, device, budget_bytes)
                    dropped = self._outdated(key) + self._over_budget(device, budget_bytes)
                    break
                slot.borrowers += 1
            if self._is_loaded_in_the_end(slot):
                return slot
        dropped.clear()  # here they die: outside the lock, and before their room is needed
        self._load(own)
        return own

    def _is_loaded_in_the_end(self, slot: _Slot) -> bool:
        """Waits for another caller's load."""
        try:
            slot.done.wait()
        except BaseException:  # Ctrl-C while waiting
            self._give_back(slot)
            raise
        return slot.is_loaded

    def _load(self, slot: _Slot) -> None:
        is_out_of_memory = False
        try:
            self._make_room(slot)
            slot.loaded = slot.engine.load(slot.device)
            slot.is_loaded = True
        except RuntimeError as error:
            if not ran_out(error):
                raise
            is_out_of_memory = True
            release(error)
        finally:
            if not slot.is_loaded:
                with self._lock:
                    del self._slots[slot.key]
            slot.done.set()
        if is_out_of_memory:
            raise self._too_large(slot.engine, slot.device, worked=True) from None

    def _make_room(self, slot: _Slot) -> None:
        """Drops the idle engines of a card that has no room otherwise. Raises `NotEnoughMemory` if that won't do."""
        need_bytes, device = slot.engine.peak_memory_bytes, slot.device
        if need_bytes > self._most(device):
            raise self._too_large(slot.engine, device)
        if need_bytes <= self._free(device):
            return
        with self._lock:
            dropped = [key for key, other in self._slots.items() if other.device == device and other.borrowers == 0]
            for key in dropped:
                del self._slots[key]
        release()
        if need_bytes > self._free(device):
            raise self._too_large(slot.engine, device)

    def _give_back(self, slot: _Slot) -> None:
        with self._lock:
            slot.borrowers -= 1
            self._clock += 1
            slot.last_use = self._clock
            if slot.is_spent and slot.borrowers == 0 and self._slots.get(slot.key) is slot:
                del self._slots[slot.key]
                slot.loaded = None
            dropped = self._over_budget(slot.device, slot.budget_bytes)
        dropped.clear()  # outside the lock

    def _outdated(self, key: _Key) -> list[_Slot]:
        """Takes out what is idle of the same engine, trained before."""
        old = [slot for slot in self._slots.values() if slot.key[:-1] == key[:-1] and slot.key != key]
        return [self._slots.pop(slot.key) for slot in old if slot.borrowers == 0]

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

    def _most(self, device: str) -> int:
        """Bytes that one more engine could take if every idle one went."""
        there_bytes = self._free(device)
        if not is_card(device):
            return there_bytes
        with self._lock:
            idle = [slot for slot in self._slots.values() if slot.device == device and slot.borrowers == 0]
        return min(self._budget(device), there_bytes + sum(slot.engine.peak_memory_bytes for slot in idle))

    def _may_fit(self, engine: Engine, device: str) -> bool:
        if did_not_fit((engine.ability, engine.name, device)):
            return False
        with self._lock:
            if _key(engine, device) in self._slots:
                return True
        return engine.peak_memory_bytes <= self._most(device)

    def _instead(
        self, engine: Engine, device: str, way: str, understands: Understood | None
    ) -> Iterator[tuple[Engine, str]]:
        """What else could do the work, and where, the best first. way: one of `ways_allowed`."""
        if way == "cpu" and device != "cpu":
            yield engine, "cpu"
        if way == "smaller":
            for other in self._smaller(engine, understands):
                where = self._pick(other, device)
                if where != "cpu" or not other.needs_card:
                    yield other, where

    def _smaller(self, engine: Engine, understands: Understood | None) -> Iterator[Engine]:
        """Engines that are ready, need less, and take the same prompts."""
        kinds = {understands} if understands else set(engine.understands)
        for other in of_ability(engine.ability, catalogue=self._catalogue):
            needs_less = other.peak_memory_bytes < engine.peak_memory_bytes
            if needs_less and kinds <= set(other.understands) and state(other).is_ready:
                yield other

    def _too_large(
        self, engine: Engine, device: str, understands: Understood | None = None, *, worked: bool = False
    ) -> NotEnoughMemory:
        smaller = self._instead(engine, device, "smaller", understands)
        fitting = [other for other, where in smaller if self._may_fit(other, where)]
        there_bytes = self._free(device) if worked else self._most(device)
        return too_large(engine, device, there_bytes, fitting, worked=worked)


def _key(engine: Engine, device: str) -> _Key:
    return engine.ability, engine.name, device, stamp(engine.folder) if engine.folder else ""


def _fell_back(choice: Choice, device: str, engine: Engine, other_device: str) -> str:
    wanted = f"{choice.engine.name} does not fit into the memory of {device}"
    return f"{choice.why} {wanted}: {engine.name} works on {other_device} instead, as you allowed.".strip()


_REGISTRY = Registry()


def lend(name: str, ability: str, device: str = "auto") -> contextlib.AbstractContextManager[Any]:
    """`Registry.lend` of the registry that this process shares."""
    return _REGISTRY.lend(name, ability, device)


def holdings() -> tuple[Holding, ...]:
    """`Registry.holdings` of the registry that this process shares."""
    return _REGISTRY.holdings()


def settle(ability: str, name: str = "auto", device: str = "auto", *, understands: Understood | None = None) -> Settled:
    """`Registry.settle` of the registry that this process shares."""
    return _REGISTRY.settle(ability, name, device, understands=understands)
