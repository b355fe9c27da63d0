"""The Voice tab: a clip or recording, somebody's voice, and the same words in that voice."""

from __future__ import annotations

from functools import partial
from typing import Any

import gradio as gr

from avfusion.ui import voice_comparing as comparing
from avfusion.ui import voice_running as running
from avfusion.ui import voice_taking as taking
from avfusion.ui import voice_training as training
from avfusion.ui.editing import short_events
from avfusion.ui.engines import refused_on, wire_downloads
from avfusion.ui.scrolling import scroll_to
from avfusion.ui.taking import Source
from avfusion.ui.visit import close
from avfusion.ui.voice_layout import (
    ComparePart,
    HowPart,
    ResultPart,
    RunPart,
    SourcePart,
    TargetPart,
    compare_part,
    how_part,
    result_part,
    run_part,
    source_part,
    target_part,
)
from avfusion.ui.voice_visit import VoiceVisit


def build(page: gr.Blocks, tab: gr.Tab, *, runs_at_once: int) -> Source:
    """The tab's widgets, then its wires. Called inside the tab. What a fusion takes from here."""
    visit = gr.State(VoiceVisit(), delete_callback=close)
    with gr.Row(elem_classes="columns"):
        with gr.Column(scale=7, min_width=320):
            with gr.Column(elem_classes="card"):
                source = source_part()
            with gr.Column(elem_classes="card"):
                target = target_part()
        with gr.Column(scale=5, min_width=320):
            with gr.Column(elem_classes="card"):
                how = how_part()
            with gr.Column(elem_classes="card"):
                ran = run_part()
    result = result_part()
    with gr.Column(elem_classes="card"):
        compared = compare_part()
    with gr.Column(elem_classes="card"):
        training.build(page, tab, visit, target, how)
    # Gradio tells of the end of a session only those states that an event has given.
    page.load(lambda own: own, [visit], [visit], queue=False, show_progress="hidden", api_visibility="private")
    _wire_taking(tab, visit, source, target, ran, result, compared)
    _wire_how(page, tab, how, compared)
    _wire_run(visit, target, how, ran, result, runs_at_once=runs_at_once)
    _wire_comparing(visit, target, how, compared, runs_at_once=runs_at_once)
    return Source(visit, _chosen(target, how))


def _wire_taking(
    tab: gr.Tab, visit: gr.State, source: SourcePart, target: TargetPart, ran: RunPart, result: ResultPart,
    compared: ComparePart,
) -> None:  # fmt: skip
    short = short_events()
    opened: list[Any] = [
        source.file, source.facts, source.player, ran.format, result.section, compared.cards, ran.status,
    ]  # fmt: skip
    taken: list[Any] = [target.recordings, target.microphone, target.models, target.status, target.clear]
    own: list[Any] = [visit, target.kind]
    tab.select(taking.arrive, own, [*opened, *taken], **short)
    source.file.upload(taking.open_source, [visit, source.file], opened, **short)
    source.example.click(taking.use_example, [visit], opened, **short)
    target.recordings.upload(taking.add_targets, [*own, target.recordings], taken, **short)
    target.microphone.stop_recording(taking.add_targets, [*own, target.microphone], taken, **short)
    target.models.upload(taking.add_models, [*own, target.models], taken, **short)
    target.example.click(taking.example_target, own, taken, **short)
    target.clear.click(taking.clear_target, own, taken, **short)
    kinds: list[Any] = [
        target.recordings, target.microphone, target.models, target.speaker, target.example, target.status,
        target.clear,
    ]  # fmt: skip
    target.kind.change(taking.choose_kind, own, kinds, **short)


def _wire_how(page: gr.Blocks, tab: gr.Tab, how: HowPart, compared: ComparePart) -> None:
    hidden: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}

    def choices() -> tuple[Any, Any, str, Any]:
        return comparing.engine_choices(refused_on(page))

    shown: list[Any] = [how.engine, how.lacking, how.others, compared.engines]
    refresh = wire_downloads(page, how.others, choices, [], shown)
    refresh(tab.select)
    how.pitch.change(lambda pitch: gr.Slider(visible=pitch == "semitones"), how.pitch, how.semitones, **hidden)


def _chosen(target: TargetPart, how: HowPart) -> list[Any]:
    """What a `Choice` is made of."""
    return [target.kind, target.speaker, *how.chosen]


def _wire_run(
    visit: gr.State, target: TargetPart, how: HowPart, ran: RunPart, result: ResultPart, *, runs_at_once: int
) -> None:
    step: list[Any] = [ran.preview, ran.run, ran.stop, ran.status, ran.progress, target.status]
    shows = [*step, *result.shows]
    hidden: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    slow: dict[str, Any] = hidden | {"concurrency_id": "render", "concurrency_limit": runs_at_once}
    runs = []
    for button, preview_s in ((ran.run, None), (ran.preview, running.PREVIEW_S)):
        begun = button.click(running.begin, [visit], shows, queue=False, **hidden)
        run = begun.then(partial(running.run, preview_s), [visit, ran.format, *_chosen(target, how)], shows, **slow)
        run.success(None, js=scroll_to("voice-results", "voice-status"))
        run.failure(running.fail, [visit], shows, **hidden)
        runs.append(run)
    ran.stop.click(running.stop, [visit], step, queue=False, cancels=runs, **hidden)


def _wire_comparing(
    visit: gr.State, target: TargetPart, how: HowPart, compared: ComparePart, *, runs_at_once: int
) -> None:
    shows: list[Any] = [compared.run, compared.stop, compared.status, compared.progress, compared.cards]
    hidden: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    slow: dict[str, Any] = hidden | {"concurrency_id": "render", "concurrency_limit": runs_at_once}
    begun = compared.run.click(comparing.begin, [visit], shows, queue=False, **hidden)
    run = begun.then(comparing.run, [visit, compared.engines, *_chosen(target, how)], shows, **slow)
    run.failure(comparing.fail, [visit], shows, **hidden)
    compared.stop.click(comparing.stop, [visit], shows, queue=False, cancels=[run], **hidden)
