"""The registry under one caller and under many: loads once, counts borrowers, keeps the budget, forgets failures."""

import contextlib
import gc
import random
import threading
import weakref
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from avfusion.engines.engine import Engine
from avfusion.engines.registry import Holding, Registry
from avfusion.errors import EngineNotReady, UnknownEngine, UsageError

PATIENCE_S = 20.0
"""How long a test waits for another thread before it says that the two are stuck."""


class Loaded:
    """What a loader makes: something that can be watched as it dies."""


class Workshop:
    """Engines whose loads are counted, can be made to fail, and can be held up until the test lets them go on."""

    def __init__(self, *sizes: int) -> None:
        self.loads: Counter[str] = Counter()
        self.alive: weakref.WeakSet[Loaded] = weakref.WeakSet()
        self.failing: set[str] = set()
        self.gates: dict[str, threading.Event] = {}
        self.started: dict[str, threading.Event] = {}
        self._lock = threading.Lock()
        self.catalogue = tuple(self._engine(f"e{number}", size) for number, size in enumerate(sizes))
        self.sizes = {engine.name: engine.peak_memory_bytes for engine in self.catalogue}

    def _engine(self, name: str, size: int) -> Engine:
        self.gates[name], self.started[name] = threading.Event(), threading.Event()
        self.gates[name].set()

        def load(device: str) -> Loaded:
            with self._lock:
                self.loads[name] += 1
                fails = name in self.failing
            self.started[name].set()
            assert self.gates[name].wait(PATIENCE_S)
            if fails:
                raise OSError(f"{name} does not load")
            loaded = Loaded()
            self.alive.add(loaded)
            return loaded

        return Engine(name, "tracking", "For tests.", "none", load, size)

    def registry(self, budget_bytes: int = 10**9) -> Registry:
        return Registry(self.catalogue, budget=lambda device: budget_bytes)


def names(registry: Registry) -> set[str]:
    return {holding.name for holding in registry.holdings()}


# One caller


def test_an_engine_is_loaded_once_and_counted() -> None:
    workshop = Workshop(5)
    registry = workshop.registry()
    with registry.lend("e0", "tracking") as first:
        with registry.lend("auto", "tracking") as second:
            assert first is second
            assert registry.holdings() == (Holding("e0", "tracking", "cpu", 5, 2),)
        assert registry.holdings()[0].borrowers == 1
    assert registry.holdings()[0].borrowers == 0
    with registry.lend("e0", "tracking") as third:
        assert third is first
    assert workshop.loads["e0"] == 1


def test_an_error_in_the_block_gives_the_engine_back() -> None:
    registry = Workshop(5).registry()
    with pytest.raises(ZeroDivisionError), registry.lend("e0", "tracking"):
        raise ZeroDivisionError
    assert registry.holdings()[0].borrowers == 0


def test_the_longest_unused_goes_first() -> None:
    registry = Workshop(4, 4, 4).registry(8)
    for name in ("e0", "e1", "e0"):
        with registry.lend(name, "tracking"):
            pass
    with registry.lend("e2", "tracking"):
        assert names(registry) == {"e0", "e2"}


def test_what_is_dropped_is_gone_before_its_successor_loads() -> None:
    workshop = Workshop(6, 6)
    registry = workshop.registry(10)
    with registry.lend("e0", "tracking"):
        pass
    workshop.gates["e1"].clear()
    with ThreadPoolExecutor(1) as pool:

        def borrow() -> None:
            with registry.lend("e1", "tracking"):
                pass

        done = pool.submit(borrow)
        assert workshop.started["e1"].wait(PATIENCE_S)
        gc.collect()
        assert len(workshop.alive) == 0
        workshop.gates["e1"].set()
        done.result(PATIENCE_S)


def test_what_is_lent_stays_and_the_budget_is_met_again_afterwards() -> None:
    registry = Workshop(6, 6).registry(10)
    with registry.lend("e0", "tracking"):
        with registry.lend("e1", "tracking"):
            assert names(registry) == {"e0", "e1"}
        assert names(registry) == {"e0"}
    assert names(registry) == {"e0"}


def test_an_engine_above_the_whole_budget_works_and_goes() -> None:
    registry = Workshop(11).registry(10)
    with registry.lend("e0", "tracking") as loaded:
        assert isinstance(loaded, Loaded)
    assert registry.holdings() == ()


def test_a_failed_load_leaves_no_trace() -> None:
    workshop = Workshop(6, 6)
    registry = workshop.registry(10)
    workshop.failing.add("e0")
    with pytest.raises(OSError, match="e0 does not load"), registry.lend("e0", "tracking"):
        pass
    assert registry.holdings() == ()
    with registry.lend("e1", "tracking"):
        assert names(registry) == {"e1"}
    workshop.failing.clear()
    with registry.lend("e0", "tracking") as loaded:
        assert isinstance(loaded, Loaded)


def test_what_cannot_be_lent_is_said() -> None:
    registry = Workshop(5).registry()
    for name, device, error in (("none", "auto", UnknownEngine), ("e0", "abacus", UsageError)):
        with pytest.raises(error), registry.lend(name, "tracking", device):
            pass
    with pytest.raises(EngineNotReady), registry.lend("auto", "segmentation"):
        pass
    assert registry.holdings() == ()


# Many callers


def together(count: int, work: Any) -> list[Any]:
    """Runs `work(number)` on `count` threads at once; their results, or the first error."""
    with ThreadPoolExecutor(count) as pool:
        return [done.result(PATIENCE_S) for done in [pool.submit(work, number) for number in range(count)]]


def test_many_callers_wait_for_one_load() -> None:
    workshop = Workshop(11)
    registry = workshop.registry(10)  # too small: it may only be dropped when the last of them is through
    workshop.gates["e0"].clear()
    inside = threading.Barrier(8, timeout=PATIENCE_S)

    def borrow(number: int) -> int:
        if number == 7:
            assert workshop.started["e0"].wait(PATIENCE_S)
            workshop.gates["e0"].set()
        with registry.lend("e0", "tracking") as loaded:
            inside.wait()
            return id(loaded)

    assert len(set(together(8, borrow))) == 1
    assert workshop.loads["e0"] == 1
    assert registry.holdings() == ()


def test_different_engines_load_at_the_same_time() -> None:
    workshop = Workshop(1, 1)
    registry = workshop.registry()
    for gate in workshop.gates.values():
        gate.clear()

    def borrow(number: int) -> None:
        other = f"e{1 - number}"

        def let_go() -> None:
            assert workshop.started[other].wait(PATIENCE_S)
            workshop.gates[f"e{number}"].set()

        opener = threading.Thread(target=let_go)
        opener.start()
        with registry.lend(f"e{number}", "tracking"):
            pass
        opener.join()

    together(2, borrow)
    assert names(registry) == {"e0", "e1"}


def test_those_who_wait_for_a_load_that_fails_try_themselves() -> None:
    workshop = Workshop(5)
    registry = workshop.registry()
    workshop.failing.add("e0")
    workshop.gates["e0"].clear()
    waiting = threading.Event()

    def first() -> None:
        with pytest.raises(OSError, match="e0 does not load"), registry.lend("e0", "tracking"):
            pass

    def second() -> type:
        assert workshop.started["e0"].wait(PATIENCE_S)
        waiting.set()
        with registry.lend("e0", "tracking") as loaded:
            return type(loaded)

    def opener() -> None:
        assert waiting.wait(PATIENCE_S)
        workshop.failing.clear()
        workshop.gates["e0"].set()

    with ThreadPoolExecutor(3) as pool:
        results = [pool.submit(work) for work in (first, second, opener)]
        assert [result.result(PATIENCE_S) for result in results] == [None, Loaded, None]
    assert [(holding.name, holding.borrowers) for holding in registry.holdings()] == [("e0", 0)]


def test_a_crowd_leaves_nothing_lent_and_nothing_over_the_budget() -> None:
    """Eight threads borrow, nest and fail at random. Whoever holds an engine must find it whole."""
    workshop = Workshop(3, 4, 5, 6)
    registry = workshop.registry(10)
    trouble: list[str] = []

    def live(number: int) -> None:
        dice = random.Random(number)
        for _ in range(150):
            with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
                for name in dice.sample(sorted(workshop.sizes), dice.randint(1, 2)):
                    if dice.random() < 0.05:
                        workshop.failing.add(name)
                    else:
                        workshop.failing.discard(name)
                    loaded = stack.enter_context(registry.lend(name, "tracking"))
                    held = {holding.name: holding.borrowers for holding in registry.holdings()}
                    if held.get(name, 0) < 1 or loaded not in workshop.alive:
                        trouble.append(f"{name} was dropped while it was lent")
                    del loaded

    together(8, live)
    assert trouble == []
    holdings = registry.holdings()
    assert {holding.borrowers for holding in holdings} <= {0}
    assert sum(holding.memory_bytes for holding in holdings) <= 10
    gc.collect()
    assert len(workshop.alive) == len(holdings)


def test_thirty_two_threads_two_engines_and_room_for_one() -> None:
    """Some die in the block, of an error or of being told to end; whoever holds an engine finds it whole."""
    workshop = Workshop(6, 6)
    registry = workshop.registry(10)
    trouble: list[str] = []
    at_once = threading.Barrier(32, timeout=PATIENCE_S)

    def live(number: int) -> None:
        dice = random.Random(number)
        at_once.wait()
        for _ in range(20):
            name = dice.choice(["e0", "e1"])
            with contextlib.suppress(ZeroDivisionError, SystemExit), registry.lend(name, "tracking") as loaded:
                if loaded not in workshop.alive:
                    trouble.append(f"{name} was dropped while it was lent")
                if dice.random() < 0.2:
                    raise dice.choice([ZeroDivisionError, SystemExit])
        loaded = None

    together(32, live)
    assert trouble == []
    assert {holding.borrowers for holding in registry.holdings()} <= {0}
    assert sum(holding.memory_bytes for holding in registry.holdings()) <= 10
    gc.collect()
    assert len(workshop.alive) == len(registry.holdings()) == 1


def test_a_thread_that_dies_mid_loan_gives_the_engine_back() -> None:
    registry = Workshop(5).registry()

    def die() -> None:
        with contextlib.suppress(SystemExit), registry.lend("e0", "tracking"):
            raise SystemExit

    thread = threading.Thread(target=die)
    thread.start()
    thread.join(PATIENCE_S)
    assert [holding.borrowers for holding in registry.holdings()] == [0]


def test_a_generator_that_is_forgotten_mid_loan_gives_the_engine_back() -> None:
    registry = Workshop(5).registry()

    def frames() -> Iterator[int]:
        with registry.lend("e0", "tracking"):
            yield 1
            yield 2

    assert next(frames()) == 1
    gc.collect()
    assert [holding.borrowers for holding in registry.holdings()] == [0]


# Any sequence of calls


class AnyOrder(RuleBasedStateMachine):
    """One thread borrows and gives back in any order; the model is a list of open loans."""

    BUDGET = 10

    def __init__(self) -> None:
        super().__init__()
        self.workshop = Workshop(3, 4, 5, 12)
        self.registry = self.workshop.registry(self.BUDGET)
        self.loans: list[tuple[str, contextlib.AbstractContextManager[Any], Any]] = []

    @rule(name=st.sampled_from(["e0", "e1", "e2", "e3"]), fails=st.booleans())
    def borrow(self, name: str, fails: bool) -> None:
        was_held = name in names(self.registry)
        loads_before = self.workshop.loads[name]
        self.workshop.failing = {name} if fails else set()
        loan = self.registry.lend(name, "tracking")
        if fails and not was_held:
            with pytest.raises(OSError, match="does not load"):
                loan.__enter__()
            assert name not in names(self.registry)
        else:
            self.loans.append((name, loan, loan.__enter__()))
        assert self.workshop.loads[name] == loads_before + (not was_held)

    @precondition(lambda self: self.loans)
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        _, loan, _ = self.loans.pop(data.draw(st.integers(0, len(self.loans) - 1)))
        loan.__exit__(None, None, None)

    @invariant()
    def borrowers_are_counted(self) -> None:
        lent = Counter(name for name, _, _ in self.loans)
        held = {holding.name: holding.borrowers for holding in self.registry.holdings()}
        assert {name: count for name, count in held.items() if count} == lent

    @invariant()
    def idle_engines_fit_beside_the_lent(self) -> None:
        holdings = self.registry.holdings()
        if any(holding.borrowers == 0 for holding in holdings):
            assert sum(holding.memory_bytes for holding in holdings) <= self.BUDGET

    @invariant()
    def everyone_has_the_same_one(self) -> None:
        for name in {name for name, _, _ in self.loans}:
            assert len({id(loaded) for other, _, loaded in self.loans if other == name}) == 1


AnyOrder.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestAnyOrder = AnyOrder.TestCase
