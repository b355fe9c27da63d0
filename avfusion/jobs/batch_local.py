"""A batch on this machine: jobs in worker processes, of which one may die without the others."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import time
from collections import deque
from collections.abc import Iterator, Mapping
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from avfusion.errors import Stopped
from avfusion.jobs.batch_list import Entry
from avfusion.jobs.batch_outcome import TRIES, Ended, Try, answered, lost
from avfusion.jobs.batch_worker import STOP, serve
from avfusion.pipelines.progress import ShouldStop

_ASK_EVERY_S = 0.2
_PATIENCE_S = 30.0
_SHORT_PATIENCE_S = 3.0


class Worker:
    """One process, busy with one job at a time."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        # A fresh interpreter: a copy of this process would copy the locks that its threads hold.
        context = multiprocessing.get_context("spawn")
        self.pipe, far_end = context.Pipe()
        self.environment = dict(environment)
        self.process: BaseProcess = context.Process(target=serve, args=(far_end, self.environment))
        self.process.start()
        far_end.close()
        self.job: Try | None = None
        self._began_s = 0.0

    def begin(self, job: Try, out: Path) -> None:
        self.job, self._began_s = Try(job.entry, job.tries + 1), time.monotonic()
        order = {
            "job": job.entry.job.as_json(),
            "folder": os.fspath(job.entry.folder.absolute()),
            "out": os.fspath(out),
        }
        with contextlib.suppress(OSError):  # where it is dead, `answer` says so
            self.pipe.send_bytes(json.dumps(order).encode())

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began_s

    def answer(self) -> dict[str, Any] | None:
        """What it says of its job; None where it died."""
        try:
            answer: dict[str, Any] = json.loads(self.pipe.recv_bytes())
        except (EOFError, OSError):
            return None
        return answer

    def how_it_died(self) -> str:
        self.process.join(_PATIENCE_S)
        code = self.process.exitcode
        return f"killed by signal {-code}" if code is not None and code < 0 else f"it ended with status {code}"

    def stop(self) -> None:
        """Its job ends at the next frame."""
        with contextlib.suppress(OSError):
            self.pipe.send_bytes(json.dumps(STOP).encode())

    def end(self, patience_s: float = _PATIENCE_S) -> None:
        """A closed pipe ends an idle worker at once, and stops the job of a busy one."""
        self.pipe.close()
        self.process.join(patience_s)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.process.close()


class LocalRunner:
    """A `Runner`. workers: how many processes; cards: numbers of graphics cards, which they take by turns."""

    def __init__(self, workers: int, cards: tuple[str, ...] = ()) -> None:
        self._free = deque(_environments(workers, cards))
        self._idle: list[Worker] = []
        self._busy: list[Worker] = []
        self._again: deque[Try] = deque()

    def __call__(self, entries: Iterator[Entry], out: Path, should_stop: ShouldStop) -> Iterator[Ended]:
        is_whole = False
        try:
            while not should_stop():
                self._begin(entries, out)
                if not self._busy:
                    is_whole = True
                    return
                yield from self._ended(_ASK_EVERY_S)
            yield from self._stopped()
            raise Stopped("Stopped.")
        finally:
            for worker in (*self._idle, *self._busy):
                worker.end(_PATIENCE_S if is_whole else _SHORT_PATIENCE_S)

    def _begin(self, entries: Iterator[Entry], out: Path) -> None:
        """Gives jobs to workers as long as there are both."""
        while self._idle or self._free:
            job = self._again.popleft() if self._again else next((Try(entry) for entry in entries), None)
            if job is None:
                return
            worker = self._idle.pop() if self._idle else Worker(self._free.popleft())
            self._busy.append(worker)
            worker.begin(job, out)

    def _ended(self, patience_s: float) -> Iterator[Ended]:
        """Jobs that have ended by now, or end within `patience_s`."""
        by_pipe: dict[Any, Worker] = {worker.pipe: worker for worker in self._busy}
        for pipe in wait(list(by_pipe), patience_s):
            worker = by_pipe[pipe]
            job, answer, seconds = worker.job, worker.answer(), worker.seconds
            assert job is not None
            self._busy.remove(worker)
            where = f"process {worker.process.pid}"
            if answer is None:
                why = worker.how_it_died()
                self._let_go(worker)
                if job.tries < TRIES:
                    self._again.append(job)
                else:
                    yield job.entry, lost(job.entry, why, seconds=seconds, tries=job.tries)
                continue
            if answer.get("ends"):
                self._let_go(worker)
            else:
                self._idle.append(worker)
            if answer["status"] != "stopped":
                yield job.entry, answered(job.entry, answer, where=where, tries=job.tries)

    def _let_go(self, worker: Worker) -> None:
        """Another process can take its place."""
        worker.end()
        self._free.append(worker.environment)

    def _stopped(self) -> Iterator[Ended]:
        """Stops the jobs that run; those that were done just then still count."""
        for worker in self._busy:
            worker.stop()
        give_up_s = time.monotonic() + _PATIENCE_S
        while self._busy and time.monotonic() < give_up_s:
            yield from self._ended(_ASK_EVERY_S)


def _environments(workers: int, cards: tuple[str, ...]) -> list[dict[str, str]]:
    """For each worker, what its environment has that ours has not: its share of the cores, and its card."""
    threads = {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // workers))}
    named = {} if "OMP_NUM_THREADS" in os.environ else threads
    return [
        named | ({"CUDA_VISIBLE_DEVICES": cards[number % len(cards)]} if cards else {}) for number in range(workers)
    ]
