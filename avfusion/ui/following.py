"""Follows the object through the clip: on its own in step 2, and as the first part of a run in step 4."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import gradio as gr

from avfusion.clip import Clip
from avfusion.errors import AvfusionError, NoPrompt, Stopped, UsageError
from avfusion.pipelines.progress import OnProgress, ShouldStop
from avfusion.pipelines.track import Tracking, track
from avfusion.ui import words
from avfusion.ui.drawing import inline
from avfusion.ui.runs import Run
from avfusion.ui.visit import TrackOf, Visit

KIND = "following"
_PREVIEW_QUALITY = 80
# How often a run that waits for another one of the same visitor asks whether it should stop.
_ASK_EVERY_S = 0.2


def followed(
    visit: Visit, clip: Clip, wanted: TrackOf, on_progress: OnProgress, should_stop: ShouldStop
) -> tuple[Tracking, tuple[str, ...]]:
    """The masks through the clip, tracked as far as they are not there yet, and notes. Raises what `track` raises."""
    while not visit.tracking_turn.acquire(timeout=_ASK_EVERY_S):
        if should_stop():
            raise Stopped("Stopped. Nothing was written.")
    try:
        kept = visit.track_for(wanted)
        if kept is not None:
            why = "The clicks have not changed since the object was followed: its masks were used again."
            return replace(kept, stages_s={}, frames_tracked=0), (why,)
        visit.will_track()
        made = track(
            clip, wanted.prompts, folder=visit.track_folder, engine=wanted.tracker, segmenter=wanted.segmenter,
            span=wanted.span, on_progress=on_progress, should_stop=should_stop,
        )  # fmt: skip
        visit.keep_track(wanted, made)
        return made, made.notes
    finally:
        visit.tracking_turn.release()


_STOPPED = "Stopped. What was followed so far is kept."


class Shows(NamedTuple):
    """What following changes in step 2; what is left out stays as it is."""

    follow: Any = gr.skip()
    stop: Any = gr.skip()
    progress: Any = gr.skip()
    frame: Any = gr.skip()


def idle(said: str = "") -> Shows:
    return Shows(gr.Button(visible=True), gr.Button(visible=False), said, gr.update(live=""))


def begin(visit: Visit) -> Shows:
    """At once after the press, before it is this visitor's turn."""
    visit.is_stopped = False
    return Shows(gr.Button(visible=False), gr.Button(visible=True), words.waiting(), gr.skip())


def follow(visit: Visit, tracker: str, segmenter: str) -> Iterator[Shows]:
    """From the clicks to masks on every frame, with nothing rendered."""
    clip = visit.clip
    started_s = time.monotonic()
    job: Run[tuple[Tracking, tuple[str, ...]]] | None = None
    try:
        if clip is None:
            raise UsageError("Choose a clip first (step 1).")
        wanted = visit.wanted(tracker, segmenter)
        if not wanted.prompts:
            raise NoPrompt("Nothing is selected yet: click the object in the picture.")
        job = visit.start(partial(followed, visit, clip, wanted), kind=KIND)
        for now in job.progress():
            if now is not None:
                live = gr.skip() if now.preview is None else gr.update(live=inline(now.preview, _PREVIEW_QUALITY))
                yield Shows(progress=words.progress(now), frame=live)
        tracking, _ = job.result()
    except Stopped:
        yield idle(words.note("Stopped. What was followed so far is kept."))
        return
    except AvfusionError as error:
        yield idle(words.problem(error, *([clip.path] if clip else [])))
        return
    finally:
        if job is not None:
            job.stop()
    yield idle(words.followed(tracking, took_s=time.monotonic() - started_s))


def fail(visit: Visit) -> Shows:
    """The run broke off; to Gradio one that was stopped early did so too."""
    if visit.is_stopped:
        return idle(words.note(_STOPPED))
    return idle(words.problem(UsageError("Following the object did not work. This is a bug: please report it.")))


def stop(visit: Visit) -> Shows:
    visit.is_stopped = True
    visit.stop(KIND)
    return idle(words.note(_STOPPED))
