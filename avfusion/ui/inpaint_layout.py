"""The Inpaint tab's components, from top to bottom; those of steps 1 and 2 are shared with other tabs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from avfusion.ui import words
from avfusion.ui.engines import download_list
from avfusion.ui.layout import FORMATS, engine_choice
from avfusion.ui.object_part import script

TOOLS = [("Object", "keep"), ("Not it", "drop"), ("Box", "box"), ("Scribble", "scribble"), ("Brush", "brush")]
STROKES = [("Paint it", "keep"), ("Rub out", "drop")]
_GROWTHS_PX = (0, 2, 4, 8, 12, 16, 24, 32, 48)
PICTURE_FORMATS = [("PNG, exact", ".png"), ("JPEG, small", ".jpg"), ("WebP, smaller", ".webp")]


@dataclass(frozen=True)
class GivenPart:
    section: gr.Accordion
    files: gr.File
    status: gr.HTML


@dataclass(frozen=True)
class HowPart:
    """What comes instead, and the options."""

    do: gr.Radio
    words: gr.Textbox
    unwanted: gr.Textbox
    lacking: gr.HTML
    engine: gr.Dropdown
    grow: gr.Dropdown
    shadows: gr.Checkbox
    feather: gr.Slider
    each_frame: gr.Checkbox
    seed: gr.Number
    steps: gr.Slider
    strength: gr.Slider
    guidance: gr.Slider
    quality: gr.Slider
    tracker: gr.Dropdown
    segmenter: gr.Dropdown

    @property
    def inputs(self) -> list[Any]:
        """What `inpaint_running.chosen` takes, in its order."""
        return [
            self.do, self.words, self.unwanted, self.engine, self.grow, self.shadows, self.feather, self.each_frame,
            self.seed, self.steps, self.strength, self.guidance, self.quality, self.tracker, self.segmenter,
        ]  # fmt: skip


@dataclass(frozen=True)
class RunPart:
    format: gr.Dropdown
    preview: gr.Button
    run: gr.Button
    stop: gr.Button
    status: gr.HTML
    progress: gr.HTML
    live: gr.HTML
    previewed: gr.HTML

    @property
    def shows(self) -> list[Any]:
        """What a `StepShown` fills, in its order."""
        return [self.preview, self.run, self.stop, self.status, self.progress, self.live, self.previewed]


@dataclass(frozen=True)
class ResultPart:
    section: gr.Column
    player: gr.HTML
    numbers: gr.HTML
    download: gr.DownloadButton
    map: gr.DownloadButton
    masks: gr.Button
    rle: gr.Button
    files_status: gr.HTML
    files: gr.File

    @property
    def shows(self) -> list[Any]:
        """What a `ResultShown` fills, in its order."""
        return [
            self.section, self.player, self.numbers, self.download, self.map, self.masks, self.rle, self.files_status,
            self.files,
        ]  # fmt: skip


def given_part() -> GivenPart:
    with gr.Accordion(
        "Masks that are there already", open=False, elem_id="inpaint-given", elem_classes="aside"
    ) as part:
        gr.HTML(words.note("A PNG for each frame, white or numbered where the object is, loose or in a ZIP."))
        files = gr.File(
            label="Masks", show_label=False, file_types=[".png", ".zip"], file_count="multiple", height=130,
            elem_id="inpaint-masks-given", elem_classes="drop",
        )  # fmt: skip
        status = gr.HTML(elem_id="inpaint-given-status")
    return GivenPart(part, files, status)


def how_part() -> HowPart:
    gr.HTML(words.step(3, "What comes instead"))
    do = gr.Radio(
        [("Remove it", "remove"), ("Replace it", "replace")], value="remove", show_label=False, container=False,
        label="What comes instead", elem_id="inpaint-do", elem_classes="segments",
    )  # fmt: skip
    said = gr.Textbox(
        label="What is there instead", placeholder="a red bench in the grass", max_lines=2, max_length=300,
        visible=False, elem_id="inpaint-with",
    )  # fmt: skip
    unwanted = gr.Textbox(
        label="What must not be there", placeholder="people, text, blur", max_lines=2, max_length=300, visible=False,
        elem_id="inpaint-unwanted",
    )  # fmt: skip
    lacking = download_list("inpaint-lacking")
    engine = gr.Dropdown(
        [("The best that is ready", "auto")], value="auto", label="Engine", elem_id="inpaint-engine",
        elem_classes="plain",
    )  # fmt: skip
    shadows = gr.Checkbox(label="Its shadow and reflection too", elem_id="inpaint-shadows")
    with gr.Accordion("Options", open=False, elem_id="inpaint-options", elem_classes="aside"):
        grow = gr.Dropdown(
            [("As the size of the picture asks", "auto"), *((f"By {px} pixels", str(px)) for px in _GROWTHS_PX)],
            value="auto", label="Grow the mask", filterable=False, elem_id="inpaint-grow",
        )  # fmt: skip
        feather = gr.Slider(
            0, 64, value=8, step=1, label="Feather the border, pixels", buttons=[], elem_id="inpaint-feather"
        )
        each_frame = gr.Checkbox(label="Each frame for itself (flickers; to compare)", elem_id="inpaint-each-frame")
        seed, steps, strength, guidance = _diffusion()
        quality = gr.Slider(
            0, 40, value=18, step=1, label="Compression (18 looks like the source)", buttons=[],
            elem_id="inpaint-quality",
        )  # fmt: skip
        tracker = engine_choice("tracking", "Engine that follows the object", "inpaint-tracker")
        segmenter = engine_choice("segmentation", "Engine that turns clicks into a mask", "inpaint-segmenter")
    return HowPart(
        do, said, unwanted, lacking, engine, grow, shadows, feather, each_frame, seed, steps, strength, guidance,
        quality, tracker, segmenter,
    )  # fmt: skip


def _diffusion() -> tuple[gr.Number, gr.Slider, gr.Slider, gr.Slider]:
    gr.HTML('<h3 class="part">Engines that paint by diffusion</h3>')
    seed = gr.Number(0, precision=0, minimum=0, label="Seed (the same gives the same picture)", elem_id="inpaint-seed")
    steps = gr.Slider(1, 100, value=30, step=1, label="Steps", buttons=[], elem_id="inpaint-steps")
    strength = gr.Slider(
        0.05, 1, value=1, step=0.05, label="Strength (1 keeps nothing of what was there)", buttons=[],
        elem_id="inpaint-strength",
    )  # fmt: skip
    guidance = gr.Slider(
        0, 20, value=7.5, step=0.5, label="How closely the words are followed", buttons=[], elem_id="inpaint-guidance"
    )
    return seed, steps, strength, guidance


def run_part() -> RunPart:
    gr.HTML(words.step(4, "Run"))
    format = gr.Dropdown(
        list(FORMATS), value=".mp4", label="File", filterable=False, elem_id="inpaint-format", elem_classes="plain"
    )
    with gr.Row(elem_classes="run-row"):
        preview = gr.Button(
            "Preview this frame", size="lg", min_width=205, interactive=False, elem_id="inpaint-preview"
        )
        # Both wait for a picture or clip: what is pressed while one is being opened would be lost.
        run = gr.Button("Run", variant="primary", size="lg", min_width=110, interactive=False, elem_id="inpaint-run")
        stop = gr.Button("Stop", variant="stop", size="lg", min_width=110, visible=False, elem_id="inpaint-stop")
    status = gr.HTML(elem_id="inpaint-status")
    progress = gr.HTML(elem_id="inpaint-progress")
    live = gr.HTML(elem_id="inpaint-live")
    previewed = gr.HTML(js_on_load=script("wipe.js"), apply_default_css=False, elem_id="inpaint-previewed")
    return RunPart(format, preview, run, stop, status, progress, live, previewed)


def result_part() -> ResultPart:
    with gr.Column(visible=False, elem_id="inpaint-results", elem_classes="card") as section:
        gr.HTML('<h2 class="step">Result</h2>')
        player = gr.HTML(js_on_load=script("wipe.js"), apply_default_css=False, elem_id="inpaint-player")
        numbers = gr.HTML(apply_default_css=False, elem_id="inpaint-report")
        with gr.Row(elem_classes="downloads"):
            download = gr.DownloadButton("Download", variant="primary", min_width=240, elem_id="inpaint-download")
            map = gr.DownloadButton("Seen and invented", min_width=140, elem_id="inpaint-map")
            masks = gr.Button("Masks as PNG", min_width=140, elem_id="inpaint-masks")
            rle = gr.Button("Masks as COCO RLE", min_width=140, elem_id="inpaint-rle")
        files_status = gr.HTML(elem_id="inpaint-files-status")
        files = gr.File(label="Masks", file_count="multiple", interactive=False, visible=False, elem_id="inpaint-files")
    return ResultPart(section, player, numbers, download, map, masks, rle, files_status, files)
