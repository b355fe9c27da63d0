"""Step 3 of the Sounding tab: run, stop, files with masks. Generators, so that they end when the visitor goes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from avfusion.errors import AvfusionError, Stopped, UsageError
from avfusion.ui import words
from avfusion.ui.runs import Run
from avfusion.ui.sounding_making import Choice, Export, Found, export, make
from avfusion.ui.sounding_showing import ResultShown, before_this, finished, progress
from avfusion.ui.sounding_visit import SoundingVisit
from avfusion.ui.strings import told

KIND = "sounding"


class RunShown(NamedTuple):
    """In the order of `RunPart.shows`; what is left out stays as it is."""

    run: Any = gr.skip()
    stop: Any = gr.skip()
    status: Any = gr.skip()
    progress: Any = gr.skip()


Shown = tuple[Any, ...]
"""A `RunShown`, a `ResultShown`, then what is shown of the control before: nothing any more, with another result."""
_STAYS = (gr.skip(), gr.skip())
_GOES = ("", "")


def idle(status: str = "") -> RunShown:
    """Ready for the next run; a result that is there stays."""
    return RunShown(gr.Button(interactive=True), gr.Button(visible=False), status, "")


def begin(visit: SoundingVisit) -> Shown:
    """At once after the press, before it is this visitor's turn. A result that is there is marked as an earlier one."""
    visit.is_stopped = False
    waits = RunShown(gr.Button(interactive=False), gr.Button(visible=True), "", words.waiting())
    return *waits, *before_this(), *_STAYS


def run(visit: SoundingVisit, *chosen: Any) -> Iterator[Shown]:
    """From what was chosen to the film, the timeline and the files."""
    clip, started_s = visit.clip, time.monotonic()
    job: Run[Found] | None = None
    try:
        if clip is None:
            raise UsageError(told("sounding-no-clip"))
        work = partial(make, visit, f"found-{'ab'[visit.results % 2]}", clip, Choice(*chosen))
        job = visit.start(work, kind=KIND)
        for now in job.progress():
            if now is not None:
                yield *RunShown(progress=progress(now)), *ResultShown(), *_STAYS
        found = job.result()
    except AvfusionError as error:
        yield *_failed(error, *([clip.path] if clip else [])), *ResultShown(earlier=""), *_STAYS
        return
    finally:
        if job is not None:
            job.stop()
    with visit.lock:
        visit.found, visit.results = found, visit.results + 1
    done = idle(words.good(told("sounding-done")))
    yield *done, *finished(found, took_s=time.monotonic() - started_s), *_GOES


def _failed(error: AvfusionError, *paths: Path) -> RunShown:
    return idle(words.note(told("sounding-stopped")) if isinstance(error, Stopped) else words.problem(error, *paths))


def fail(visit: SoundingVisit) -> Shown:
    """The run broke off; to Gradio one that was stopped early did so too."""
    said = words.note(told("sounding-stopped")) if visit.is_stopped else words.problem(UsageError(told("sounding-bug")))
    return *idle(said), *ResultShown(earlier=""), *_STAYS


def stop(visit: SoundingVisit) -> Shown:
    visit.is_stopped = True
    visit.stop(KIND)
    return *idle(words.note(told("sounding-stopped"))), *ResultShown(earlier=""), *_STAYS


def hand_out(kind: Export, visit: SoundingVisit) -> Iterator[tuple[Any, Any]]:
    """What is said of it, and the file."""
    found = visit.found
    job: Run[Path] | None = None
    try:
        if found is None:
            raise UsageError(told("sounding-no-clip"))
        job = visit.start(partial(export, visit, found, kind), kind=KIND)
        for now in job.progress():
            if now is not None:
                yield progress(now), gr.skip()
        file = job.result()
    except AvfusionError as error:
        said = words.note(told("sounding-stopped")) if isinstance(error, Stopped) else words.problem(error)
        yield said, gr.skip()
        return
    finally:
        if job is not None:
            job.stop()
    yield "", gr.File(value=[str(file)], visible=True)
