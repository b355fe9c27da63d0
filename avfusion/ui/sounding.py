"""The Sounding tab: a clip with sound, and what in its pictures makes that sound, where and when."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import gradio as gr

from avfusion.pipelines.locate_controls import ControlKind
from avfusion.ui import sounding_control as control
from avfusion.ui import sounding_running as running
from avfusion.ui import sounding_taking as taking
from avfusion.ui import words
from avfusion.ui.editing import short_events
from avfusion.ui.engines import refused_on, wire_downloads
from avfusion.ui.scrolling import scroll_to
from avfusion.ui.sounding_engines import engines_now
from avfusion.ui.sounding_layout import (
    ClipPart,
    ControlPart,
    HowPart,
    ResultPart,
    RunPart,
    clip_part,
    how_part,
    result_part,
    run_part,
)
from avfusion.ui.sounding_making import Export
from avfusion.ui.sounding_visit import SoundingVisit
from avfusion.ui.strings import told
from avfusion.ui.taking import Target
from avfusion.ui.visit import close

_TO_THE_TOP = "() => window.scrollTo({top: 0})"


def build(
    page: gr.Blocks, tab: gr.Tab, tabs: gr.Tabs, background: gr.State, targets: Sequence[Target], *, runs_at_once: int
) -> None:
    """The tab's widgets, then its wires. Called inside the tab. background: the visit of that tab. targets: where masks
    can be taken."""
    visit = gr.State(SoundingVisit(), delete_callback=close)
    with gr.Row(elem_classes="columns"):
        with gr.Column(scale=7, min_width=320), gr.Column(elem_classes="card"):
            clip = clip_part()
        with gr.Column(scale=5, min_width=320):
            with gr.Column(elem_classes="card"):
                how = how_part()
            with gr.Column(elem_classes="card"):
                ran = run_part()
    result, controlled = result_part()
    # Gradio tells of the end of a session only those states that an event has given.
    page.load(lambda own: own, [visit], [visit], queue=False, show_progress="hidden", api_visibility="private")
    _wire_clip(tab, visit, background, clip, ran, result, controlled)
    refresh = wire_downloads(
        page, how.others, lambda: engines_now(refused_on(page)), [], [how.engine, how.lacking, how.others]
    )  # fmt: skip
    for event in (page.load, tab.select):
        refresh(event)
    _wire_run(visit, how, ran, result, controlled, runs_at_once=runs_at_once)
    _wire_control(visit, controlled, runs_at_once=runs_at_once)
    for target in targets:
        _wire_taking(visit, result, ran, tabs, target)


def _wire_clip(
    tab: gr.Tab, visit: gr.State, background: gr.State, clip: ClipPart, ran: RunPart, result: ResultPart,
    controlled: ControlPart,
) -> None:  # fmt: skip
    short = short_events()
    opened: list[Any] = [
        clip.file, clip.facts, clip.player, ran.run, ran.status, result.section, controlled.status, controlled.player
    ]  # fmt: skip
    tab.select(taking.arrive, [visit, background], opened, **short)
    clip.file.upload(taking.open_clip, [visit, clip.file], opened, **short)
    clip.example.click(taking.use_example, [visit], opened, **short)
    clip.other.click(taking.from_background, [visit, background], opened, **short)


def _wire_run(
    visit: gr.State, how: HowPart, ran: RunPart, result: ResultPart, controlled: ControlPart, *, runs_at_once: int
) -> None:
    shows = [*ran.shows, *result.shows, controlled.status, controlled.player]
    hidden: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    slow: dict[str, Any] = hidden | {"concurrency_id": "render", "concurrency_limit": runs_at_once}
    begun = gr.on([ran.run.click, how.labels.submit, how.text.submit], running.begin, [visit], shows, queue=False,
                  **hidden)  # fmt: skip
    run = begun.then(running.run, [visit, *how.inputs], shows, **slow)
    run.success(None, js=scroll_to("sounding-results", "sounding-status"))
    run.failure(running.fail, [visit], shows, **hidden)
    ran.stop.click(running.stop, [visit], shows, queue=False, cancels=[run], **hidden)
    exports: dict[Export, gr.Button] = {"masks": result.masks, "rle": result.rle}
    for kind, button in exports.items():
        button.click(partial(running.hand_out, kind), [visit], [result.files_status, result.files], **slow)


def _wire_control(visit: gr.State, controlled: ControlPart, *, runs_at_once: int) -> None:
    shows = controlled.shows
    hidden: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    slow: dict[str, Any] = hidden | {"concurrency_id": "render", "concurrency_limit": runs_at_once}
    begun: list[tuple[gr.events.Dependency, ControlKind, list[Any]]] = [
        (controlled.mute.click(control.begin, [visit], shows, queue=False, **hidden), "mute", []),
        (controlled.swap.click(control.begin, [visit], shows, queue=False, **hidden), "swap", []),
        (controlled.given.upload(control.begin, [visit], shows, queue=False, **hidden), "swap", [controlled.given]),
    ]
    runs = []
    for event, kind, given in begun:
        run = event.then(partial(control.run, kind), [visit, *given], shows, **slow)
        run.success(None, js=scroll_to("sounding-control-player", "sounding-control-status", block="nearest"))
        run.failure(control.fail, [visit], shows, **hidden)
        runs.append(run)
    controlled.stop.click(control.stop, [visit], shows, queue=False, cancels=runs, **hidden)


def _wire_taking(visit: gr.State, result: ResultPart, ran: RunPart, tabs: gr.Tabs, target: Target) -> None:
    """What is taken goes to the target's components, and its tab is opened."""

    def take(event: gr.EventData, own: SoundingVisit, *inputs: Any) -> tuple[Any, ...]:
        nothing = (gr.skip(),) * (1 + len(target.outputs))
        if str(event.to) != target.tab or own.found is None:
            return gr.skip(), *nothing
        taken = taking.taken_of(own.found, int(event.number))
        if isinstance(taken, str):
            return words.note(taken), *nothing
        said = words.good(f"{taken.said} {told('sounding-is-in')} {told(f'tab-{target.tab}')}.")
        return said, gr.Tabs(selected=target.tab), *target.receive(*inputs, taken)

    outputs = [ran.status, tabs, *target.outputs]
    # Gradio hands an event over to a parameter that is annotated with its class.
    done = result.player.take(take, [visit, *target.inputs], outputs, **short_events())
    done.success(None, js=_TO_THE_TOP)
