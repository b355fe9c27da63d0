"""A piece of work on a thread of its own, watched by whoever waits for it, stopped when nobody does."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Generic, TypeVar

from avfusion.pipelines.progress import OnProgress, Progress, ShouldStop

Result = TypeVar("Result")
_LOOK_EVERY_S = 0.25


class Run(Generic[Result]):
    """Starts `work(on_progress, should_stop)` at once.

    for progress in run.progress():  # ends when the work does
        ...
    run.result()                     # returns or raises what the work did
    """

    def __init__(self, work: Callable[[OnProgress, ShouldStop], Result]) -> None:
        self._work = work
        self._stop = threading.Event()
        self._news = threading.Condition()
        self._latest: Progress | None = None
        self._results: list[Result] = []
        self._failures: list[BaseException] = []
        # Whose run it is goes with it: ZeroGPU asks that of the call that is being answered.
        here = contextvars.copy_context()
        self._thread = threading.Thread(target=here.run, args=(self._do,), name="avfusion-run", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Asks the work to stop; it does so at its next frame."""
        self._stop.set()

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def wait(self, timeout_s: float | None = None) -> None:
        """Until the work has ended, one way or another."""
        self._thread.join(timeout_s)

    def progress(self) -> Iterator[Progress | None]:
        """The latest word of the work, at most every quarter of a second; None as long as there is no new one."""
        while self._thread.is_alive():
            with self._news:
                self._news.wait(timeout=1.0)
                latest, self._latest = self._latest, None
            yield latest
            time.sleep(_LOOK_EVERY_S)

    def result(self) -> Result:
        """Waits for the end."""
        self._thread.join()
        if self._failures:
            raise self._failures[0]
        return self._results[0]

    def failure(self) -> BaseException | None:
        """Waits for the end; what the work raised, if it did."""
        self._thread.join()
        return self._failures[0] if self._failures else None

    def _do(self) -> None:
        try:
            self._results.append(self._work(self._tell, self._stop.is_set))
        except BaseException as failure:
            self._failures.append(failure)
        finally:
            with self._news:
                self._news.notify_all()

    def _tell(self, progress: Progress) -> None:
        with self._news:
            if progress.preview is None and self._latest is not None:
                progress = replace(progress, preview=self._latest.preview)
            self._latest = progress
            self._news.notify_all()
