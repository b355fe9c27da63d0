"""Whether what was found goes by the sound: the same clip without it, or with another one, beside the first."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from avfusion.errors import AvfusionError, Stopped, UsageError
from avfusion.pipelines.locate_controls import Control, ControlKind
from avfusion.ui import words
from avfusion.ui.runs import Run
from avfusion.ui.sounding_making import Controlled, control_found
from avfusion.ui.sounding_showing import Film, player, progress
from avfusion.ui.sounding_visit import SoundingVisit
from avfusion.ui.strings import told

KIND = "sounding-control"


class ControlShown(NamedTuple):
    """In the order of `ControlPart.shows`; what is left out stays as it is."""

    mute: Any = gr.skip()
    swap: Any = gr.skip()
    given: Any = gr.skip()
    stop: Any = gr.skip()
    status: Any = gr.skip()
    progress: Any = gr.skip()
    player: Any = gr.skip()


def idle(status: str = "") -> ControlShown:
    ready = (gr.Button(interactive=True), gr.Button(interactive=True), gr.UploadButton(interactive=True))
    return ControlShown(*ready, gr.Button(visible=False), status, "")


def begin(visit: SoundingVisit) -> ControlShown:
    """At once after the press, before it is this visitor's turn."""
    visit.is_stopped = False
    waits = (gr.Button(interactive=False), gr.Button(interactive=False), gr.UploadButton(interactive=False))
    return ControlShown(*waits, gr.Button(visible=True), "", words.waiting())


def run(kind: ControlKind, visit: SoundingVisit, given: str | None = None) -> Iterator[ControlShown]:
    """given: a file with a sound, for `swap`; without one it is the clip's own, turned round."""
    found, other = visit.found, Path(given) if given else None
    job: Run[Controlled] | None = None
    try:
        if found is None:
            raise UsageError(told("sounding-no-clip"))
        job = visit.start(partial(control_found, visit, found, kind, other), kind=KIND)
        for now in job.progress():
            if now is not None:
                yield ControlShown(progress=progress(now))
        made = job.result()
    except AvfusionError as error:
        paths = [path for path in (other, found.clip.path if found else None) if path is not None]
        stopped = isinstance(error, Stopped)
        yield idle(words.note(told("sounding-stopped")) if stopped else words.problem(error, *paths))
        return
    finally:
        if job is not None:
            job.stop()
    if visit.found is not found or found is None:  # there is another result meanwhile, of which this says nothing
        yield idle()
        return
    says = f"{told('sounding-control-given')} {other.name}" if other else told(f"sounding-control-{kind}")
    films = [
        Film(found.film, told("sounding-control-own"), told("sounding-hear-own")),
        Film(made.film, says, told("sounding-hear-other")),
    ]
    shown = player(films, found.clip) + changed(made.control)
    yield idle(words.good(told("sounding-control-done")))._replace(player=shown)


def changed(control: Control) -> str:
    """What is different with the other sound."""
    abstained = words.note(control.located.sources.abstained)
    said = f'<div class="answered"><p class="says">{escape(control.words)}</p>{abstained}</div>'
    if control.iou is None:
        return said
    facts = [("sounding-changed", words.share(control.changed)), ("sounding-iou", f"{control.iou:.2f}")]
    rows = "".join(f"<div><dt>{told(key)}</dt><dd>{value}</dd></div>" for key, value in facts)
    return f'{said}<dl class="numbers changed">{rows}</dl>'


def fail(visit: SoundingVisit) -> ControlShown:
    """It broke off; to Gradio what was stopped early did so too."""
    if visit.is_stopped:
        return idle(words.note(told("sounding-stopped")))
    return idle(words.problem(UsageError(told("sounding-bug"))))


def stop(visit: SoundingVisit) -> ControlShown:
    visit.is_stopped = True
    visit.stop(KIND)
    return idle(words.note(told("sounding-stopped")))
