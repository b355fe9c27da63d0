"""The Compare tab's components, from top to bottom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from avfusion.ui import words
from avfusion.ui.engines import download_list
from avfusion.ui.object_part import frame_view, script, scrubber

TOOLS = [("Keep", "keep"), ("Drop", "drop"), ("Box", "box"), ("True outline", "outline")]
SPANS = [("This frame", "frame"), ("Whole clip", "clip")]


@dataclass(frozen=True)
class AskPart:
    """What is asked for: the frame with its tools, and words."""

    tool: gr.Radio
    undo: gr.Button
    reset: gr.Button
    frame: gr.HTML
    status: gr.HTML
    scrub_row: gr.Row
    previous: gr.Button
    scrub: gr.Slider
    next: gr.Button
    moment: gr.HTML
    words: gr.Textbox

    @property
    def shows(self) -> list[Any]:
        """What a `Look` fills, in its order."""
        return [self.frame, self.status, self.moment, self.undo, self.reset]


@dataclass(frozen=True)
class ChoicePart:
    """Engines and the truth to hold them against."""

    span: gr.Radio
    engines: gr.CheckboxGroup
    others: gr.HTML
    truth: gr.File
    truth_status: gr.HTML
    clear_truth: gr.Button


@dataclass(frozen=True)
class RunPart:
    run: gr.Button
    stop: gr.Button
    status: gr.HTML
    progress: gr.HTML


@dataclass(frozen=True)
class AnswersPart:
    section: gr.Column
    cards: gr.HTML
    scrub_row: gr.Row
    scrub: gr.Slider
    scrub_words: gr.HTML
    together: gr.Row
    matrix: gr.HTML
    agreement: gr.HTML
    slider_part: gr.Column
    left: gr.Dropdown
    right: gr.Dropdown
    slider: gr.ImageSlider
    reel: gr.Video
    json: gr.DownloadButton
    csv: gr.DownloadButton
    html: gr.DownloadButton
    everything: gr.DownloadButton

    @property
    def shows(self) -> list[Any]:
        """What an `AnswersShown` fills, in its order."""
        return [
            self.section, self.cards, self.scrub_row, self.scrub, self.scrub_words, self.together, self.matrix,
            self.agreement, self.slider_part, self.left, self.right, self.slider, self.reel, self.html, self.csv,
            self.json, self.everything,
        ]  # fmt: skip


def ask_part() -> AskPart:
    gr.HTML(words.step(2, "What to find"))
    with gr.Row(elem_classes="tools"):
        tool = gr.Radio(
            TOOLS, value="keep", show_label=False, label="Tool", container=False, scale=4, min_width=280,
            elem_id="compare-tool", elem_classes="segments",
        )  # fmt: skip
        with gr.Row(elem_classes="history", scale=2):
            undo = gr.Button("↶ Undo", min_width=84, interactive=False, elem_id="compare-undo")
            reset = gr.Button("Reset", min_width=70, interactive=False, elem_id="compare-reset")
    frame = frame_view("compare")
    status = gr.HTML(elem_id="compare-object-status")
    with gr.Row(elem_classes="scrub-row", visible=False) as scrub_row:
        previous = gr.Button("◀", min_width=44, scale=0, elem_id="compare-previous")
        scrub = scrubber("compare-scrub")
        following = gr.Button("▶", min_width=44, scale=0, elem_id="compare-next")
    moment = gr.HTML(elem_id="compare-time")
    said = gr.Textbox(
        label="Or say what it is", placeholder="a dog; the person on the left", max_lines=1, max_length=200,
        elem_id="compare-words",
    )  # fmt: skip
    return AskPart(tool, undo, reset, frame, status, scrub_row, previous, scrub, following, moment, said)


def choice_part() -> ChoicePart:
    gr.HTML(words.step(3, "Engines"))
    span = gr.Radio(
        SPANS, value="frame", show_label=False, label="What is compared", container=False, visible=False,
        elem_id="compare-span", elem_classes="segments",
    )  # fmt: skip
    engines = gr.CheckboxGroup(
        [], label="Ready", elem_id="compare-engines", elem_classes="ticks",
    )  # fmt: skip
    others = download_list("compare-others")
    with gr.Accordion("True mask", open=False, elem_id="compare-truth-part"):
        gr.HTML(
            words.note(
                "With it, each answer gets its IoU and boundary F. Take the tool True outline and draw round the true "
                "object on the frame, or give its mask as a PNG; for a whole clip, one PNG for each frame."
            )
        )
        truth = gr.File(
            label="True mask", show_label=False, file_types=[".png"], file_count="multiple", height=110,
            elem_id="compare-truth",
        )  # fmt: skip
        truth_status = gr.HTML(elem_id="compare-truth-status")
        clear = gr.Button("Without the outline", size="sm", visible=False, elem_id="compare-truth-clear")
    return ChoicePart(span, engines, others, truth, truth_status, clear)


def run_part() -> RunPart:
    gr.HTML(words.step(4, "Compare"))
    with gr.Row(elem_classes="run-row"):
        run = gr.Button("Compare", variant="primary", size="lg", elem_id="compare-run")
        stop = gr.Button("Stop", variant="stop", size="lg", visible=False, elem_id="compare-stop")
    status = gr.HTML(elem_id="compare-status")
    progress = gr.HTML(elem_id="compare-progress")
    return RunPart(run, stop, status, progress)


def answers_part() -> AnswersPart:
    with gr.Column(visible=False, elem_id="compare-results", elem_classes="card") as section:
        gr.HTML('<h2 class="step">Answers</h2>')
        cards = gr.HTML(js_on_load=script("answers.js"), apply_default_css=False, elem_id="compare-answers")
        with gr.Row(elem_classes="scrub-row", visible=False) as scrub_row:
            scrub = scrubber("compare-answers-scrub")
            scrub_words = gr.HTML(elem_id="compare-answers-time")
        with gr.Row(elem_classes="compare", visible=False) as together:
            with gr.Column(min_width=300):
                matrix = gr.HTML(apply_default_css=False, elem_id="compare-matrix")
            with gr.Column(min_width=300):
                agreement = gr.HTML(apply_default_css=False, elem_id="compare-agreement")
        slider_part, left, right, slider = _slider_part()
        reel = gr.Video(
            label="Side by side",
            show_label=False,
            interactive=False,
            buttons=["download"],
            visible=False,
            elem_id="compare-reel",
        )
        with gr.Row(elem_classes="downloads"):
            files = [
                gr.DownloadButton(label, min_width=140, visible=False, elem_id=f"compare-{kind}")
                for label, kind in (
                    ("HTML report", "html"), ("CSV table", "csv"), ("JSON report", "json"), ("All as a zip", "zip"),
                )
            ]  # fmt: skip
    html, csv, json, everything = files
    return AnswersPart(
        section, cards, scrub_row, scrub, scrub_words, together, matrix, agreement, slider_part, left, right, slider,
        reel, json, csv, html, everything,
    )  # fmt: skip


def _slider_part() -> tuple[gr.Column, gr.Dropdown, gr.Dropdown, gr.ImageSlider]:
    with gr.Column(visible=False, elem_classes="over") as section:
        gr.HTML('<h3 class="part">One over the other</h3>')
        with gr.Row(elem_classes="pair"):
            left = gr.Dropdown([], label="Left", min_width=140, filterable=False, elem_id="compare-left")
            right = gr.Dropdown([], label="Right", min_width=140, filterable=False, elem_id="compare-right")
        slider = gr.ImageSlider(
            format="png", show_label=False, label="One answer over another", interactive=False, max_height=620,
            buttons=["fullscreen"], elem_id="compare-slider",
        )  # fmt: skip
    return section, left, right, slider
