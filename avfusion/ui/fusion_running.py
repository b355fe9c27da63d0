"""Step 3 of the Fusion tab: run and stop. A generator, so that it ends when the visitor goes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from avfusion.errors import AvfusionError, Stopped
from avfusion.pipelines.progress import OnProgress, ShouldStop
from avfusion.ui import words
from avfusion.ui.fusion_job import can_go_on, forget
from avfusion.ui.fusion_making import Outcome, make
from avfusion.ui.fusion_making import go_on as resumed
from avfusion.ui.fusion_showing import ResultShown, before_this, finished, live, progress
from avfusion.ui.fusion_visit import FusionVisit
from avfusion.ui.fusion_wish import Others, Switches, lacking, wish_of
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


class JobShown(NamedTuple):
    """The id of a run that may be cut off, and the row that offers to go on with it."""

    job: Any = gr.skip()
    row: Any = gr.skip()


Shown = tuple[Any, ...]
"""A `RunShown`, a `ResultShown`, then a `JobShown`."""


def idle(status: Any = "") -> RunShown:
    """Ready for the next run; a result that is there stays."""
    return RunShown(gr.Button(interactive=True), gr.Button(visible=False), status, "", "")


def begin(visit: Visit) -> Shown:
    """At once after the press, before it is this visitor's turn. A result that is there is marked as an earlier one."""
    visit.is_stopped = False
    shown = RunShown(
        gr.Button(interactive=False), gr.Button(visible=True), "", words.bar(0.0, told("fusion-waiting"), ""), ""
    )
    return *shown, *before_this(), *JobShown(row=gr.Row(visible=False))


def run(own: FusionVisit, others: Others, switches: Switches) -> Iterator[Shown]:
    """From what is set to the finished file."""
    missing = lacking(others, switches)
    if missing:
        said = idle(f'<p class="note problem" role="alert">{told(missing)}</p>')
        # What is shown stays marked as an earlier result: it is not what is set now.
        yield *said, *ResultShown(), *JobShown()
        return
    visit, begun = others.background, _Begun()
    try:
        wish = wish_of(others, switches)
    except AvfusionError as error:
        yield *idle(_said(error, others)), *ResultShown(), *JobShown()
        return
    work = partial(make, visit, own.next_place, wish, begun.note)
    yield from _watched(own, others, begun, work)


def go_on(own: FusionVisit, others: Others, job: Any) -> Iterator[Shown]:
    """With a run that was cut off."""
    if not can_go_on(job):
        yield *idle(), *ResultShown(earlier=""), *JobShown("", gr.Row(visible=False))
        return
    begun = _Begun()
    begun.note(job)
    yield from _watched(own, others, begun, partial(resumed, others.background, own.next_place, job))


class _Begun:
    """The id of the job, as soon as it is there."""

    def __init__(self) -> None:
        self.job = ""

    def note(self, job: str) -> None:
        self.job = job


def _watched(
    own: FusionVisit, others: Others, begun: _Begun, work: Callable[[OnProgress, ShouldStop], Outcome]
) -> Iterator[Shown]:
    """Until the work has ended."""
    visit, started_s = others.background, time.monotonic()
    job = visit.start(work, kind=KIND)
    try:
        yield *RunShown(progress=words.bar(0.0, told("fusion-starting"), "")), *ResultShown(), *JobShown()
        for now in job.progress():
            if now is not None:
                shown = RunShown(progress=progress(now), live=live(now))
                yield *shown, *ResultShown(), *JobShown(job=begun.job or gr.skip())
        outcome = job.result()
    except AvfusionError as error:
        is_kept = can_go_on(begun.job)
        row = gr.Row(visible=is_kept)
        said = _stopped(is_kept=is_kept) if isinstance(error, Stopped) else _said(error, others)
        yield *idle(said), *ResultShown(), *JobShown(begun.job if is_kept else "", row)
        return
    finally:
        job.stop()
    own.has_result_while(visit.clip)
    done = idle(f'<p class="note good">{told("fusion-done")}</p>')
    yield *done, *finished(outcome, took_s=time.monotonic() - started_s), *JobShown("", gr.Row(visible=False))


def _said(error: AvfusionError, others: Others) -> str:
    paths = [path for path in (others.chosen.picture, others.chosen.video) if path]
    clip = others.background.clip
    return words.problem(error, *map(Path, paths), *others.voice.targets, *([clip.path] if clip else []))


def _stopped(*, is_kept: bool) -> str:
    """is_kept: the banner above offers to go on."""
    return f'<p class="note">{told("fusion-stopped-kept" if is_kept else "fusion-stopped")}</p>'


def fail(visit: Visit) -> Shown:
    """The run broke off; to Gradio one that was stopped early did so too."""
    if visit.is_stopped:
        return *idle(gr.skip()), *ResultShown(), *JobShown()  # `stop` has said so
    return *idle(f'<p class="note problem" role="alert">{told("fusion-bug")}</p>'), *ResultShown(), *JobShown()


def stop(visit: Visit, job: Any) -> Shown:
    """Returns when the run has stopped, so that it can be gone on with."""
    visit.is_stopped = True
    visit.stop_and_wait(KIND)
    is_kept = can_go_on(job)
    return *idle(_stopped(is_kept=is_kept)), *ResultShown(), *JobShown(row=gr.Row(visible=is_kept))


def offer(job: Any) -> Any:
    """When the page is opened: whether there is something to go on with."""
    return gr.Row(visible=can_go_on(job))


def give_up(job: Any) -> JobShown:
    forget(job)
    return JobShown("", gr.Row(visible=False))
