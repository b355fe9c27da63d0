"""A batch on a Ray cluster: clips travel to the nodes and results back; what a lost node did is done elsewhere."""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import avfusion
from avfusion.errors import AvfusionError, EngineNotReady, Stopped
from avfusion.jobs.batch_list import Entry
from avfusion.jobs.batch_outcome import TRIES, Ended, Outcome, Try, answered, lost
from avfusion.jobs.ray_cluster import Cluster, cluster
from avfusion.jobs.ray_files import received, sent
from avfusion.jobs.ray_work import version, work
from avfusion.media.target import new_folder, whole_file
from avfusion.pipelines.progress import ShouldStop

_ASK_EVERY_S = 0.5
_PATIENCE_S = 20.0


@dataclass(frozen=True)
class _Begun:
    job: Try
    began_s: float

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began_s


class RayRunner:
    """A `Runner`. address: of a cluster that is there; None: one on this machine. workers: jobs at once."""

    def __init__(self, address: str | None, workers: int | None) -> None:
        self._address, self._workers = address, workers

    def __call__(self, entries: Iterator[Entry], out: Path, should_stop: ShouldStop) -> Iterator[Ended]:
        with cluster(self._address, self._workers) as there:
            _check_version(there, self._address or "ray")
            try:
                yield from _Sharing(there, self._workers, out).run(entries, should_stop)
            except (there.ray.exceptions.RayError, ConnectionError) as error:
                raise EngineNotReady(
                    f"{self._address or 'ray'}: the cluster cannot be reached any more ({_first_words(error)}). "
                    "What is done stays; the same command goes on from there."
                ) from error


class _Sharing:
    """The jobs that are on their way in one cluster."""

    def __init__(self, there: Cluster, workers: int | None, out: Path) -> None:
        self._ray, self._there, self._workers, self._out = there.ray, there, workers, out
        has_cards = there.resources().get("GPU", 0) > 0
        # A job begun again is begun by us, so that we count it, and the results of a lost node count as lost too.
        self._work = there.ray.remote(num_cpus=1, num_gpus=int(has_cards), max_retries=0)(work)
        self._unit = "GPU" if has_cards else "CPU"
        self._again: deque[Try] = deque()
        self._busy: dict[Any, _Begun] = {}
        errors = there.ray.exceptions
        self._losses = (
            errors.WorkerCrashedError, errors.NodeDiedError, errors.OutOfMemoryError, errors.ObjectLostError,
            MemoryError,
        )  # fmt: skip

    def run(self, entries: Iterator[Entry], should_stop: ShouldStop) -> Iterator[Ended]:
        while not should_stop():
            yield from self._begin(entries)
            if not self._busy:
                return
            yield from self._ended(_ASK_EVERY_S)
        for reference in self._busy:
            self._ray.cancel(reference, force=False)
        give_up_s = time.monotonic() + _PATIENCE_S
        while self._busy and time.monotonic() < give_up_s:
            yield from self._ended(_ASK_EVERY_S)
        raise Stopped("Stopped.")

    def _begin(self, entries: Iterator[Entry]) -> Iterator[Ended]:
        """Sends jobs off as long as there is room; those whose inputs cannot be read have ended by that."""
        while len(self._busy) < self._room():
            job = self._again.popleft() if self._again else next((Try(entry) for entry in entries), None)
            if job is None:
                return
            job = Try(job.entry, job.tries + 1)
            try:
                order = self._order(job.entry)
            except OSError as error:
                yield job.entry, Outcome(job.entry.name, job.entry.line, "failed", why=str(error), tries=0)
                continue
            self._busy[self._work.remote(order)] = _Begun(job, time.monotonic())

    def _room(self) -> int:
        """Jobs that the cluster can do at once, as it is now: nodes come and go."""
        return self._workers or max(1, int(self._there.resources().get(self._unit, 1)))

    def _order(self, entry: Entry) -> Mapping[str, Any]:
        scratch = self._there.scratch
        inputs = {one.path: sent(self._ray, entry.folder / one.path) for one in entry.job.inputs.values()}
        return {
            "job": entry.job.as_json(), "inputs": inputs, "folder": os.fspath(entry.folder),
            "out": os.fspath(self._out), "scratch": None if scratch is None else os.fspath(scratch),
        }  # fmt: skip

    def _ended(self, patience_s: float) -> Iterator[Ended]:
        ready, _ = self._ray.wait(list(self._busy), num_returns=1, timeout=patience_s)
        for reference in ready:
            begun = self._busy.pop(reference)
            entry, tries = begun.job.entry, begun.job.tries
            try:
                answer = self._ray.get(reference)
                if answer["status"] == "done":
                    self._take(entry, answer["files"])
            except self._ray.exceptions.TaskCancelledError:
                continue
            except (*self._losses, self._ray.exceptions.RayTaskError) as error:
                cause = getattr(error, "cause", error)
                if not isinstance(cause, self._losses):
                    print(error, file=sys.stderr)
                    why = f"this is a bug in AVFusion: {type(cause).__name__}: {_first_words(cause)}"
                    yield entry, Outcome(entry.name, entry.line, "failed", begun.seconds, why, "", tries)
                elif tries < TRIES:
                    self._again.append(begun.job)
                else:
                    yield entry, lost(entry, _first_words(cause), seconds=begun.seconds, tries=tries)
            except AvfusionError as error:
                why = " ".join(str(error).split())
                yield entry, Outcome(entry.name, entry.line, "failed", begun.seconds, why, answer["where"], tries)
            else:
                if answer["status"] != "stopped":
                    yield entry, answered(entry, answer, where=answer["where"], tries=tries)

    def _take(self, entry: Entry, files: Mapping[str, Any]) -> None:
        """Writes a job's results: each is there whole, or not at all. Raises `CannotWrite`, and Ray's errors."""
        for name in entry.outs:
            if name not in files:
                continue
            whole = whole_file if "" in files[name] else new_folder
            with whole(self._out / name) as part:
                received(self._ray, files[name], part)


def _check_version(there: Cluster, address: str) -> None:
    """Raises `EngineNotReady` where the nodes have no AVFusion, or another one."""
    ray = there.ray
    try:
        found = ray.get(ray.remote(num_cpus=0, max_retries=2)(version).remote())
    except ray.exceptions.RayError as error:
        raise EngineNotReady(
            f"{address}: AVFusion cannot be loaded on the cluster's nodes ({_first_words(error)}). "
            f"Install avfusion {avfusion.__version__} there."
        ) from error
    if found != avfusion.__version__:
        raise EngineNotReady(f"{address}: its nodes have avfusion {found}, and this is {avfusion.__version__}.")


def _first_words(error: BaseException) -> str:
    """The first line that says something."""
    lines = (line.strip().rstrip(".") for line in str(error).splitlines())
    return next((line for line in lines if line), type(error).__name__)
