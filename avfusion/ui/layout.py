"""The Background tab's components, from top to bottom; those of step 2 are in `object_part.py`."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from avfusion.engines.catalogue import of_ability
from avfusion.ui import example, words

KINDS = [
    ("Picture", "picture"), ("Clip", "clip"), ("Colour", "colour"), ("Blur", "blur"), ("Transparent", "transparent"),
]  # fmt: skip
FORMATS = [
    ("MP4, plays everywhere", ".mp4"),
    ("WebM, for the web", ".webm"),
    ("MOV, ProRes 4444 for editing", ".mov"),
    ("GIF, small and silent", ".gif"),
    ("PNG pictures in a zip", ".zip"),
]


@dataclass(frozen=True)
class ClipPart:
    clip: gr.Video
    upload: gr.UploadButton
    example: gr.Button
    facts: gr.HTML


@dataclass(frozen=True)
class BehindPart:
    """The background and the options. `placing` and `looping` count only for pictures and clips."""

    kind: gr.Radio
    picture: gr.Image
    video: gr.Video
    colour: gr.ColorPicker
    blur: gr.Slider
    clear: gr.HTML
    edges: gr.Radio
    placing: gr.Group
    fit: gr.Radio
    x: gr.Slider
    y: gr.Slider
    scale: gr.Slider
    loop: gr.Radio
    light_wrap: gr.Slider
    colour_match: gr.Slider
    quality: gr.Slider
    tracker: gr.Dropdown
    segmenter: gr.Dropdown


@dataclass(frozen=True)
class RunPart:
    format: gr.Dropdown
    run: gr.Button
    stop: gr.Button
    progress: gr.HTML
    preview: gr.HTML
    status: gr.HTML


@dataclass(frozen=True)
class ResultPart:
    section: gr.Column
    original: gr.Video
    result: gr.Video
    download: gr.DownloadButton
    masks: gr.Button
    rle: gr.Button
    matte: gr.Button
    files_status: gr.HTML
    files: gr.File
    report: gr.HTML


def clip_part() -> ClipPart:
    gr.HTML(words.step(1, "Clip"))
    with gr.Row(elem_classes="clip-row"):
        # With a clip in it, it only plays: a player that can be written to fetches a video cutter of 32 MB.
        clip = gr.Video(
            label="Clip", show_label=False, sources=["upload"], interactive=not example.is_there(), height=190,
            value=example.if_there(example.CLIP), scale=3, min_width=240, buttons=[], elem_id="background-clip",
        )  # fmt: skip
        with gr.Column(scale=2, min_width=180, elem_classes="clip-side"):
            facts = gr.HTML(words.note("Drop a clip here, or press to choose one."), elem_id="background-facts")
            with gr.Row(elem_classes="clip-buttons"):
                upload = gr.UploadButton(
                    "Choose a clip", file_types=["video"], scale=2, min_width=140, elem_id="background-upload"
                )
                again = gr.Button(
                    "Example", scale=1, min_width=90, visible=example.is_there(), elem_id="background-example"
                )
    return ClipPart(clip, upload, again, facts)


def behind_part() -> BehindPart:
    gr.HTML(words.step(3, "Background"))
    kind = gr.Radio(
        KINDS, value="picture", show_label=False, label="Kind of background", container=False,
        elem_id="background-kind", elem_classes="segments",
    )  # fmt: skip
    picture = gr.Image(
        value=example.if_there(example.PICTURE), label="Picture", show_label=False, type="filepath", format="png",
        sources=["upload", "clipboard"], height=190, buttons=[], elem_id="background-picture",
    )  # fmt: skip
    video = gr.Video(
        value=example.if_there(example.VIDEO), label="Clip for the background", show_label=False, sources=["upload"],
        height=190, buttons=[], visible=False, elem_id="background-video",
    )  # fmt: skip
    colour = gr.ColorPicker("#1e6b52", label="Colour", visible=False, elem_id="background-colour")
    blur = gr.Slider(
        0, 1, value=0.5, step=0.05, label="How blurred", visible=False, buttons=[], elem_id="background-blur"
    )
    clear = gr.HTML(
        words.note("Only the object stays. The file is for other programs; here you see it over a checkerboard."),
        visible=False,
    )
    with gr.Accordion("Options", open=False, elem_id="background-options"):
        edges = gr.Radio(
            [("Soft", "soft"), ("Hard", "hard"), ("Fine hair (slow)", "closed-form")], value="soft", label="Edges",
            elem_id="background-edges", elem_classes="segments",
        )  # fmt: skip
        with gr.Group() as placing:
            fit, x, y, scale, loop = _placing()
        light_wrap = gr.Slider(
            0, 1, value=0, step=0.05, label="Light wrap around the edges", buttons=[],
            elem_id="background-light-wrap",
        )  # fmt: skip
        colour_match = gr.Slider(
            0, 1, value=0, step=0.05, label="Colour match to the background", buttons=[],
            elem_id="background-colour-match",
        )  # fmt: skip
        quality = gr.Slider(
            0, 40, value=18, step=1, label="Compression (18 looks like the source)", buttons=[],
            elem_id="background-quality",
        )  # fmt: skip
        tracker = engine_choice("tracking", "Engine that follows the object", "background-tracker")
        segmenter = engine_choice("segmentation", "Engine that turns clicks into a mask", "background-segmenter")
    return BehindPart(
        kind, picture, video, colour, blur, clear, edges, placing, fit, x, y, scale, loop, light_wrap, colour_match,
        quality, tracker, segmenter,
    )  # fmt: skip


def _placing() -> tuple[gr.Radio, gr.Slider, gr.Slider, gr.Slider, gr.Radio]:
    fit = gr.Radio(
        [("Cover", "cover"), ("Contain", "contain"), ("Stretch", "stretch")], value="cover",
        label="How the background fits", elem_id="background-fit", elem_classes="segments",
    )  # fmt: skip
    x = gr.Slider(0, 1, value=0.5, step=0.05, label="Position, left to right", buttons=[], elem_id="background-x")
    y = gr.Slider(0, 1, value=0.5, step=0.05, label="Position, top to bottom", buttons=[], elem_id="background-y")
    scale = gr.Slider(0.25, 4, value=1, step=0.05, label="Scale", buttons=[], elem_id="background-scale")
    loop = gr.Radio(
        [("Start again", "loop"), ("Back and forth", "ping-pong"), ("Hold the last frame", "hold")], value="loop",
        label="When a background clip ends", visible=False, elem_id="background-loop", elem_classes="segments",
    )  # fmt: skip
    return fit, x, y, scale, loop


def engine_choice(ability: str, label: str, elem_id: str) -> gr.Dropdown:
    names = [(engine.name, engine.name) for engine in of_ability(ability)]
    return gr.Dropdown([("The best that is ready", "auto"), *names], value="auto", label=label, elem_id=elem_id)


def run_part() -> RunPart:
    gr.HTML(words.step(4, "Run"))
    format = gr.Dropdown(
        list(FORMATS), value=".mp4", label="File", show_label=True, filterable=False,
        elem_id="background-format",
    )  # fmt: skip
    with gr.Row(elem_classes="run-row"):
        run = gr.Button("Run", variant="primary", size="lg", elem_id="background-run")
        stop = gr.Button("Stop", variant="stop", size="lg", visible=False, elem_id="background-stop")
    status = gr.HTML(elem_id="background-status")
    progress = gr.HTML(elem_id="background-progress")
    preview = gr.HTML(elem_id="background-preview")
    return RunPart(format, run, stop, progress, preview, status)


def result_part() -> ResultPart:
    with gr.Column(visible=False, elem_id="background-results", elem_classes="card") as section:
        gr.HTML('<h2 class="step">Result</h2>')
        with gr.Row(elem_classes="compare"):
            result = gr.Video(label="New", interactive=False, buttons=[], min_width=280, elem_id="background-result")
            original = gr.Video(
                label="Original", interactive=False, buttons=[], min_width=280, elem_id="background-original"
            )
        report = gr.HTML(elem_id="background-report")
        with gr.Row(elem_classes="downloads"):
            download = gr.DownloadButton("Download", variant="primary", min_width=280, elem_id="background-download")
            masks = gr.Button("Masks as PNG", min_width=140, elem_id="background-masks")
            rle = gr.Button("Masks as COCO RLE", min_width=140, elem_id="background-rle")
            matte = gr.Button("Matte as MP4", min_width=140, elem_id="background-matte")
        files_status = gr.HTML(elem_id="background-files-status")
        files = gr.File(
            label="Masks", file_count="multiple", interactive=False, visible=False, elem_id="background-files"
        )
    return ResultPart(section, original, result, download, masks, rle, matte, files_status, files, report)
