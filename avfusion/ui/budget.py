"""How long one run, and all runs of one visitor within an hour, may work."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from avfusion.errors import OverLimit
from avfusion.media.limits import time_in_words
from avfusion.pipelines.progress import Progress

_HOUR_S = 3600.0
_OFF = float("inf")


@dataclass(frozen=True)
class Allowance:
    """What a run may use, from when on. is_visitors: its visitor's time ends before its own would."""

    began_s: float
    seconds: float
    is_visitors: bool
    clock: Callable[[], float]

    @property
    def is_over(self) -> bool:
        return self.clock() - self.began_s > self.seconds

    def ended(self, latest: Progress | None) -> OverLimit:
        """What whoever asked for the run is told: what was allowed, and what was done."""
        given = time_in_words(self.seconds)
        whose = (
            f"A visitor's runs had {given} left in this hour" if self.is_visitors else f"A run may take {given} here"
        )
        done = "" if latest is None else f", after {latest.done} of {latest.total} {latest.unit} of {latest.stage}"
        return OverLimit(f"{whose}: it was stopped{done}. Choose a shorter part of the clip, or scale it down.")


class Budget:
    """Who worked how long. Without `allow` everything is allowed."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._run_s = self._visitor_s = _OFF
        self._spent: dict[str, deque[tuple[float, float]]] = {}
        self._working: dict[str, list[float]] = {}

    def allow(self, run_s: float, visitor_s_per_hour: float) -> None:
        self._run_s, self._visitor_s = run_s, visitor_s_per_hour

    def check(self, visitor: str) -> None:
        """Raises `OverLimit` where a visitor's time is used up."""
        if self.left_s(visitor) > 0:
            return
        with self._lock:
            ends = self._spent.get(visitor) or [(0.0, self._clock())]
            again_s = max(1.0, ends[0][1] + _HOUR_S - self._clock())
        raise OverLimit(
            f"A visitor's runs may work for {time_in_words(self._visitor_s)} an hour here, and that is used up. "
            f"Try again in {time_in_words(again_s)}."
        )

    def left_s(self, visitor: str) -> float:
        """Seconds that a visitor's runs may still work now, those that are working counted."""
        if self._visitor_s == _OFF:
            return _OFF
        with self._lock:
            self._forget()
            now = self._clock()
            used_s = sum(min(end - begin, end - now + _HOUR_S) for begin, end in self._spent.get(visitor, ()))
            used_s += sum(now - begin for begin in self._working.get(visitor, ()))
        return max(0.0, self._visitor_s - used_s)

    @contextlib.contextmanager
    def spent(self, visitor: str) -> Iterator[Allowance]:
        """The block's time is the visitor's. Raises as `check` does."""
        self.check(visitor)
        left_s, began_s = self.left_s(visitor), self._clock()
        with self._lock:
            self._working.setdefault(visitor, []).append(began_s)
        try:
            yield Allowance(began_s, min(self._run_s, left_s), left_s < self._run_s, self._clock)
        finally:
            with self._lock:
                self._working[visitor].remove(began_s)
                if not self._working[visitor]:
                    del self._working[visitor]
                if self._visitor_s < _OFF:
                    self._spent.setdefault(visitor, deque()).append((began_s, self._clock()))

    def _forget(self) -> None:
        """What lies more than an hour back."""
        long_ago_s = self._clock() - _HOUR_S
        for visitor in list(self._spent):
            runs = self._spent[visitor]
            while runs and runs[0][1] <= long_ago_s:
                runs.popleft()
            if not runs:
                del self._spent[visitor]


BUDGET = Budget()
"""That of this page."""
