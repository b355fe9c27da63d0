"""The Fusion tab's components, from top to bottom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from avfusion.ui import example
from avfusion.ui.object_part import script
from avfusion.ui.strings import say
from avfusion.ui.voice_visit import VOICE

ENDINGS = (".mp4", ".webm", ".mov")


@dataclass(frozen=True)
class ClipPart:
    """inpaint, voice: they fetch the clip of another tab, where that has another one."""

    picture: gr.HTML
    facts: gr.HTML
    upload: gr.UploadButton
    example: gr.Button
    inpaint: gr.Button
    voice: gr.Button
    mark: gr.Button


@dataclass(frozen=True)
class Change:
    """One of the things that a run may change: a switch, what was set, and the way to the tab where it is set."""

    switch: gr.Checkbox
    said: gr.HTML
    go: gr.Button


@dataclass(frozen=True)
class ChangesPart:
    background: Change
    remove: Change
    removed: gr.CheckboxGroup
    voice: Change
    recordings: gr.UploadButton
    example: gr.Button


@dataclass(frozen=True)
class RunPart:
    format: gr.Dropdown
    run: gr.Button
    stop: gr.Button
    status: gr.HTML
    progress: gr.HTML
    live: gr.HTML

    @property
    def shows(self) -> list[Any]:
        """What a `RunShown` fills, in its order."""
        return [self.run, self.stop, self.status, self.progress, self.live]


@dataclass(frozen=True)
class ResultPart:
    section: gr.Column
    earlier: gr.HTML
    player: gr.HTML
    report: gr.HTML
    clip: gr.DownloadButton
    page: gr.DownloadButton
    job: gr.DownloadButton

    @property
    def shows(self) -> list[Any]:
        """What a `ResultShown` fills, in its order."""
        return [self.section, self.earlier, self.player, self.report, self.clip, self.page, self.job]


@dataclass(frozen=True)
class UnfinishedPart:
    """A run that was cut off. job: its id, which the visitor's browser keeps."""

    job: gr.BrowserState
    row: gr.Row
    go_on: gr.Button
    forget: gr.Button


def unfinished_part() -> UnfinishedPart:
    # The id alone lets somebody use the job; a fixed secret, so that it can be read after the server was started again.
    job = gr.BrowserState("", storage_key="avfusion-fusion", secret="avfusion-fusion")
    with gr.Row(visible=False, elem_id="fusion-unfinished", elem_classes="invitation") as row:
        gr.HTML(f'<p class="note" role="status">{say("fusion-unfinished")}</p>')
        go_on = gr.Button(say("fusion-go-on"), variant="primary", min_width=100, scale=0, elem_id="fusion-go-on")
        forget = gr.Button(say("fusion-forget"), min_width=100, scale=0, elem_id="fusion-forget")
    return UnfinishedPart(job, row, go_on, forget)


def step(number: int, key: str) -> str:
    return f'<h2 class="step"><span class="number" aria-hidden="true">{number}</span>{say(key)}</h2>'


def clip_part() -> ClipPart:
    gr.HTML(step(1, "fusion-clip"))
    with gr.Row(elem_classes="fused-clip"):
        picture = gr.HTML(apply_default_css=False, elem_id="fusion-picture")
        with gr.Column(min_width=220, elem_classes="clip-side"):
            facts = gr.HTML(f'<p class="note">{say("fusion-clip-none")}</p>', elem_id="fusion-facts")
            with gr.Row(elem_classes="clip-buttons"):
                upload = gr.UploadButton(
                    say("fusion-clip-choose"), file_types=["video"], scale=2, min_width=140, elem_id="fusion-upload"
                )
                again = gr.Button(
                    say("fusion-clip-example"), scale=1, min_width=90, visible=example.is_there(),
                    elem_id="fusion-example",
                )  # fmt: skip
            inpaint = gr.Button(visible=False, elem_id="fusion-clip-inpaint", elem_classes="long")
            voice = gr.Button(visible=False, elem_id="fusion-clip-voice", elem_classes="long")
            mark = gr.Button(say("fusion-mark"), elem_id="fusion-mark", elem_classes="way")
    return ClipPart(picture, facts, upload, again, inpaint, voice, mark)


def changes_part() -> ChangesPart:
    gr.HTML(step(2, "fusion-changes"))
    with gr.Row(elem_classes="changes"):
        with gr.Column(min_width=240, elem_classes="change"):
            switch, said = _change("background", is_on=True)
            background = Change(switch, said, _way("background"))
        with gr.Column(min_width=240, elem_classes="change"):
            switch, said = _change("remove", is_on=False)
            removed = gr.CheckboxGroup(
                [], label=say("fusion-removed"), show_label=False, container=False, visible=False,
                elem_id="fusion-removed", elem_classes="ticks",
            )  # fmt: skip
            remove = Change(switch, said, _way("inpaint"))
        with gr.Column(min_width=240, elem_classes="change"):
            switch, said = _change("voice", is_on=True)
            with gr.Row(elem_classes="clip-buttons"):
                recordings = gr.UploadButton(
                    say("fusion-voice-choose"), file_types=["audio", "video"], file_count="multiple", min_width=120,
                    elem_id="fusion-recordings",
                )  # fmt: skip
                again = gr.Button(
                    say("fusion-voice-example"), min_width=80, visible=VOICE.is_file(), elem_id="fusion-voice-example"
                )
            voice = Change(switch, said, _way("voice"))
    return ChangesPart(background, remove, removed, voice, recordings, again)


def _change(what: str, *, is_on: bool) -> tuple[gr.Checkbox, gr.HTML]:
    switch = gr.Checkbox(
        is_on, label=say(f"fusion-{what}"), container=False, elem_id=f"fusion-use-{what}", elem_classes="switch"
    )
    return switch, gr.HTML(apply_default_css=False, elem_id=f"fusion-{what}")


def _way(tab: str) -> gr.Button:
    return gr.Button(say(f"fusion-to-{tab}"), min_width=0, elem_id=f"fusion-to-{tab}", elem_classes="way")


def run_part() -> RunPart:
    gr.HTML(step(3, "fusion-run-head"))
    formats = [(say(f"fusion-format-{ending.removeprefix('.')}"), ending) for ending in ENDINGS]
    format = gr.Dropdown(
        formats, value=".mp4", label=say("fusion-format"), filterable=False, elem_id="fusion-format",
        elem_classes="plain",
    )  # fmt: skip
    with gr.Row(elem_classes="run-row"):
        run = gr.Button(say("fusion-run"), variant="primary", size="lg", elem_id="fusion-run")
        stop = gr.Button(say("fusion-stop"), variant="stop", size="lg", visible=False, elem_id="fusion-stop")
    status = gr.HTML(elem_id="fusion-status")
    progress = gr.HTML(elem_id="fusion-progress")
    live = gr.HTML(elem_id="fusion-live")
    return RunPart(format, run, stop, status, progress, live)


def result_part() -> ResultPart:
    with gr.Column(visible=False, elem_id="fusion-results", elem_classes="card") as section:
        gr.HTML(f'<h2 class="step">{say("fusion-result")}</h2>')
        earlier = gr.HTML(elem_id="fusion-earlier")
        player = gr.HTML(js_on_load=script("wipe.js"), apply_default_css=False, elem_id="fusion-player")
        report = gr.HTML(apply_default_css=False, elem_id="fusion-report")
        with gr.Row(elem_classes="downloads"):
            clip = gr.DownloadButton(
                say("fusion-download"), variant="primary", min_width=240, elem_id="fusion-download"
            )
            page = gr.DownloadButton(say("fusion-report-file"), min_width=140, elem_id="fusion-report-file")
            job = gr.DownloadButton(say("fusion-job-file"), min_width=140, elem_id="fusion-job-file")
    return ResultPart(section, earlier, player, report, clip, page, job)
