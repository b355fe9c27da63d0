"""Train a voice, in the Voice tab: recordings in, a live curve of losses, checkpoints out, and the newest one used."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from avfusion.engines.catalogue import find
from avfusion.engines.state import state
from avfusion.errors import AvfusionError, EngineNotReady, UsageError
from avfusion.ui import words
from avfusion.ui.editing import short_events
from avfusion.ui.engines import refused_on, standing, wire_downloads
from avfusion.ui.scrolling import scroll_to
from avfusion.ui.visit import linked
from avfusion.ui.voice_layout import HowPart, TargetPart
from avfusion.ui.voice_models import look_into
from avfusion.ui.voice_taking import show_target
from avfusion.ui.voice_training_jobs import TRAININGS, Form, form_of, model_folder, refusal, training_folder
from avfusion.ui.voice_training_layout import TrainPart, train_part
from avfusion.ui.voice_training_showing import (
    SEE_NUMBERS,
    SEE_RECORDINGS,
    TrainingShown,
    at_work,
    bar,
    begun,
    ended,
    nothing_yet,
    results,
)
from avfusion.ui.voice_training_visit import Desk, Given
from avfusion.ui.voice_visit import VoiceVisit
from avfusion.voice.train_so_vits_checkpoints import last_step, weights_of
from avfusion.voice.train_so_vits_clusters import CLUSTERS
from avfusion.voice.train_so_vits_prepare import FEWEST_PIECES, too_few

ENGINE = "so-vits"
_LOOK_EVERY_S = 0.5
# Drawing takes the more time the more steps there are: at most this part of what is looked at.
_DRAWS_PART = 0.05
_IN_USE = "used"
_TAKEN = "The voice is in step 2 as a model file: press Run to hear it."
# The browser keeps which training is its visitor's, so that they find it again.
_REMEMBER = """id => { try { localStorage.setItem("avfusion-training", id || ""); } catch { /* switched off */ } }"""
_REMEMBERED = """(id, desk) => {
  try { return [id || localStorage.getItem("avfusion-training") || "", desk]; } catch { return [id, desk]; }
}"""


def build(page: gr.Blocks, tab: gr.Tab, visit: gr.State, target: TargetPart, how: HowPart) -> None:
    """Its widgets, then their wires. Called inside the tab."""
    part = train_part()
    desk = gr.State(Desk())
    job = gr.Textbox("", visible=False, elem_id="voice-training-job")
    _wire_engine(page, tab, part)
    _wire_given(desk, part)
    _wire_training(page, tab, desk, job, part)
    shows: list[Any] = [
        part.shown.status, target.kind, target.speaker, how.engine, target.recordings, target.microphone,
        target.models, target.status, target.clear,
    ]  # fmt: skip
    used = part.shown.use.click(use, [visit, job], shows, **short_events())
    used.success(None, js=scroll_to("voice-target-status", "voice-training-status", block="center"))


def _wire_engine(page: gr.Blocks, tab: gr.Tab, part: TrainPart) -> None:
    def shows() -> str:
        return engine_line(refusal_on(page), refused_on(page))

    refresh = wire_downloads(page, part.engine, lambda: (shows(),), [], [part.engine])
    refresh(tab.select)
    refresh(page.load)


def _wire_given(desk: gr.State, part: TrainPart) -> None:
    given, short = part.given, short_events()
    given.files.upload(add_recordings, [desk, given.files], [given.files, given.said], **short)
    given.clear.click(lambda own: own.clear(), desk, given.said, **short)
    given.start_files.upload(add_start, [desk, given.start_files], [given.start_files, given.start_said], **short)
    given.start_clear.click(lambda own: own.clear_start(), desk, given.start_said, **short)


def _wire_training(page: gr.Blocks, tab: gr.Tab, desk: gr.State, job: gr.Textbox, part: TrainPart) -> None:
    shown = part.shown
    quick: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    # Whoever watches waits most of the time: as many as there are may do so.
    watching: dict[str, Any] = {
        "show_progress": "hidden", "api_visibility": "private", "concurrency_limit": None,
    }  # fmt: skip

    def watch_after(event: Any) -> None:
        event.success(watch, job, shown.shows, **watching)

    fills = [job, *part.form.fields, *shown.shows]
    watch_after(tab.select(arrive, [job, desk], fills, js=_REMEMBERED, **quick))
    for button, does in ((shown.begin, begin), (shown.resume, go_on)):
        pressed = button.click(begun, None, shown.shows, **quick)
        inputs = [job, desk, *part.form.fields]
        done = pressed.then(partial(does, page), inputs, [job, *shown.shows], **quick)
        done.success(None, job, js=_REMEMBER)
        watch_after(done)
    shown.stop.click(stop, job, shown.shows, **quick)
    gone = shown.discard.click(discard, [job], [job, *shown.shows], **short_events())
    gone.success(None, job, js=_REMEMBER)


def refusal_on(page: gr.Blocks) -> str:
    """Why visitors of a page that has been launched may not train; nothing if they may."""
    return refusal(getattr(page, "server_name", None), is_shared=page.share)


def engine_line(refused: str, refused_download: str) -> str:
    """Why nobody can train, or what the engine still needs; nothing where all is ready."""
    if refused:
        return words.note(refused)
    engine = find(ENGINE, "voice")
    if state(engine).is_ready:
        return ""
    stands = f"<b>{ENGINE}</b><div>{standing(engine, refused_download)}</div>"
    return f'<ul class="others"><li data-row="{ENGINE}">{stands}</li></ul>'


def add_recordings(desk: Desk, files: Sequence[str] | None) -> tuple[None, str]:
    return None, desk.add([Path(path) for path in files or ()])


def add_start(desk: Desk, files: Sequence[str] | None) -> tuple[None, str]:
    return None, desk.add_start([Path(path) for path in files or ()])


def arrive(job: str, desk: Desk) -> tuple[Any, ...]:
    """What a visitor finds again: their training, and at first what they asked for, if it is still there."""
    folder = training_folder(job)
    with desk.lock:
        is_first, desk.has_arrived = not desk.has_arrived, True
    if folder is None:
        return "", *(gr.skip() for _ in _values(Form())), *nothing_yet()
    values = _values(form_of(folder))
    return job, *(values if is_first else (gr.skip() for _ in values)), *_as_it_stands(job)


def _values(form: Form) -> tuple[Any, ...]:
    return form.speaker, form.unit, form.amount, form.save_every, form.batch, form.clusters


def begin(page: gr.Blocks, job: str, desk: Desk, *form: Any) -> tuple[Any, ...]:
    """A new training. What is wrong at once is said beside what it is about."""
    wish = Form(*form)
    with desk.lock:
        given, start = desk.recordings, desk.start
    if lacking := _lacking(page, wish, given, desk.said()):
        return gr.skip(), *_as_it_stands(job)._replace(**lacking)
    try:
        TRAININGS.check_free()
        folder = training_folder(job)
        if folder is not None and last_step(model_folder(folder)) is not None:
            raise UsageError("There is a training of yours already: resume it, or discard it first.")
        if start.discriminator is not None and start.generator is None:
            raise UsageError("A discriminator goes with its generator. Give the G_*.pth too.")
        if folder is not None:
            TRAININGS.discard(job)  # it never came to a checkpoint
        job = TRAININGS.begin(wish, [one.path for one in given], start)
    except AvfusionError as error:
        return gr.skip(), *_as_it_stands(job)._replace(status=words.problem(error))
    return job, *_as_it_stands(job)


def _lacking(page: gr.Blocks, wish: Form, given: Sequence[Given], said: str) -> dict[str, str]:
    """Why a training cannot begin, by the line of a `TrainingShown` that says so; nothing if it can.

    said: the line at the recordings as it is, which stays under what is wrong with them.
    """
    lines: dict[str, str] = {}
    checks = {"status": lambda: _refuse(page), "given": lambda: _check_given(wish, given), "numbers": wish.settings}
    for line, check in checks.items():
        try:
            check()
        except AvfusionError as error:
            lines[line] = words.problem(error)
    if "given" in lines:
        lines["given"] += said
    if lines:
        lines.setdefault("status", words.note(SEE_RECORDINGS if "given" in lines else SEE_NUMBERS))
    return lines


def _check_given(wish: Form, given: Sequence[Given]) -> None:
    """Raises UsageError and InputError."""
    if not given:
        raise UsageError("Give recordings of the speaker first.")
    if (pieces := sum(one.pieces for one in given)) < FEWEST_PIECES:
        raise too_few(wish.name, pieces)


def go_on(page: gr.Blocks, job: str, desk: Desk, *form: Any) -> tuple[Any, ...]:
    """The training that is there, with what the form says now but for the speaker."""
    wish = Form(*form)
    try:
        wish.settings()
    except UsageError as error:
        stands = _as_it_stands(job)
        return gr.skip(), *stands._replace(status=words.note(SEE_NUMBERS), numbers=words.problem(error))
    try:
        _refuse(page)
        TRAININGS.go_on(job, wish)
    except AvfusionError as error:
        return gr.skip(), *_as_it_stands(job)._replace(status=words.problem(error))
    return gr.skip(), *_as_it_stands(job)


def _as_it_stands(job: str) -> TrainingShown:
    folder, training = training_folder(job), TRAININGS.of(job)
    if folder is None:
        return nothing_yet()
    if training is None or not training.is_alive:
        return ended(training, folder)
    return at_work(training, folder)


def _refuse(page: gr.Blocks) -> None:
    """Raises UsageError where nobody may train, and EngineNotReady."""
    if refused := refusal_on(page):
        raise UsageError(refused)
    found = state(find(ENGINE, "voice"))
    if not found.is_ready:
        raise EngineNotReady(f"{ENGINE}: {found.words}")


def watch(job: str) -> Iterator[TrainingShown]:
    """Each word of a training as it comes, until it ends; it goes on when nobody looks any longer."""
    # Gradio empties what a generator was to fill when it ends without a word: buttons would lose their labels.
    yield TrainingShown()
    folder, training = training_folder(job), TRAININGS.of(job)
    if folder is None or training is None:
        return
    seen, drawn_s, took_s = None, float("-inf"), 0.0
    while training.is_alive:
        now = training.now
        if now is not seen:
            seen, began_s = now, time.monotonic()
            if began_s - drawn_s > took_s / _DRAWS_PART:
                curve, files, button = results(folder)
                drawn_s, took_s = time.monotonic(), time.monotonic() - began_s
                yield TrainingShown(progress=bar(now), curve=curve, files=files, use=button)
            else:
                yield TrainingShown(progress=bar(now))
        time.sleep(_LOOK_EVERY_S)
    if training_folder(job) is not None:  # or it was discarded meanwhile
        yield ended(training, folder)


def stop(job: str) -> TrainingShown:
    """At its next step; whoever watches says when that is done."""
    training = TRAININGS.of(job)
    if training is not None:
        training.stop()
    return TrainingShown(stop=gr.Button(interactive=False), status=words.note("Stops after this step, and saves it."))


def discard(job: str) -> tuple[Any, ...]:
    if training_folder(job) is not None:
        TRAININGS.discard(job)
    return "", *nothing_yet(words.note("The training is gone."))


def use(visit: VoiceVisit, job: str) -> tuple[Any, ...]:
    """Puts the newest checkpoint into step 2, as though its files had been given there."""
    folder = training_folder(job)
    step = None if folder is None else last_step(model_folder(folder))
    if folder is None or step is None:
        return words.problem(UsageError("There is no checkpoint yet.")), *(gr.skip() for _ in range(8))
    try:
        models = [look_into(path) for path in _kept(folder, step)]
    except AvfusionError as error:
        return words.problem(error), *(gr.skip() for _ in range(8))
    place = folder / _IN_USE
    with visit.lock:
        visit.models = tuple(model for model in visit.models if not model.path.is_relative_to(place))
    visit.add_models(models)
    return words.good(_TAKEN), "models", "", "auto", *show_target(visit, "models")


def _kept(folder: Path, step: int) -> list[Path]:
    """The files of a checkpoint, where the training does not remove them when it has newer ones."""
    out, place = model_folder(folder), folder / _IN_USE / str(step)
    place.mkdir(parents=True, exist_ok=True)
    kept = []
    for path in (weights_of(out, step), out / "config.json", out / CLUSTERS):
        own = place / path.name
        if path.is_file():
            own.unlink(missing_ok=True)
            kept.append(linked(path, place))
    return kept
