"""Order is kept, errors cross at their place, and nobody waits for someone who has left."""

import threading
import time
from collections.abc import Iterator

import pytest

from avfusion.media.ahead import Behind, ahead, in_reverse


def names() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("avfusion-")]


class Numbers:
    """Counts, and says how far it was asked and whether it was closed."""

    def __init__(self, stop: int, fails_at: int | None = None) -> None:
        self.stop, self.fails_at = stop, fails_at
        self.given, self.closed_by = 0, ""

    def __call__(self) -> Iterator[int]:
        try:
            for number in range(self.stop):
                if number == self.fails_at:
                    raise ZeroDivisionError(number)
                self.given += 1
                yield number
        finally:
            self.closed_by = threading.current_thread().name


@pytest.mark.parametrize("depth", [1, 4, 1000])
@pytest.mark.parametrize("count", [0, 1, 5, 300])
def test_order_is_kept(count: int, depth: int) -> None:
    assert list(ahead(Numbers(count), depth=depth)) == list(range(count))
    assert names() == []


@pytest.mark.parametrize("fails_at", [0, 1, 7])
def test_an_error_arrives_at_its_place(fails_at: int) -> None:
    got = []
    with pytest.raises(ZeroDivisionError, match=str(fails_at)):  # noqa: PT012
        for number in ahead(Numbers(10, fails_at), depth=3):
            got.append(number)  # noqa: PERF402
    assert got == list(range(fails_at))
    assert names() == []


def test_an_error_before_the_first_item_arrives() -> None:
    def source() -> Iterator[int]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(ahead(source, depth=2))


def test_whoever_leaves_early_stops_the_producer_at_once() -> None:
    numbers = Numbers(10**9)
    items = ahead(numbers, depth=3)
    assert next(items) == 0
    began = time.monotonic()
    items.close()  # type: ignore[attr-defined]
    assert time.monotonic() - began < 5  # a hang, not a delay
    assert numbers.closed_by == "avfusion-ahead"
    assert numbers.given <= 1 + 3 + 1
    assert names() == []


def test_no_more_than_depth_is_computed_ahead() -> None:
    numbers = Numbers(100)
    items = ahead(numbers, depth=3)
    next(items)
    time.sleep(0.2)
    assert numbers.given <= 1 + 3 + 1
    items.close()  # type: ignore[attr-defined]


def test_nothing_starts_before_it_is_asked_for() -> None:
    ahead(Numbers(3), depth=3)
    assert names() == []


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_in_reverse(size: int) -> None:
    assert list(in_reverse(lambda a, b: iter(range(a, b)), 2, 9, size=size)) == list(range(8, 1, -1))


def test_behind_takes_everything_in_order() -> None:
    taken: list[int] = []
    with Behind(taken.append, depth=2) as behind:
        for number in range(200):
            behind.put(number)
        behind.finish()
        assert taken == list(range(200))
    assert names() == []


@pytest.mark.parametrize("ends_with_finish", [True, False])
def test_an_error_behind_comes_back_and_nothing_hangs(ends_with_finish: bool) -> None:
    taken: list[int] = []

    def take(number: int) -> None:
        if number == 3:
            raise ZeroDivisionError
        taken.append(number)

    def work() -> None:
        with Behind(take, depth=1) as behind:
            for number in range(4):
                behind.put(number)
            if ends_with_finish:
                behind.finish()

    with pytest.raises(ZeroDivisionError):
        work()
    assert taken == [0, 1, 2]
    assert names() == []


def test_a_producer_that_never_stops_hears_of_the_error() -> None:
    def take(number: int) -> None:
        time.sleep(0.01)
        raise ZeroDivisionError

    put = 0
    with pytest.raises(ZeroDivisionError), Behind(take, depth=2) as behind:  # noqa: PT012
        for number in range(10**9):
            behind.put(number)
            put += 1
    assert put < 10**6


def test_what_waits_is_dropped_when_the_block_fails() -> None:
    taken: list[int] = []
    gate = threading.Event()

    def take(number: int) -> None:
        gate.wait(10)
        taken.append(number)

    def work() -> None:
        with Behind(take, depth=8) as behind:
            for number in range(6):
                behind.put(number)
            threading.Timer(0.1, gate.set).start()
            raise KeyError

    with pytest.raises(KeyError):
        work()
    assert len(taken) <= 1
    assert names() == []
