"""Step 3 of the Fusion tab: run and stop. A generator, so that it ends when the visitor goes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from avfusion.errors import AvfusionError, Stopped
from avfusion.ui import words
from avfusion.ui.fusion_making import Outcome, make
from avfusion.ui.fusion_showing import ResultShown, before_this, finished, live, progress
from avfusion.ui.fusion_visit import FusionVisit
from avfusion.ui.fusion_wish import Others, Switches, lacking, wish_of
from avfusion.ui.runs import Run
from avfusion.ui.strings import told
from avfusion.ui.visit import Visit

KIND = "fusion"


class RunShown(NamedTuple):
    """In the order of `RunPart.shows`; what is left out stays as it is."""

    run: Any = gr.skip()
    stop: Any = gr.skip()
    status: Any = gr.skip()
    progress: Any = gr.skip()
    live: Any = gr.skip()


Shown = tuple[Any, ...]
"""A `RunShown`, then a `ResultShown`."""


def idle(status: str = "") -> RunShown:
    """Ready for the next run; a result that is there stays."""
    return RunShown(gr.Button(interactive=True), gr.Button(visible=False), status, "", "")


def begin(visit: Visit) -> Shown:
    """At once after the press, before it is this visitor's turn. A result that is there is marked as an earlier one."""
    visit.is_stopped = False
    waits = words.bar(0.0, told("fusion-waiting"), "")
    return *RunShown(gr.Button(interactive=False), gr.Button(visible=True), "", waits, ""), *before_this()


def run(own: FusionVisit, others: Others, switches: Switches) -> Iterator[Shown]:
    """From what is set to the finished file."""
    visit, started_s = others.background, time.monotonic()
    job: Run[Outcome] | None = None
    missing = lacking(others, switches)
    if missing:
        yield *idle(f'<p class="note problem" role="alert">{told(missing)}</p>'), *ResultShown(earlier="")
        return
    try:
        wish = wish_of(others, switches)
        job = visit.start(partial(make, visit, wish), kind=KIND)
        yield *RunShown(progress=words.bar(0.0, told("fusion-starting"), "")), *ResultShown()
        for now in job.progress():
            if now is not None:
                yield *RunShown(progress=progress(now), live=live(now)), *ResultShown()
        outcome = job.result()
    except AvfusionError as error:
        yield *idle(_said(error, others)), *ResultShown()
        return
    finally:
        if job is not None:
            job.stop()
    own.result_of = visit.clip
    done = f'<p class="note good">{told("fusion-done")}</p>'
    yield *idle(done), *finished(outcome, took_s=time.monotonic() - started_s)


def _said(error: AvfusionError, others: Others) -> str:
    if isinstance(error, Stopped):
        return _stopped()
    paths = [path for path in (others.chosen.picture, others.chosen.video) if path]
    clip = others.background.clip
    return words.problem(error, *map(Path, paths), *others.voice.targets, *([clip.path] if clip else []))


def _stopped() -> str:
    return f'<p class="note">{told("fusion-stopped")}</p>'


def fail(visit: Visit) -> Shown:
    """The run broke off; to Gradio one that was stopped early did so too."""
    if visit.is_stopped:
        return *idle(_stopped()), *ResultShown()
    return *idle(f'<p class="note problem" role="alert">{told("fusion-bug")}</p>'), *ResultShown()


def stop(visit: Visit) -> RunShown:
    visit.is_stopped = True
    visit.stop(KIND)
    return idle(_stopped())
