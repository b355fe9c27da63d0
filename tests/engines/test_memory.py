"""Engines that do not fit: refused with what would fit, turned away when memory runs out, fallen back if allowed."""

import contextlib
import gc
import random
import re
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from avfusion.engines.devices import free_memory, memory_budget
from avfusion.engines.engine import Engine
from avfusion.engines.memory import FALLBACK_VARIABLE, allowing, falling_back
from avfusion.engines.registry import Registry
from avfusion.errors import NotEnoughMemory, UsageError

GB = 10**9
PATIENCE_S = 20.0


class Model:
    """What a loader makes; it takes its engine's memory on the card as long as it lives."""

    def __init__(self, count_bytes: int) -> None:
        self.count_bytes = count_bytes


class Card:
    """A card of `total_bytes`, with others on it, and engines whose names say what they need: e5 needs 5 GB."""

    def __init__(self, *sizes: int, total_bytes: int = 10 * GB, others_bytes: int = 0) -> None:
        self.total_bytes, self.others_bytes = total_bytes, others_bytes
        self.models: weakref.WeakSet[Model] = weakref.WeakSet()
        self.loads: list[tuple[str, str]] = []
        self.catalogue = tuple(self._engine(size) for size in sizes)

    def _engine(self, size: int) -> Engine:
        def load(device: str) -> Model:
            self.loads.append((f"e{size}", device))
            model = Model(size * GB)
            if device == "cuda":
                self.models.add(model)
            return model

        return Engine(f"e{size}", "tracking", "For tests.", "none", load, size * GB)

    def free(self, device: str) -> int:
        if device == "cpu":
            return 100 * GB
        return self.total_bytes - self.others_bytes - sum(model.count_bytes for model in self.models)

    def registry(self, budget_bytes: int = 9 * GB) -> Registry:
        return Registry(
            self.catalogue,
            budget=lambda device: budget_bytes,
            free=self.free,
            pick=lambda engine, wanted: "cuda" if wanted == "auto" else wanted,
        )


def use(registry: Registry, name: str, device: str = "auto") -> None:
    with registry.lend(name, "tracking", device):
        pass


def held(registry: Registry) -> set[str]:
    return {holding.name for holding in registry.holdings()}


def run_out() -> None:
    """Torch's own words, from a tensor of an exabyte."""
    import torch

    torch.empty(2**60, dtype=torch.uint8)


# Before loading


def test_what_is_above_the_card_s_budget_is_refused_and_the_error_names_what_fits() -> None:
    card = Card(12, 8, 3, 20)
    registry = card.registry()
    with pytest.raises(NotEnoughMemory) as caught:
        use(registry, "e12")
    assert str(caught.value) == (
        "e12: needs 12.0 GB of memory, and cuda has 9.0 GB for it. What fits: e8 (8.0 GB), e3 (3.0 GB), "
        "or this one with --device cpu. AVFUSION_FALLBACK=smaller or cpu does so by itself."
    )
    assert card.loads == []
    assert registry.holdings() == ()
    use(registry, "e12", "cpu")


def test_only_engines_that_are_ready_and_take_the_same_prompts_are_named() -> None:
    card = Card(12, 8, 6, 3)
    deaf = Engine("deaf", "tracking", "For tests.", "none", lambda device: None, GB, understands=("words",))
    away = Engine("away", "tracking", "For tests.", "none", lambda device: None, GB, packages=("no-such-package",))
    other = Engine("other", "segmentation", "For tests.", "none", lambda device: None, GB)
    card.catalogue = (deaf, away, other, *card.catalogue)
    card.others_bytes = 3 * GB
    with pytest.raises(NotEnoughMemory, match=re.escape("What fits: e6 (6.0 GB), e3 (3.0 GB), or")):
        use(card.registry(), "e12")


def test_engines_that_need_a_card_are_not_offered_on_a_cpu() -> None:
    card = Card(101, 50)
    fast = Engine("fast", "tracking", "For tests.", "none", lambda device: None, GB, needs_card=True)
    card.catalogue = (fast, *card.catalogue)
    with pytest.raises(NotEnoughMemory, match=r"What fits: e50 \(50\.0 GB\)\.$"):
        use(card.registry(), "e101", "cpu")
    with pytest.raises(NotEnoughMemory, match=r"What fits: fast \(1\.0 GB\), or"):
        use(card.registry(), "e101")


def test_nothing_fits() -> None:
    with pytest.raises(NotEnoughMemory, match="No other engine that is ready would fit, or this one with --device cpu"):
        use(Card(12, 11).registry(), "e11")


def test_others_on_the_card_leave_less() -> None:
    card = Card(6, 4, others_bytes=5 * GB)
    with pytest.raises(NotEnoughMemory, match=r"cuda has 5\.0 GB for it. What fits: e4"):
        use(card.registry(), "e6")
    card.others_bytes = 0
    use(card.registry(), "e6")


def test_idle_engines_go_before_one_is_refused() -> None:
    card = Card(6, 3, 2, others_bytes=3 * GB)
    registry = card.registry(budget_bytes=100 * GB)
    use(registry, "e3")
    use(registry, "e2")
    assert held(registry) == {"e3", "e2"}
    use(registry, "e6")
    assert held(registry) == {"e6"}


def test_lent_engines_stay_and_the_newcomer_is_refused() -> None:
    card = Card(6, 5, 3)
    registry = card.registry()
    with registry.lend("e5", "tracking"):
        with pytest.raises(NotEnoughMemory, match=r"cuda has 5\.0 GB for it. What fits: e5 .*, e3 "):
            use(registry, "e6")
        assert held(registry) == {"e5"}
    use(registry, "e6")


def test_what_is_loaded_already_needs_no_room() -> None:
    card = Card(6)
    registry = card.registry()
    use(registry, "e6")
    card.others_bytes = 4 * GB
    with registry.lend("e6", "tracking"), registry.lend("e6", "tracking"):
        assert registry.settle("tracking", "e6").device == "cuda"
    assert card.loads == [("e6", "cuda")]


def test_a_machine_oversteps_its_budget_and_refuses_only_what_is_more_than_it_has() -> None:
    registry = Card(99, 101, 50).registry()
    use(registry, "e99", "cpu")
    with pytest.raises(NotEnoughMemory) as caught:
        use(registry, "e101", "cpu")
    assert str(caught.value) == (
        "e101: needs 101.0 GB of memory, and cpu has 100.0 GB for it. What fits: e99 (99.0 GB), e50 (50.0 GB)."
    )


def test_this_machine_has_what_it_has() -> None:
    assert memory_budget("cpu") <= free_memory("cpu") < 2**50


# At work


def test_memory_that_runs_out_at_work_drops_the_engine_and_says_what_fits() -> None:
    pytest.importorskip("torch")
    card = Card(6, 3)
    registry = card.registry()
    with pytest.raises(NotEnoughMemory) as caught, registry.lend("e6", "tracking"):
        run_out()
    assert str(caught.value) == (
        "e6: ran out of memory on cuda (it is known to need 6.0 GB; 10.0 GB are free now). What fits: e3 (3.0 GB), "
        "or this one with --device cpu. AVFUSION_FALLBACK=smaller or cpu does so by itself."
    )
    assert (caught.value.engine, caught.value.ability, caught.value.device) == ("e6", "tracking", "cuda")
    assert registry.holdings() == ()
    use(registry, "e6")
    assert card.loads == [("e6", "cuda")] * 2


def test_what_lay_on_the_card_is_let_go_while_the_error_lives() -> None:
    pytest.importorskip("torch")
    registry = Card(6).registry()
    tensors: weakref.WeakSet[Model] = weakref.WeakSet()

    def work() -> None:
        tensor = Model(1)
        tensors.add(tensor)
        run_out()

    with pytest.raises(NotEnoughMemory) as caught, registry.lend("e6", "tracking"):
        work()
    assert caught.value.__traceback__ is not None
    assert len(tensors) == 0


def test_those_who_have_the_engine_too_keep_it() -> None:
    pytest.importorskip("torch")
    card = Card(6)
    registry = card.registry()
    with registry.lend("e6", "tracking") as mine:
        with pytest.raises(NotEnoughMemory), registry.lend("e6", "tracking"):
            run_out()
        assert [(holding.name, holding.borrowers) for holding in registry.holdings()] == [("e6", 1)]
        assert mine.count_bytes == 6 * GB
        del mine
    gc.collect()
    assert registry.holdings() == ()
    assert len(card.models) == 0


def test_memory_that_runs_out_while_loading_leaves_no_trace() -> None:
    pytest.importorskip("torch")
    card = Card(3)
    big = Engine("big", "tracking", "For tests.", "none", lambda device: run_out(), 6 * GB)
    card.catalogue = (big, *card.catalogue)
    registry = card.registry()
    with pytest.raises(NotEnoughMemory, match=r"big: ran out of memory on cuda .* What fits: e3"):
        use(registry, "big")
    assert registry.holdings() == ()


@pytest.mark.parametrize("error", [RuntimeError("shapes do not fit"), MemoryError(), ValueError("out of memory")])
def test_other_errors_pass_and_the_engine_stays(error: Exception) -> None:
    registry = Card(6).registry()
    with pytest.raises(type(error)) as caught, registry.lend("e6", "tracking"):
        raise error
    assert caught.value is error
    assert held(registry) == {"e6"}


def test_a_crowd_on_a_card_that_is_too_small_for_two() -> None:
    """Some are refused, some run out; nobody is left with an engine, and what is held fits."""
    pytest.importorskip("torch")
    card = Card(4, 5, 6, 12)
    registry = card.registry()

    def live(number: int) -> None:
        dice = random.Random(number)
        for _ in range(12):
            with (
                contextlib.suppress(NotEnoughMemory),
                registry.lend(dice.choice(["e4", "e5", "e6", "e12"]), "tracking"),
            ):
                if dice.random() < 0.2:
                    run_out()

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(live, number) for number in range(8)]:
            done.result(PATIENCE_S)
    assert {holding.borrowers for holding in registry.holdings()} <= {0}
    assert sum(holding.memory_bytes for holding in registry.holdings()) <= 9 * GB
    gc.collect()
    assert len(card.models) == len(registry.holdings())


# Another way


def test_nothing_falls_back_unless_it_is_allowed() -> None:
    with pytest.raises(NotEnoughMemory):
        Card(12, 3).registry().settle("tracking", "e12")


@pytest.mark.parametrize(
    ("ways", "engine", "device"),
    [("smaller", "e8", "cuda"), ("cpu", "e12", "cpu"), ("cpu,smaller", "e12", "cpu"), ("smaller, cpu", "e8", "cuda")],
)
def test_the_first_way_that_is_allowed_is_taken_and_said(
    ways: str, engine: str, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FALLBACK_VARIABLE, ways)
    settled = Card(20, 12, 8, 3).registry().settle("tracking", "e12")
    assert (settled.engine.name, settled.device) == (engine, device)
    assert settled.why == (
        f"e12 does not fit into the memory of cuda: {engine} works on {device} instead, as you allowed."
    )


def test_a_way_that_leads_nowhere_gives_way_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FALLBACK_VARIABLE, "smaller,cpu")
    assert Card(12, 11).registry().settle("tracking", "e12").device == "cpu"
    monkeypatch.setenv(FALLBACK_VARIABLE, "smaller")
    with pytest.raises(NotEnoughMemory):
        Card(12, 11).registry().settle("tracking", "e12")


def test_what_fits_is_as_it_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FALLBACK_VARIABLE, "smaller,cpu")
    registry = Card(8, 3).registry()
    settled = registry.settle("tracking", "e3")
    assert (settled.engine.name, settled.device, settled.why) == ("e3", "cuda", "")
    assert registry.settle("tracking").why == "e8 is the best engine for tracking that is ready."
    assert registry.holdings() == ()


def test_an_unknown_way_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FALLBACK_VARIABLE, "cloud")
    with pytest.raises(UsageError, match="AVFUSION_FALLBACK=cloud: not a way out"):
        Card(12).registry().settle("tracking", "e12")


def test_what_is_said_for_one_piece_of_work_goes_before_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FALLBACK_VARIABLE, "smaller")
    registry = Card(12, 3).registry()
    with allowing("cpu", said_by="--fallback "):
        assert registry.settle("tracking", "e12").device == "cpu"
    assert registry.settle("tracking", "e12").engine.name == "e3"
    with allowing("", said_by="--fallback "), pytest.raises(NotEnoughMemory):
        registry.settle("tracking", "e12")


def follow(registry: Registry, fails_on: set[str], seen: list[str]) -> Callable[[], str]:
    """Work that runs out of memory with some engines, for `falling_back`."""

    @falling_back
    def work() -> str:
        settled = registry.settle("tracking", "e8")
        seen.append(f"{settled.engine.name} on {settled.device}")
        with registry.lend(settled.engine.name, "tracking", settled.device):
            if settled.engine.name in fails_on and settled.device == "cuda":
                run_out()
        return seen[-1]

    return work


def test_work_that_runs_out_of_memory_is_done_again_where_that_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    monkeypatch.setenv(FALLBACK_VARIABLE, "smaller,cpu")
    seen: list[str] = []
    assert follow(Card(8, 4, 3).registry(), {"e8", "e4"}, seen)() == "e3 on cuda"
    assert seen == ["e8 on cuda", "e4 on cuda", "e3 on cuda"]
    seen.clear()
    assert follow(Card(8, 4, 3).registry(), {"e8", "e4", "e3"}, seen)() == "e8 on cpu"


def test_work_that_runs_out_everywhere_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    monkeypatch.setenv(FALLBACK_VARIABLE, "smaller")
    seen: list[str] = []
    with pytest.raises(NotEnoughMemory):
        follow(Card(8, 4).registry(), {"e8", "e4"}, seen)()
    assert seen == ["e8 on cuda", "e4 on cuda"]


def test_work_is_not_done_again_where_that_is_not_allowed() -> None:
    pytest.importorskip("torch")
    seen: list[str] = []
    with pytest.raises(NotEnoughMemory):
        follow(Card(8, 4).registry(), {"e8"}, seen)()
    assert seen == ["e8 on cuda"]


def test_what_did_not_fit_once_may_fit_the_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    monkeypatch.setenv(FALLBACK_VARIABLE, "cpu")
    registry, fails_on, seen = Card(8, 4).registry(), {"e8"}, []
    work = follow(registry, fails_on, seen)
    assert work() == "e8 on cpu"
    fails_on.clear()
    assert work() == "e8 on cuda"


def test_of_calls_within_calls_the_outermost_falls_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A report made outside names the engine that was settled there; inside, nothing else may be used."""
    monkeypatch.setenv(FALLBACK_VARIABLE, "smaller")
    card = Card(8, 5, 3)
    registry = card.registry()
    used: list[str] = []

    @falling_back
    def inside(name: str) -> None:
        settled = registry.settle("tracking", name)
        with registry.lend(settled.engine.name, "tracking", settled.device):
            used.append(settled.engine.name)

    @falling_back
    def outside() -> str:
        name = registry.settle("tracking", "e8").engine.name
        with registry.lend("e3", "tracking"):  # beside this one there is no room for e8
            inside(name)
        return name

    assert outside() == "e5"
    assert used == ["e5"]
    inside("e8")
    assert used == ["e5", "e8"]


def test_a_decorated_call_is_told_as_it_is() -> None:
    def plain(count: int, *, more: int = 1) -> Any:
        """Adds."""
        return count + more

    assert falling_back(plain)(2, more=3) == 5
    assert falling_back(plain).__doc__ == "Adds."
