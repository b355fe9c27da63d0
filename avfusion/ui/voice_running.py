"""Step 4 of the Voice tab: preview, run and stop. Each is a generator, so that it ends when the visitor goes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from avfusion.errors import AvfusionError, NothingFound, Stopped, UsageError
from avfusion.pipelines.convert_voice import VoiceSettings
from avfusion.ui import words
from avfusion.ui.runs import Run
from avfusion.ui.voice_making import Outcome, VoiceWish, make, problem, spans_of
from avfusion.ui.voice_models import voice_for
from avfusion.ui.voice_showing import ResultShown, before_this, finished, listening, nothing_found, progress
from avfusion.ui.voice_visit import VoiceVisit
from avfusion.voice.opening import ModelFiles

KIND = "voice"
PREVIEW_S = 5.0
STOPPED = "Stopped. Nothing was written."
_SEE_TARGET = "It was not converted: step 2 says why."
# Engines that take the voice from a model file and from recordings of the target.
_TAKES_BOTH = "autovc"


class RunShown(NamedTuple):
    """What a run changes in step 4, and the line beside the target; what is left out stays as it is."""

    preview: Any = gr.skip()
    run: Any = gr.skip()
    stop: Any = gr.skip()
    status: Any = gr.skip()
    progress: Any = gr.skip()
    target: Any = gr.skip()


Shown = tuple[Any, ...]
"""A `RunShown`, then a `ResultShown`."""


@dataclass(frozen=True)
class Choice:
    """What steps 2 and 3 say. kind: where the voice comes from. pitch: `auto` or `semitones`."""

    kind: str
    speaker: str
    engine: str
    pitch: str
    semitones: float
    background: bool
    formant: float
    part: str
    who: int
    method: str
    separator: str = "auto"

    def settings(self, preview_s: float | None = None) -> VoiceSettings:
        return VoiceSettings(
            semitones=None if self.pitch == "auto" else float(self.semitones), formant_semitones=float(self.formant),
            keep_background=self.background, separator=self.separator if self.background else "auto",
            f0_method=self.method, preview_s=preview_s,
        )  # fmt: skip


def wish_of(visit: VoiceVisit, choice: Choice, *, preview_s: float | None = None, clip_ending: str = "") -> VoiceWish:
    """What the run is to do. Raises `UsageError` where something is missing yet."""
    recording = visit.recording
    if recording is None:
        raise UsageError("Choose a clip or a recording first (step 1).")
    targets, model, speaker, engine = voice_of(visit, choice)
    length_s = float(recording.sounds[0].duration_s)
    spans = spans_of(choice.part, length_s)
    if spans and preview_s is not None:
        spans = tuple(span for span in spans if span[0] < preview_s)
        if not spans:
            raise UsageError(f"Nothing of that part is in the first {preview_s:g} seconds. Begin it earlier.")
    return VoiceWish(
        recording, targets, model, speaker, engine, choice.settings(preview_s), spans, choice.who or None,
        clip_ending if recording.has_picture and preview_s is None else "",
    )  # fmt: skip


def voice_of(visit: VoiceVisit, choice: Choice) -> tuple[tuple[Path, ...], ModelFiles | None, str, str]:
    """Recordings of the target, a trained model, its speaker, and the engine. Raises `UsageError` for no voice yet."""
    with visit.lock:
        targets, models = visit.targets, visit.models
    if choice.kind != "models":
        if not targets:
            raise UsageError("Give recordings of the target first, or its model files (step 2).")
        return targets, None, "", choice.engine
    if not models:
        raise UsageError("Give the files of a trained voice first, or recordings of the target (step 2).")
    engine, model = voice_for(models, choice.engine)
    if engine == _TAKES_BOTH:
        return targets, model, "", engine
    return (), model, choice.speaker.strip(), engine


def idle(status: str = "") -> RunShown:
    """Ready for the next run; a result that is there stays."""
    ready = gr.Button(interactive=True)
    return RunShown(ready, gr.Button(interactive=True), gr.Button(visible=False), status, "")


def begin(visit: VoiceVisit) -> Shown:
    """At once after the click, before it is this visitor's turn. A result that is there is marked as an earlier one."""
    visit.is_stopped = False
    waits = gr.Button(interactive=False)
    shown = RunShown(waits, gr.Button(interactive=False), gr.Button(visible=True), "", words.waiting())
    return *shown, *before_this()


def run(preview_s: float | None, visit: VoiceVisit, clip_ending: str | None, *chosen: Any) -> Iterator[Shown]:
    """From what was chosen to the files, the players and the pictures."""
    job: Run[Outcome] | None = None
    try:
        wish = wish_of(visit, Choice(*chosen), preview_s=preview_s, clip_ending=clip_ending or "")
        job = visit.start(partial(make, visit, wish), kind=KIND)
        yield *RunShown(progress=listening()), *ResultShown()
        for now in job.progress():
            if now is not None:
                yield *RunShown(progress=progress(now)), *ResultShown()
        outcome = job.result()
    except AvfusionError as error:
        yield *_failed(visit, error), *ResultShown()
        return
    finally:
        if job is not None:
            job.stop()
    said = "The first seconds are below." if preview_s is not None else "Done. The result is below."
    line = nothing_found(outcome.made.report) or words.good(said)
    yield *idle(line), *finished(outcome.made, outcome.before, outcome.after)


def _failed(visit: VoiceVisit, error: AvfusionError) -> RunShown:
    """What is wrong with the target's files is said beside them."""
    if isinstance(error, Stopped):
        return idle(words.note(STOPPED))
    said = problem(visit, error)
    of_target = [*visit.targets, *(model.path for model in visit.models)]
    if isinstance(error, NothingFound) or any(str(path) in str(error) for path in of_target):
        return idle(words.note(_SEE_TARGET))._replace(target=said)
    return idle(said)


def fail(visit: VoiceVisit) -> Shown:
    """The run broke off; to Gradio one that was stopped early did so too."""
    if visit.is_stopped:
        return *idle(words.note(STOPPED)), *ResultShown()
    said = words.problem(UsageError("This did not work. This is a bug: please report it."))
    return *idle(said), *ResultShown()


def stop(visit: VoiceVisit) -> RunShown:
    visit.stop_and_wait(KIND)
    return idle(words.note(STOPPED))
