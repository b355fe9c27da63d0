"""What every run of the page goes through: room on the disk, its turn in the queue, its share of time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from avfusion.engines.memory import hand_back
from avfusion.errors import Stopped
from avfusion.pipelines.progress import OnProgress, Progress, ShouldStop
from avfusion.ui.asking import visitor
from avfusion.ui.budget import BUDGET, Budget
from avfusion.ui.disk import DISK
from avfusion.ui.turns import TURNS, Turns

Result = TypeVar("Result")
Work = Callable[[OnProgress, ShouldStop], Result]

WAITING = "waiting"
"""The stage of a run before its turn: `total` is its place in the queue, `remaining_s` the time until its turn."""


def fairly(
    work: Work[Result], *, who: str | None = None, turns: Turns = TURNS, budget: Budget = BUDGET
) -> Work[Result]:
    """The work, done when it is its turn and there is room, and stopped when its time is up: `OverLimit`.

    who: the visitor; left out, whoever is asking now.
    """
    name = visitor() if who is None else who

    def waits_and_works(on_progress: OnProgress, should_stop: ShouldStop) -> Result:
        latest: list[Progress] = []

        def wait(place: int, remaining_s: float | None) -> None:
            on_progress(Progress(WAITING, 0, place, 0.0, remaining_s, unit="runs"))

        DISK.check()
        budget.check(name)
        with turns.taken(wait, should_stop) as turn, budget.spent(name) as allowance:

            def tell(progress: Progress) -> None:
                turn.remaining_s = progress.remaining_s
                latest[:] = [replace(progress, preview=None)]
                on_progress(progress)

            try:
                return work(tell, lambda: should_stop() or allowance.is_over)
            except Stopped as stopped:
                if should_stop() or not allowance.is_over:
                    raise
                raise allowance.ended(latest[0] if latest else None) from stopped
            finally:
                hand_back()

    return waits_and_works
