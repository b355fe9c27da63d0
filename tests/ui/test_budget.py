"""Time that runs and visitors may use: stopped at the limit, told what was done, and given back by the hour."""

from __future__ import annotations

import base64
import json

import pytest

from avfusion.errors import OverLimit, Stopped
from avfusion.pipelines.progress import OnProgress, Progress, ShouldStop, Teller
from avfusion.ui.asking import behind_space_proxy
from avfusion.ui.budget import Budget
from avfusion.ui.fairly import fairly
from avfusion.ui.turns import Turns


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def frames(clock: Clock, count: int, each_s: float) -> object:
    """Work that takes so long for each frame."""

    def work(on_progress: OnProgress, should_stop: ShouldStop) -> int:
        teller = Teller("rendering", count, on_progress, should_stop)
        for _ in range(count):
            clock.now_s += each_s
            teller.step()
        return count

    return work


def run(clock: Clock, budget: Budget, count: int, each_s: float, *, who: str = "ada") -> int:
    work = fairly(frames(clock, count, each_s), who=who, turns=Turns(clock=clock), budget=budget)  # type: ignore[arg-type, var-annotated]
    return work(lambda _: None, lambda: False)


def test_without_limits_everything_is_allowed() -> None:
    clock = Clock()
    assert run(clock, Budget(clock=clock), 100, 1e6) == 100


def test_a_run_that_takes_too_long_is_stopped_and_told_how_far_it_came() -> None:
    clock = Clock()
    budget = Budget(clock=clock)
    budget.allow(600, float("inf"))
    assert run(clock, budget, 60, 10) == 60, "exactly what is allowed"
    with pytest.raises(
        OverLimit, match=r"^A run may take 10 minutes here: it was stopped, after \d+ of 61 frames of re"
    ):
        run(clock, budget, 61, 10.5)


def test_what_visitors_used_comes_back_within_the_hour() -> None:
    clock = Clock()
    budget = Budget(clock=clock)
    budget.allow(float("inf"), 100)
    assert run(clock, budget, 10, 5) == 10
    assert budget.left_s("ada") == pytest.approx(50)
    assert budget.left_s("bob") == 100, "each has their own"
    with pytest.raises(OverLimit, match="A visitor's runs had 50 seconds left in this hour: it was stopped"):
        run(clock, budget, 20, 5)
    with pytest.raises(OverLimit, match=r"may work for 100 seconds an hour here, .* Try again in \S+ minutes\.$"):
        run(clock, budget, 1, 1)
    assert run(clock, budget, 1, 1, who="bob") == 1
    clock.now_s += 3600
    assert budget.left_s("ada") == 100
    assert run(clock, budget, 10, 5) == 10


def test_time_in_the_queue_is_nobodys() -> None:
    clock = Clock()
    budget = Budget(clock=clock)
    budget.allow(10, 10)
    turns = Turns(at_once=1, waiting=9, clock=clock)
    places: list[Progress] = []

    def waits(progress: Progress) -> None:
        places.append(progress)
        clock.now_s += 1000
        first.__exit__(None, None, None)

    first = turns.taken(lambda *_: None, lambda: False)
    first.__enter__()
    work = fairly(frames(clock, 1, 1), who="ada", turns=turns, budget=budget)  # type: ignore[arg-type, var-annotated]
    assert work(lambda now: waits(now) if now.stage == "waiting" else None, lambda: False) == 1
    assert [(now.stage, now.total) for now in places] == [("waiting", 1)]
    assert budget.left_s("ada") == pytest.approx(9)


def test_a_visitor_who_stops_is_not_told_of_limits() -> None:
    clock = Clock()
    budget = Budget(clock=clock)
    budget.allow(10, 10)
    work = fairly(frames(clock, 100, 20), who="ada", turns=Turns(clock=clock), budget=budget)  # type: ignore[arg-type, var-annotated]
    with pytest.raises(Stopped):
        work(lambda _: None, lambda: True)


def token(**payload: object) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'none'})}.{part(payload)}.signature"


@pytest.mark.parametrize(
    ("headers", "who"),
    [
        ({"x-ip-token": token(ip="192.0.2.7", exp=1)}, "ip 192.0.2.7"),
        ({"x-ip-token": token(ip="192.0.2.7", exp=2)}, "ip 192.0.2.7"),
        ({"x-ip-token": token(user="ada", ip="192.0.2.7")}, "user ada"),
        ({"x-ip-token": "nonsense", "x-forwarded-for": "10.0.0.1, 192.0.2.9"}, "192.0.2.9"),
        ({"x-ip-token": "a.\u00e9.b", "x-forwarded-for": "192.0.2.9"}, "192.0.2.9"),
        ({"x-ip-token": token(user=["ada"])}, ""),
        ({}, ""),
    ],
)
def test_who_is_behind_the_proxy_of_a_space(headers: dict[str, str], who: str) -> None:
    assert behind_space_proxy(headers) == who
