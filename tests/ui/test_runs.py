"""Work on its own thread."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from avfusion.errors import CannotRead, Stopped
from avfusion.pipelines.progress import OnProgress, Progress, ShouldStop
from avfusion.ui.runs import Run


def word(done: int, preview: bool = False) -> Progress:
    return Progress("tracking", done, 9, 1.0, None, np.zeros((2, 2, 3), np.uint8) if preview else None)


def test_the_result_comes_back_after_the_latest_word() -> None:
    told = threading.Event()

    def work(tell: OnProgress, should_stop: ShouldStop) -> str:
        tell(word(1, preview=True))
        tell(word(2))
        told.set()
        return "done"

    run = Run(work)
    told.wait(5)
    seen = [now for now in run.progress() if now is not None]
    assert run.result() == "done"
    assert [now.done for now in seen] in ([2], [])
    assert all(now.preview is not None for now in seen), "a preview is not lost to a later word without one"


def test_every_failure_comes_out_where_it_is_awaited() -> None:
    def work(tell: OnProgress, should_stop: ShouldStop) -> None:
        raise CannotRead("no")

    run = Run(work)
    assert [now for now in run.progress() if now] == []
    with pytest.raises(CannotRead):
        run.result()


def test_stop_reaches_the_work() -> None:
    def work(tell: OnProgress, should_stop: ShouldStop) -> None:
        while not should_stop():
            tell(word(1))
        raise Stopped("Stopped.")

    run = Run(work)
    next(run.progress())
    run.stop()
    run.wait(5)
    with pytest.raises(Stopped):
        run.result()
