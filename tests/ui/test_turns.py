"""One queue for all runs: the order, how many at a time, and what those that wait are told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avfusion.engines.registry import holdings
from avfusion.errors import OverLimit, Stopped
from avfusion.pipelines.progress import OnProgress, Progress, ShouldStop
from avfusion.ui import voice_showing, words
from avfusion.ui.clicks import Selection, clicked
from avfusion.ui.following import followed
from avfusion.ui.turns import TURNS, Turns
from avfusion.ui.visit import Visit
from avfusion.ui.voice_visit import VoiceVisit
from tests.ui.making import balls, write_clip


class Visitor:
    """Takes a turn on a thread of its own and keeps it until told to end."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.told: list[tuple[int, float | None]] = []
        self.failure: BaseException | None = None
        self.waits, self.has_begun, self.may_end, self.leaves = (threading.Event() for _ in range(4))
        self.thread = threading.Thread(target=self._visit)
        self.thread.start()

    def _visit(self) -> None:
        try:
            with self.turns.taken(self._told, self.leaves.is_set):
                self.has_begun.set()
                assert self.may_end.wait(60)
        except (OverLimit, Stopped) as failure:
            self.failure = failure

    def _told(self, place: int, left_s: float | None) -> None:
        self.told.append((place, left_s))
        self.waits.set()

    def end(self) -> None:
        self.may_end.set()
        self.thread.join(60)


def test_first_come_first_served() -> None:
    turns = Turns(at_once=1, waiting=9)
    visitors = [Visitor(turns)]
    assert visitors[0].has_begun.wait(60)
    for _ in range(3):
        visitors.append(Visitor(turns))
        assert visitors[-1].waits.wait(60)
    assert [visitor.told[0][0] for visitor in visitors[1:]] == [1, 2, 3]
    for number, visitor in enumerate(visitors):
        assert visitor.has_begun.wait(60)
        assert [later.has_begun.is_set() for later in visitors[number + 1 :]] == [False] * (3 - number)
        visitor.end()
    assert turns.counts == (0, 0)


def test_whoever_leaves_while_waiting_is_out_of_the_queue() -> None:
    turns = Turns(at_once=1, waiting=9)
    first, second = Visitor(turns), None
    assert first.has_begun.wait(60)
    second = Visitor(turns)
    assert second.waits.wait(60)
    third = Visitor(turns)
    assert third.waits.wait(60)
    second.leaves.set()
    second.thread.join(60)
    assert isinstance(second.failure, Stopped)
    assert not second.has_begun.is_set()
    first.end()
    assert third.has_begun.wait(60)
    third.end()
    assert turns.counts == (0, 0)


def test_a_full_queue_refuses_with_its_reason() -> None:
    turns = Turns(at_once=1, waiting=1)
    working = Visitor(turns)
    assert working.has_begun.wait(60)
    waiting = Visitor(turns)
    assert waiting.waits.wait(60)
    refused = Visitor(turns)
    refused.thread.join(60)
    assert str(refused.failure) == "The queue is full: 1 waiting. Try again in a while."
    working.end()
    assert waiting.has_begun.wait(60)
    waiting.end()


def test_a_run_that_fails_gives_its_turn_back() -> None:
    turns = Turns(at_once=1, waiting=0)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), turns.taken(lambda *_: None, lambda: False):
            1 / 0  # noqa: B018
    assert turns.counts == (0, 0)


def test_as_many_as_are_allowed_work_at_a_time() -> None:
    turns = Turns(at_once=2, waiting=9)
    both = [Visitor(turns), Visitor(turns)]
    assert all(visitor.has_begun.wait(60) for visitor in both)
    third = Visitor(turns)
    assert third.waits.wait(60)
    assert turns.counts == (2, 1)
    turns.allow(at_once=3, waiting=9)
    assert third.has_begun.wait(60)
    for visitor in (*both, third):
        visitor.end()


def a_run_of(turns: Turns, clock: list[float], seconds: float) -> None:
    with turns.taken(lambda *_: None, lambda: False):
        clock[0] += seconds


@settings(max_examples=20)
@given(took_s=st.lists(st.floats(1, 100), min_size=1, max_size=9), worked_s=st.floats(0, 50), says_s=st.floats(0, 500))
def test_the_wait_is_what_the_runs_before_take(took_s: list[float], worked_s: float, says_s: float) -> None:
    clock = [0.0]
    turns = Turns(at_once=1, waiting=9, clock=lambda: clock[0])
    for seconds in took_s:
        a_run_of(turns, clock, seconds)
    usual_s = (
        sorted(took_s)[len(took_s) // 2] if len(took_s) % 2 else sum(sorted(took_s)[len(took_s) // 2 - 1 :][:2]) / 2
    )
    told: list[tuple[int, float | None]] = []

    def once(then: Callable[[], bool]) -> None:
        with pytest.raises(Stopped), turns.taken(lambda *now: told.append(now), then):
            pass

    with turns.taken(lambda *_: None, lambda: False) as working:
        clock[0] += worked_s
        once(lambda: True)
        left_s = max(0.0, usual_s - worked_s)
        assert told[-1] == (1, pytest.approx(left_s))
        working.remaining_s = says_s
        once(lambda: True)
        assert told[-1] == (1, pytest.approx(max(left_s, says_s))), "a run that knows better is believed"


def test_nobody_guesses_before_a_run_has_ended() -> None:
    turns = Turns(at_once=1, waiting=9)
    told: list[tuple[int, float | None]] = []
    working = turns.taken(lambda *_: None, lambda: False)
    with working, pytest.raises(Stopped), turns.taken(lambda *now: told.append(now), lambda: True):
        pass
    assert told == [(1, None)]


@pytest.fixture
def one_at_a_time() -> Iterator[None]:
    TURNS.allow(1, 9)
    yield
    TURNS.allow(float("inf"), float("inf"))


@pytest.mark.usefixtures("one_at_a_time")
def test_tabs_share_one_queue_and_stopping_frees_the_turn_and_the_engines(tmp_path: Path) -> None:
    background, voice = Visit(), VoiceVisit()
    clip = background.open(write_clip(tmp_path / "rolling.mp4", balls(200, 320, 180)))
    background.selection = clicked(Selection(), 96, 90, frame=0, tool="keep")
    first = background.start(partial(followed, background, clip, background.wanted("auto", "auto")))
    while first.is_alive and TURNS.counts[0] == 0:
        first.wait(0.01)
    second = voice.start(lambda tell, should_stop: "spoken")
    waits = next(now for now in second.progress() if now is not None)
    assert "Waiting for its turn" in voice_showing.progress(waits)
    assert "next in the queue" in words.progress(waits)
    assert TURNS.counts == (1, 1)
    background.stop()
    assert isinstance(first.failure(), Stopped)
    assert second.result() == "spoken"
    assert TURNS.counts == (0, 0)
    assert [held.borrowers for held in holdings()] == [0] * len(holdings())
    background.forget()


@pytest.mark.usefixtures("one_at_a_time")
def test_stopping_and_leaving_while_waiting() -> None:
    works, may_end = threading.Event(), threading.Event()
    visits = [Visit() for _ in range(3)]

    def work(tell: OnProgress, should_stop: ShouldStop) -> None:
        works.set()
        assert may_end.wait(60)

    first = visits[0].start(work)
    assert works.wait(60)
    stopped, left = (visit.start(work) for visit in visits[1:])
    while TURNS.counts != (1, 2):
        time.sleep(0.01)
    visits[1].stop()
    visits[2].forget()
    assert isinstance(stopped.failure(), Stopped)
    assert isinstance(left.failure(), Stopped)
    assert TURNS.counts == (1, 0)
    may_end.set()
    first.result()


def test_what_those_who_wait_read() -> None:
    said = words.progress(Progress("waiting", 0, 3, 0.0, 100.0, unit="runs"))
    assert "number 3 in the queue · starts in about 2 min" in said
    assert "starts" not in words.progress(Progress("waiting", 0, 3, 0.0, None, unit="runs"))
