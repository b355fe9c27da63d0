"""A worker of a batch: a process of its own that runs one job after the other."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import time
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avfusion.errors import AvfusionError, Stopped

if TYPE_CHECKING:
    from avfusion.pipelines.progress import ShouldStop

STOP = "stop"
_FIRST_TO_GO = "800"

Answer = dict[str, Any]


def serve(orders: Connection, environment: Mapping[str, str]) -> None:
    """Runs the jobs that come through the pipe until it is closed; whatever comes during a job stops that job.

    An order: the job, the folder that its paths are relative to, the folder for its results, all in JSON. The answer
    is what `run_one` gives. environment: takes effect for whatever is imported by a job.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches this process too; whoever gives the orders says stop
    os.environ.update(environment)
    _go_first()

    def say(answer: Answer) -> None:
        with contextlib.suppress(OSError):  # nobody is there any more
            orders.send_bytes(json.dumps(answer).encode())

    while True:
        try:
            order = json.loads(orders.recv_bytes())
        except (EOFError, OSError):
            return
        if order != STOP:  # a job that had ended by then
            say(run_one(partial(_run, order, orders.poll), say))


def run_one(work: Callable[[], Mapping[str, Any]], say: Callable[[Answer], None]) -> Answer:
    """How one job ended, after how many `seconds`: `status` is done (with `report`), failed (with `why`) or stopped.

    What is a bug is said through `say`, with `ends` for the worker that ends by it, and raised again. Want of memory is
    only raised: it says more of the machine than of the job.
    """
    began_s = time.monotonic()

    def ended(status: str, **more: Any) -> Answer:
        return {"status": status, "seconds": time.monotonic() - began_s, **more}

    try:
        report = dict(work())
        return ended("done", report=report)
    except Stopped:
        return ended("stopped")
    except AvfusionError as error:
        return ended("failed", why=" ".join(str(error).split()))
    except MemoryError:
        raise
    except BaseException as error:
        said = " ".join("".join(traceback.format_exception_only(error)).split())
        say(ended("failed", why=f"this is a bug in AVFusion: {said}", ends=True))
        raise


def _run(order: Mapping[str, Any], should_stop: ShouldStop) -> Mapping[str, Any]:
    from avfusion.jobs.adopt import adopt
    from avfusion.jobs.job_file import job_of
    from avfusion.jobs.run import run

    job = job_of(order["job"])
    results = Path(order["out"])
    outs = {"out": results / job.out, **{name: results / file for name, file in job.also.items()}}
    started = adopt(job, Path(order["folder"]), outs)
    _, report = run(started, should_stop=should_stop)
    shutil.rmtree(started.folder, ignore_errors=True)  # the batch has its own list of what is done
    return report.as_json()


def _go_first() -> None:
    """Where memory runs out, Linux ends a worker rather than the process that would begin its job again."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO, encoding="ascii")
