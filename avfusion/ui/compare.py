"""The Compare tab: several engines asked the same, their answers side by side, and a mask taken from there."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import gradio as gr

from avfusion.ui import compare_looking as looking
from avfusion.ui import compare_running as running
from avfusion.ui import words
from avfusion.ui.clicks import emptied, undone
from avfusion.ui.compare_engines import engines_again, engines_for
from avfusion.ui.compare_layout import (
    AnswersPart,
    AskPart,
    ChoicePart,
    RunPart,
    answers_part,
    ask_part,
    choice_part,
    run_part,
)
from avfusion.ui.compare_showing import TARGETS, at_frame, over
from avfusion.ui.compare_visit import CompareVisit
from avfusion.ui.editing import short_events
from avfusion.ui.engines import refused_on, wire_downloads
from avfusion.ui.scrolling import scroll_to
from avfusion.ui.source_part import source_part
from avfusion.ui.taking import Target, taken_from
from avfusion.ui.visit import close

_TO_THE_TOP = "() => window.scrollTo({top: 0})"


def build(page: gr.Blocks, tab: gr.Tab, tabs: gr.Tabs, targets: Sequence[Target], *, runs_at_once: int) -> None:
    """The tab's widgets, then its wires. Called inside the tab. targets: where masks can be taken, as in `TARGETS`."""
    visit = gr.State(CompareVisit(), delete_callback=close)
    with gr.Row(elem_classes="columns"):
        with gr.Column(scale=7, min_width=320):
            with gr.Column(elem_classes="card"):
                source = source_part("compare")
            with gr.Column(elem_classes="card"):
                asked = ask_part()
        with gr.Column(scale=5, min_width=320):
            with gr.Column(elem_classes="card"):
                choice = choice_part()
            with gr.Column(elem_classes="card"):
                ran = run_part()
    answers = answers_part()
    # Gradio tells of the end of a session only those states that an event has given.
    page.load(lambda own: own, [visit], [visit], queue=False, show_progress="hidden", api_visibility="private")
    opened: list[Any] = [
        source.file, source.facts, asked.scrub_row, asked.scrub, choice.span, answers.section, ran.status,
        choice.clear_truth, *asked.shows,
    ]  # fmt: skip
    short = short_events()
    source.file.upload(looking.open_source, [visit, source.file], opened, **short)
    source.example.click(looking.use_example, [visit], opened, **short)
    tab.select(looking.arrive, [visit], opened, **short)
    _wire_asking(visit, asked, choice)
    _wire_engines(page, tab, choice)
    _wire_run(visit, asked, choice, ran, answers, runs_at_once=runs_at_once)
    for target in targets:
        _wire_taking(visit, answers, ran, tabs, target)


def _wire_asking(visit: gr.State, asked: AskPart, choice: ChoicePart) -> None:
    here: list[Any] = [visit, asked.scrub]
    moved = [asked.scrub, *asked.shows]
    short = short_events()
    asked.frame.stroke(
        looking.stroke, [visit, asked.tool], [*asked.shows, choice.clear_truth], trigger_mode="multiple", **short
    )
    asked.undo.click(partial(looking.change, undone), here, moved, trigger_mode="multiple", **short)
    asked.reset.click(partial(looking.change, emptied), here, moved, **short)
    asked.scrub.input(looking.look, here, asked.shows, trigger_mode="always_last", **short)
    asked.previous.click(partial(looking.step_by, -1), here, moved, **short)
    asked.next.click(partial(looking.step_by, 1), here, moved, **short)
    choice.clear_truth.click(looking.clear_truth, here, [*asked.shows, choice.clear_truth], **short)


def _wire_engines(page: gr.Blocks, tab: gr.Tab, choice: ChoicePart) -> None:
    shown: list[Any] = [choice.engines, choice.others]
    hidden: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}

    def afresh(span: str) -> tuple[Any, str]:
        return engines_for(span, refused_on(page))

    def again(span: str) -> tuple[Any, str]:
        return engines_again(span, refused_on(page))

    page.load(afresh, [choice.span], shown, **hidden)
    choice.span.change(afresh, [choice.span], shown, **hidden)
    refresh = wire_downloads(page, choice.others, again, [choice.span], shown)
    refresh(tab.select)


def _wire_run(
    visit: gr.State, asked: AskPart, choice: ChoicePart, ran: RunPart, answers: AnswersPart, *, runs_at_once: int
) -> None:
    step: list[Any] = [ran.run, ran.stop, ran.status, ran.progress]
    shows = [*step, *answers.shows]
    inputs: list[Any] = [visit, asked.scrub, choice.span, asked.words, choice.engines, choice.truth]
    hidden: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    slow: dict[str, Any] = hidden | {"concurrency_id": "render", "concurrency_limit": runs_at_once}
    begun = gr.on([ran.run.click, asked.words.submit], running.begin, [visit], step, queue=False, **hidden)
    run = begun.then(running.run, inputs, shows, **slow)
    run.success(None, js=scroll_to("compare-results", "compare-status"))
    run.failure(running.fail, [visit], shows, **hidden)
    ran.stop.click(running.stop, [visit], shows, queue=False, cancels=[run], **hidden)
    pair: list[Any] = [answers.left, answers.right]
    moving: list[Any] = [answers.cards, answers.scrub_words, answers.agreement, answers.slider]
    answers.scrub.input(at_frame, [visit, answers.scrub, *pair], moving, trigger_mode="always_last", **short_events())
    for one in pair:
        one.input(over, [visit, answers.scrub, *pair], answers.slider, **short_events())


def _wire_taking(visit: gr.State, answers: AnswersPart, ran: RunPart, tabs: gr.Tabs, target: Target) -> None:
    """What is taken goes to the target's components, and its tab is opened."""

    def take(event: gr.EventData, own: CompareVisit, *inputs: Any) -> tuple[Any, ...]:
        nothing = (gr.skip(),) * (1 + len(target.outputs))
        if str(event.to) != target.tab or own.answers is None:
            return gr.skip(), *nothing
        taken = taken_from(own.answers, str(event.engine), int(event.frame), event.at)
        if isinstance(taken, str):
            return words.note(taken), *nothing
        said = words.good(f"{taken.said} It is in the tab {TARGETS[target.tab]} now.")
        return said, gr.Tabs(selected=target.tab), *target.receive(*inputs, taken)

    outputs = [ran.status, tabs, *target.outputs]
    # Gradio hands an event over to a parameter that is annotated with its class.
    done = answers.cards.take(take, [visit, *target.inputs], outputs, **short_events())
    done.success(None, js=_TO_THE_TOP)
