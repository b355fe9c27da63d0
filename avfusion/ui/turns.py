"""One queue for the runs of all tabs and endpoints: whose turn it is, and how long the others wait."""

from __future__ import annotations

import contextlib
import heapq
import statistics
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator

from avfusion.errors import OverLimit
from avfusion.pipelines.progress import ShouldStop, check_stop

OnWait = Callable[[int, float | None], None]
"""(place in the queue from 1, seconds until the turn or None as long as nobody can know)."""

_LOOK_EVERY_S = 1.0
_REMEMBERED = 20
_OFF = float("inf")


class Turn:
    """A run from the moment that it asks for its turn. remaining_s: what it says itself of the time it still needs."""

    def __init__(self) -> None:
        self.began_s = 0.0
        self.remaining_s: float | None = None


class Turns:
    """First come, first served; so many at a time. Without `allow` nobody waits.

    with turns.taken(on_wait, should_stop) as turn:
        ...
    """

    def __init__(
        self, at_once: float = _OFF, waiting: float = _OFF, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._at_once, self._most = at_once, waiting
        self._clock = clock
        self._news = threading.Condition()
        self._waiting: deque[Turn] = deque()
        self._working: set[Turn] = set()
        self._took_s: deque[float] = deque(maxlen=_REMEMBERED)

    def allow(self, at_once: float, waiting: float) -> None:
        """How many may work at a time, and how many may wait."""
        with self._news:
            self._at_once, self._most = max(1, at_once), waiting
            self._news.notify_all()

    @property
    def counts(self) -> tuple[int, int]:
        """(working, waiting)"""
        with self._news:
            return len(self._working), len(self._waiting)

    @contextlib.contextmanager
    def taken(self, on_wait: OnWait, should_stop: ShouldStop) -> Iterator[Turn]:
        """Waits for the turn, which lasts as long as the block.

        Whoever stops while waiting leaves the queue: `Stopped`. Raises `OverLimit` where too many wait already.
        """
        turn = Turn()
        self._wait(turn, on_wait, should_stop)
        finished = False
        try:
            yield turn
            finished = True
        finally:
            with self._news:
                self._working.remove(turn)
                if finished:  # how long one worked that was stopped says nothing of the others
                    self._took_s.append(self._clock() - turn.began_s)
                self._news.notify_all()

    def _wait(self, turn: Turn, on_wait: OnWait, should_stop: ShouldStop) -> None:
        with self._news:
            is_free = not self._waiting and len(self._working) < self._at_once
            if not is_free and len(self._waiting) >= self._most:
                raise OverLimit(f"The queue is full: {len(self._waiting)} waiting. Try again in a while.")
            self._waiting.append(turn)
        try:
            while not self._begins(turn):
                on_wait(*self.place(turn))
                check_stop(should_stop)
                with self._news:
                    self._news.wait(_LOOK_EVERY_S)
        except BaseException:
            with self._news:
                self._waiting.remove(turn)
                self._news.notify_all()
            raise

    def _begins(self, turn: Turn) -> bool:
        with self._news:
            if self._waiting[0] is not turn or len(self._working) >= self._at_once:
                return False
            self._waiting.popleft()
            self._working.add(turn)
            turn.began_s = self._clock()
            self._news.notify_all()
            return True

    def place(self, turn: Turn) -> tuple[int, float | None]:
        """Where in the queue, from 1, and about how many seconds until the turn begins.

        Each run that is before it is taken to last as long as most did lately; one that works may know better.
        """
        with self._news:
            ahead = list(self._waiting).index(turn) if turn in self._waiting else 0
            usual_s = statistics.median(self._took_s) if self._took_s else None
            ends_s = [self._left_s(other, usual_s) for other in self._working]
        known_s = [left for left in ends_s if left is not None]
        if len(known_s) < len(ends_s) or (ahead and usual_s is None):
            return ahead + 1, None
        heapq.heapify(known_s)
        for _ in range(ahead if known_s else 0):
            heapq.heapreplace(known_s, known_s[0] + (usual_s or 0.0))
        return ahead + 1, known_s[0] if known_s else 0.0

    def _left_s(self, turn: Turn, usual_s: float | None) -> float | None:
        by_others_s = None if usual_s is None else max(0.0, usual_s - (self._clock() - turn.began_s))
        known_s = [left for left in (by_others_s, turn.remaining_s) if left is not None]
        return max(known_s) if known_s else None


TURNS = Turns()
"""Those of this page."""
