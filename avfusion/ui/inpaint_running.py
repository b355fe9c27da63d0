"""Step 4 of the Inpaint tab: one frame ahead of the run, the run, and Stop. Generators end when the visitor goes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import gradio as gr

from avfusion.clip import Clip, Drawn, Mask, Masks
from avfusion.errors import AvfusionError, EngineNotReady, NoPrompt, Stopped, UsageError
from avfusion.media.write import Encoding
from avfusion.pipelines.progress import Progress
from avfusion.pipelines.remove import RemoveSettings
from avfusion.pipelines.remove_preview import Preview, preview
from avfusion.ui import words
from avfusion.ui.drawing import inline
from avfusion.ui.inpaint_engines import takes_words
from avfusion.ui.inpaint_layout import HowPart, ResultPart, RunPart
from avfusion.ui.inpaint_making import Outcome, Wish, make
from avfusion.ui.inpaint_showing import ResultShown, finished, previewed, progress
from avfusion.ui.inpaint_visit import InpaintVisit
from avfusion.ui.looking import shown_labels
from avfusion.ui.rendering import hand_out
from avfusion.ui.results import Export
from avfusion.ui.runs import Run
from avfusion.ui.scrolling import scroll_to
from avfusion.ui.visit import RUN

_LIVE_QUALITY = 80
STOPPED = "Stopped. Nothing was written."
_NOTHING_SAID = "Nothing is selected yet: click what should go, or paint over it (step 2)."
_NOTHING_LEFT = "All that was painted is rubbed out again: paint over what should go (step 2)."


class StepShown(NamedTuple):
    """In the order of `RunPart.shows`; what is left out stays as it is."""

    preview: Any = gr.skip()
    run: Any = gr.skip()
    stop: Any = gr.skip()
    status: Any = gr.skip()
    progress: Any = gr.skip()
    live: Any = gr.skip()
    previewed: Any = gr.skip()


Shown = tuple[Any, ...]
"""A `StepShown`, then a `ResultShown`."""


@dataclass(frozen=True)
class Chosen:
    """What steps 3 and 4 say."""

    engine: str
    settings: RemoveSettings
    tracker: str
    segmenter: str

    def for_clip(self, clip: Clip) -> Chosen:
        """Without what a picture cannot have."""
        if clip.frame_count > 1:
            return self
        return replace(self, settings=replace(self.settings, shadows=False, each_frame=False))


def chosen(
    do: str, said: str, unwanted: str, engine: str, grow: str, shadows: bool, feather: float,
    each_frame: bool, seed: float | None, steps: float, strength: float, guidance: float, quality: float, tracker: str,
    segmenter: str,
) -> Chosen:  # fmt: skip
    """Raises `EngineNotReady` for words that no engine takes, and `UsageError` for numbers that make no sense."""
    replaces = do == "replace"
    if replaces and not takes_words():
        raise EngineNotReady("No engine that takes words is ready: download one (step 3), or choose Remove it.")
    if replaces and not said.strip():
        raise UsageError("Say what is there instead (step 3), or choose Remove it.")
    settings = RemoveSettings(
        words=said.strip() if replaces else "", unwanted=unwanted.strip() if replaces else "", replace=replaces,
        seed=round(seed or 0), steps=round(steps), strength=strength, guidance=guidance, feather_px=feather,
        grow_px=None if grow == "auto" else float(grow), shadows=shadows, each_frame=each_frame,
        encoding=Encoding(quality=round(quality)),
    )  # fmt: skip
    return Chosen(engine, settings, tracker, segmenter)


def idle(status: str = "") -> StepShown:
    """Ready for the next run; a result that is there stays."""
    return StepShown(gr.Button(interactive=True), gr.Button(interactive=True), gr.Button(visible=False), status, "", "")


def begin(visit: InpaintVisit) -> StepShown:
    """At once after the press, before it is this visitor's turn."""
    visit.is_stopped = False
    busy = gr.Button(interactive=False)
    return StepShown(busy, busy, gr.Button(visible=True), "", words.waiting(), "", "")


def run(visit: InpaintVisit, ending: str, *choices: Any) -> Iterator[Shown]:
    """From the clicks and choices to the finished file."""
    clip, started_s = visit.clip, time.monotonic()
    job: Run[Outcome] | None = None
    try:
        clip = _clip_of(visit)
        said = chosen(*choices).for_clip(clip)
        wanted = visit.wanted(said.tracker, said.segmenter)
        if not wanted.prompts:
            raise NoPrompt(_NOTHING_SAID)
        if all(isinstance(prompt, Drawn) and not prompt.mask.any() for prompt in wanted.prompts):
            raise NoPrompt(_NOTHING_LEFT)
        job = visit.start(partial(make, visit, clip, Wish(wanted, said.engine, ending, said.settings)), kind=RUN)
        yield from _watched(job)
        outcome = job.result()
    except AvfusionError as error:
        yield *_failed(error, clip), *ResultShown()
        return
    finally:
        if job is not None:
            job.stop()
    done = idle(words.good("Done. The result is below."))
    yield *done, *finished(outcome, took_s=time.monotonic() - started_s)


def preview_frame(visit: InpaintVisit, frame: int, *choices: Any) -> Iterator[Shown]:
    """The chosen frame as a run would leave it."""
    clip, started_s = visit.clip, time.monotonic()
    job: Run[Preview] | None = None
    try:
        clip = _clip_of(visit)
        said = chosen(*choices).for_clip(clip)
        frame = min(max(frame, 0), clip.frame_count - 1)
        masks = masks_for(visit, clip, frame, said)
        work = partial(preview, clip, frame, masks, engine=said.engine, settings=said.settings)
        job = visit.start(lambda tell, stops: work(on_progress=tell, should_stop=stops), kind=RUN)
        yield from _watched(job)
        made = job.result()
    except AvfusionError as error:
        yield *_failed(error, clip), *ResultShown()
        return
    finally:
        if job is not None:
            job.stop()
    picture = previewed(clip, frame, made, took_s=time.monotonic() - started_s)
    yield *idle()._replace(previewed=picture), *ResultShown()


def masks_for(visit: InpaintVisit, clip: Clip, frame: int, said: Chosen) -> Mask | Masks:
    """What was followed, if it is up to date; or else what is marked on the frame. Raises `NoPrompt`."""
    with visit.lock:
        wanted = visit.wanted(said.tracker, said.segmenter)
        if not wanted.prompts:
            raise NoPrompt(_NOTHING_SAID)
        tracking = visit.track_for(wanted)
        labels = shown_labels(visit, clip, frame, said.segmenter) if tracking is None else None
    if tracking is not None:
        if not tracking.track.union(frame).any():
            raise NoPrompt(f"The object is not on frame {frame}: there is nothing to fill. Go to another frame.")
        return tracking.track
    if labels is None or not labels.any():
        raise NoPrompt(f"Nothing is marked on frame {frame}: mark it here, or press Follow the object first.")
    return labels > 0


def _clip_of(visit: InpaintVisit) -> Clip:
    if visit.clip is None:
        raise UsageError("Choose a picture or a clip first (step 1).")
    return visit.clip


def _watched(job: Run[Any]) -> Iterator[Shown]:
    told, told_s = None, 0.0
    for now in job.progress():
        live: Any = gr.skip()
        if now is not None:
            told, told_s = now, time.monotonic()
            if now.preview is not None:
                address = inline(now.preview, _LIVE_QUALITY)
                live = f'<img class="preview" alt="The frame being worked on" src="{address}">'
        if told is not None:
            yield *StepShown(progress=progress(waited(told, time.monotonic() - told_s)), live=live), *ResultShown()


def waited(told: Progress, since_s: float) -> Progress:
    """The same so many seconds later, when nothing new was told: the time left goes on."""
    return told if told.remaining_s is None else replace(told, remaining_s=max(0.0, told.remaining_s - since_s))


def _failed(error: AvfusionError, clip: Clip | None) -> StepShown:
    if isinstance(error, Stopped):
        return idle(words.note(STOPPED))
    return idle(words.problem(error, *([clip.path] if clip else [])))


def fail(visit: InpaintVisit) -> Shown:
    """The run broke off; to Gradio one that was stopped early did so too."""
    if visit.is_stopped:
        return *idle(words.note(STOPPED)), *ResultShown()
    return *idle(words.problem(UsageError("This did not work. This is a bug: please report it."))), *ResultShown()


def stop(visit: InpaintVisit) -> Shown:
    visit.is_stopped = True
    visit.stop(RUN)
    return *idle(words.note(STOPPED)), *ResultShown()


def wire(
    visit: gr.State, scrub: gr.Slider, how: HowPart, running: RunPart, results: ResultPart, *, runs_at_once: int
) -> gr.events.Dependency:
    """The event that ends with each run is returned."""
    shows = [*running.shows, *results.shows]
    hidden: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    slow: dict[str, Any] = hidden | {"concurrency_id": "render", "concurrency_limit": runs_at_once}
    ahead = running.preview.click(begin, [visit], running.shows, queue=False, **hidden)
    previewing = ahead.then(preview_frame, [visit, scrub, *how.inputs], shows, **slow)
    begun = running.run.click(begin, [visit], running.shows, queue=False, **hidden)
    run_event = begun.then(run, [visit, running.format, *how.inputs], shows, **slow)
    run_event.success(None, js=scroll_to("inpaint-results", "inpaint-status"))
    for event in (previewing, run_event):
        event.failure(fail, [visit], shows, **hidden)
    running.stop.click(stop, [visit], shows, queue=False, cancels=[previewing, run_event], **hidden)
    exports: dict[Export, gr.Button] = {"masks": results.masks, "rle": results.rle}
    for kind, button in exports.items():
        files: list[Any] = [results.files_status, results.files]
        button.click(partial(hand_out, kind, edges="hard", quality=18), [visit], files, **slow)
    return run_event
