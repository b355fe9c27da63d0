"""The Sounding tab's components, from top to bottom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from avfusion.ui.engines import download_list
from avfusion.ui.fusion_layout import step
from avfusion.ui.object_part import script
from avfusion.ui.sounding_engines import choices
from avfusion.ui.strings import say


@dataclass(frozen=True)
class ClipPart:
    """other: fetches the clip of the tab Background."""

    file: gr.File
    example: gr.Button
    other: gr.Button
    facts: gr.HTML
    player: gr.HTML


@dataclass(frozen=True)
class HowPart:
    """What to look for, and by which engines. lacking: what is said where none takes words. others: those that wait
    for something."""

    engine: gr.Dropdown
    labels: gr.Textbox
    text: gr.Textbox
    lacking: gr.HTML
    tracker: gr.Dropdown
    segmenter: gr.Dropdown
    namer: gr.Dropdown
    others: gr.HTML

    @property
    def inputs(self) -> list[Any]:
        """What a `Choice` is made of, in its order."""
        return [self.engine, self.labels, self.text, self.tracker, self.segmenter, self.namer]


@dataclass(frozen=True)
class RunPart:
    run: gr.Button
    stop: gr.Button
    status: gr.HTML
    progress: gr.HTML

    @property
    def shows(self) -> list[Any]:
        """What a `RunShown` fills, in its order."""
        return [self.run, self.stop, self.status, self.progress]


@dataclass(frozen=True)
class ResultPart:
    section: gr.Column
    earlier: gr.HTML
    answer: gr.HTML
    player: gr.HTML
    report: gr.HTML
    film: gr.DownloadButton
    sources: gr.DownloadButton
    masks: gr.Button
    rle: gr.Button
    files_status: gr.HTML
    files: gr.File

    @property
    def shows(self) -> list[Any]:
        """What a `ResultShown` fills, in its order."""
        return [
            self.section, self.earlier, self.answer, self.player, self.report, self.film, self.sources, self.masks,
            self.rle, self.files_status, self.files,
        ]  # fmt: skip


@dataclass(frozen=True)
class ControlPart:
    """The same clip without its sound, or with another one."""

    mute: gr.Button
    swap: gr.Button
    given: gr.UploadButton
    stop: gr.Button
    status: gr.HTML
    progress: gr.HTML
    player: gr.HTML

    @property
    def shows(self) -> list[Any]:
        """What a `ControlShown` fills, in its order."""
        return [self.mute, self.swap, self.given, self.stop, self.status, self.progress, self.player]


def clip_part() -> ClipPart:
    gr.HTML(step(1, "sounding-clip"))
    with gr.Row(elem_classes="clip-row"):
        file = gr.File(
            label=say("sounding-clip"), show_label=False, file_types=["video"], height=130, scale=3, min_width=240,
            elem_id="sounding-file", elem_classes="drop",
        )  # fmt: skip
        with gr.Column(scale=2, min_width=180, elem_classes="clip-side"):
            facts = gr.HTML(f'<p class="note">{say("sounding-drop")}</p>', elem_id="sounding-facts")
            with gr.Row(elem_classes="clip-buttons"):
                again = gr.Button(say("sounding-example"), scale=1, min_width=90, elem_id="sounding-example")
                other = gr.Button(say("sounding-other"), scale=2, min_width=150, elem_id="sounding-other")
    player = gr.HTML(apply_default_css=False, elem_id="sounding-source")
    return ClipPart(file, again, other, facts, player)


def how_part() -> HowPart:
    gr.HTML(step(2, "sounding-how"))
    engine = _engines("sounding", "sounding-engine")
    labels = gr.Textbox(
        label=say("sounding-labels"), placeholder=say("sounding-labels-such-as"), max_lines=1, max_length=400,
        elem_id="sounding-labels",
    )  # fmt: skip
    text = gr.Textbox(
        label=say("sounding-text"), placeholder=say("sounding-text-such-as"), max_lines=1, max_length=200,
        elem_id="sounding-text",
    )  # fmt: skip
    lacking = gr.HTML(elem_id="sounding-lacking")
    with gr.Accordion(say("sounding-options"), open=False, elem_id="sounding-options", elem_classes="aside"):
        tracker = _engines("tracking", "sounding-tracker")
        segmenter = _engines("segmentation", "sounding-segmenter")
        namer = _engines("naming", "sounding-namer")
    with gr.Accordion(say("sounding-not-ready"), open=False, elem_id="sounding-not-ready", elem_classes="aside"):
        others = download_list("sounding-others")
    return HowPart(engine, labels, text, lacking, tracker, segmenter, namer, others)


def _engines(ability: str, elem_id: str) -> gr.Dropdown:
    return gr.Dropdown(
        choices(ability), value="auto", label=say(elem_id), filterable=False, elem_id=elem_id, elem_classes="plain"
    )


def run_part() -> RunPart:
    gr.HTML(step(3, "sounding-run-head"))
    with gr.Row(elem_classes="run-row"):
        # It waits for a clip: what is pressed while one is being opened would be lost.
        run = gr.Button(say("sounding-run"), variant="primary", size="lg", interactive=False, elem_id="sounding-run")
        stop = gr.Button(say("sounding-stop"), variant="stop", size="lg", visible=False, elem_id="sounding-stop")
    status = gr.HTML(elem_id="sounding-status")
    progress = gr.HTML(elem_id="sounding-progress")
    return RunPart(run, stop, status, progress)


def result_part() -> tuple[ResultPart, ControlPart]:
    with gr.Column(visible=False, elem_id="sounding-results", elem_classes="card") as section:
        gr.HTML(f'<h2 class="step">{say("sounding-result")}</h2>')
        earlier = gr.HTML(elem_id="sounding-earlier")
        answer = gr.HTML(elem_id="sounding-answer")
        player = _player("sounding-player")
        report = gr.HTML(apply_default_css=False, elem_id="sounding-report")
        with gr.Row(elem_classes="downloads"):
            film = gr.DownloadButton(
                say("sounding-film"), variant="primary", min_width=250, elem_id="sounding-download"
            )
            sources = gr.DownloadButton(say("sounding-sources"), min_width=140, elem_id="sounding-sources")
            masks = gr.Button(say("sounding-masks"), min_width=140, elem_id="sounding-masks")
            rle = gr.Button(say("sounding-rle"), min_width=140, elem_id="sounding-rle")
        files_status = gr.HTML(elem_id="sounding-files-status")
        files = gr.File(
            label=say("sounding-masks"), file_count="multiple", interactive=False, visible=False,
            elem_id="sounding-files",
        )  # fmt: skip
        control = _control_part()
    result = ResultPart(section, earlier, answer, player, report, film, sources, masks, rle, files_status, files)
    return result, control


def _player(elem_id: str) -> gr.HTML:
    return gr.HTML(js_on_load=script("sounding_player.js"), apply_default_css=False, elem_id=elem_id)


def _control_part() -> ControlPart:
    gr.HTML(f'<h3 class="part">{say("sounding-control-head")}</h3>')
    gr.HTML(f'<p class="note">{say("sounding-control-why")}</p>')
    with gr.Row(elem_classes="controls-row"):
        mute = gr.Button(say("sounding-mute"), min_width=140, elem_id="sounding-mute")
        swap = gr.Button(say("sounding-swap"), min_width=160, elem_id="sounding-swap")
        given = gr.UploadButton(
            say("sounding-given"), file_types=["audio", "video"], min_width=140, elem_id="sounding-given"
        )
        stop = gr.Button(
            say("sounding-stop"), variant="stop", min_width=110, visible=False, elem_id="sounding-control-stop"
        )
    status = gr.HTML(elem_id="sounding-control-status")
    progress = gr.HTML(elem_id="sounding-control-progress")
    return ControlPart(mute, swap, given, stop, status, progress, _player("sounding-control-player"))
