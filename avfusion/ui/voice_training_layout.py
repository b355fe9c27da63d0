"""The components of "Train a voice" in the Voice tab, from top to bottom."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Any

import gradio as gr

from avfusion.ui import words
from avfusion.ui.engines import download_list
from avfusion.ui.voice_training_jobs import Form
from avfusion.ui.voice_training_showing import BUTTONS, USE
from avfusion.ui.voice_training_visit import ASK

UNITS = [("Steps", "steps"), ("Rounds through all", "rounds")]
_ABOUT = (
    "so-vits learns a voice from recordings of it. That takes hours on a GPU, and days without one; a checkpoint can "
    "be tried at any time. Train nobody's voice without their consent."
)


@dataclass(frozen=True)
class GivenPart:
    """What it learns from, and what it begins with."""

    files: gr.File
    said: gr.HTML
    clear: gr.Button
    start_files: gr.File
    start_said: gr.HTML
    start_clear: gr.Button


@dataclass(frozen=True)
class FormPart:
    """In the order of a `Form`; then a line about its numbers."""

    speaker: gr.Textbox
    unit: gr.Radio
    amount: gr.Number
    save_every: gr.Number
    batch: gr.Number
    clusters: gr.Number
    said: gr.HTML

    @property
    def fields(self) -> list[Any]:
        return [self.speaker, self.unit, self.amount, self.save_every, self.batch, self.clusters]


@dataclass(frozen=True)
class TrainingPart:
    """In the order of a `TrainingShown`."""

    begin: gr.Button
    stop: gr.Button
    resume: gr.Button
    discard: gr.Button
    status: gr.HTML
    progress: gr.HTML
    curve: gr.HTML
    files: gr.HTML
    use: gr.Button
    given: gr.HTML
    start: gr.HTML
    numbers: gr.HTML

    @property
    def shows(self) -> list[Any]:
        return [
            self.begin, self.stop, self.resume, self.discard, self.status, self.progress, self.curve, self.files,
            self.use, self.given, self.start, self.numbers,
        ]  # fmt: skip


@dataclass(frozen=True)
class TrainPart:
    engine: gr.HTML
    given: GivenPart
    form: FormPart
    shown: TrainingPart


def train_part() -> TrainPart:
    with gr.Accordion("Train a voice", open=False, elem_id="voice-training"):
        gr.HTML(words.note(_ABOUT))
        engine = download_list("voice-training-engine")
        with gr.Row(elem_classes="columns"):
            with gr.Column(scale=1, min_width=300):
                given = _given_part()
            with gr.Column(scale=1, min_width=300):
                form = _form_part()
        shown = _shown_part(given, form)
    return TrainPart(engine, given, form, shown)


def _given_part() -> GivenPart:
    files = gr.File(
        label="Recordings of the speaker", show_label=False, file_types=["audio", "video"], file_count="multiple",
        height=130, elem_id="voice-training-files", elem_classes="drop",
    )  # fmt: skip
    said = gr.HTML(words.note(ASK), elem_id="voice-training-given")
    with gr.Row(elem_classes="quiet"):
        clear = gr.Button("Remove all", elem_id="voice-training-clear")
    with gr.Accordion("Begin with networks of your own", open=False, elem_id="voice-training-networks"):
        gr.HTML(
            words.note(
                "Optional: a G_0.pth and D_0.pth that know many voices make good ones much sooner than random "
                "weights; a config.json says what size they have."
            )
        )
        start_files = gr.File(
            label="G_0.pth, D_0.pth, config.json", show_label=False, file_count="multiple", height=130,
            elem_id="voice-training-start", elem_classes="drop",
        )  # fmt: skip
        start_said = gr.HTML(elem_id="voice-training-start-given")
        with gr.Row(elem_classes="quiet"):
            start_clear = gr.Button("Remove them", elem_id="voice-training-start-clear")
    return GivenPart(files, said, clear, start_files, start_said, start_clear)


def _form_part() -> FormPart:
    speaker_said, unit_said, amount_said, save_said, batch_said, clusters_said = astuple(Form())
    speaker = gr.Textbox(
        speaker_said, label="Name of the speaker", placeholder="voice", max_lines=1, elem_id="voice-training-speaker"
    )
    unit = gr.Radio(
        UNITS, value=unit_said, label="How long, those of earlier runs included", elem_id="voice-training-unit",
        elem_classes="segments",
    )  # fmt: skip
    with gr.Row(elem_classes="numbers"):
        amount = gr.Number(
            amount_said, label="So many", precision=0, min_width=120, elem_id="voice-training-amount"
        )  # fmt: skip
        save_every = gr.Number(
            save_said, label="Save every (steps)", precision=0, min_width=120, elem_id="voice-training-save"
        )
    with gr.Row(elem_classes="numbers"):
        batch = gr.Number(batch_said, label="Pieces a step", precision=0, min_width=120, elem_id="voice-training-batch")
        clusters = gr.Number(
            clusters_said, label="K-means (0: none)", precision=0, min_width=120,
            elem_id="voice-training-clusters",
        )  # fmt: skip
    said = gr.HTML(elem_id="voice-training-numbers")
    return FormPart(speaker, unit, amount, save_every, batch, clusters, said)


def _shown_part(given: GivenPart, form: FormPart) -> TrainingPart:
    variants: dict[str, Any] = {"begin": "primary", "stop": "stop", "resume": "primary"}
    with gr.Row(elem_classes="run-row"):
        begin, stop, resume, discard = (
            gr.Button(
                label, variant=variants.get(name, "secondary"), size="lg", min_width=130, visible=name == "begin",
                elem_id=f"voice-training-{name}",
            )
            for name, label in BUTTONS.items()
        )  # fmt: skip
    status = gr.HTML(elem_id="voice-training-status")
    progress = gr.HTML(elem_id="voice-training-progress")
    curve = gr.HTML(elem_id="voice-training-curve", apply_default_css=False)
    files = gr.HTML(elem_id="voice-training-downloads", apply_default_css=False)
    use = gr.Button(USE, size="lg", visible=False, elem_id="voice-training-use")
    return TrainingPart(
        begin, stop, resume, discard, status, progress, curve, files, use, given.said, given.start_said, form.said
    )  # fmt: skip
