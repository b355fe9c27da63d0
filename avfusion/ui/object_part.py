"""Step 2 of the Background tab: the frame with its tools, the scrubber with its timeline, the objects, the keys."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from avfusion.ui import words
from avfusion.ui.colours import hex_of

TOOLS = [("Keep", "keep"), ("Drop", "drop"), ("Box", "box"), ("Scribble", "scribble")]
STROKES = [("The stroke is the object", "keep"), ("The stroke is not", "drop")]
_STAGE = """
<div class="stage empty" tabindex="-1">
  <img alt="The chosen frame of the clip. Click the object in it." draggable="false">
  <svg class="ink" aria-hidden="true"></svg>
  <div class="live" role="img" aria-label="The frame being worked on" hidden></div>
</div>"""
_KEYS = (
    ("← →", "frame"), ("Shift ← →", "ten frames"), ("K", "keep"), ("D", "drop"), ("B", "box"), ("S", "scribble"),
    ("Ctrl Z", "undo"), ("Ctrl Shift Z", "redo"), ("T", "follow"), ("W", "worst"), ("I", "in"), ("O", "out"),
    ("1 to 9", "object"), ("N", "new object"), ("?", "these keys"),
)  # fmt: skip


@dataclass(frozen=True)
class ObjectPart:
    tool: gr.Radio
    stroke: gr.Radio
    undo: gr.Button
    redo: gr.Button
    reset: gr.Button
    frame: gr.HTML
    status: gr.HTML
    words: gr.Textbox
    previous: gr.Button
    scrub: gr.Slider
    next: gr.Button
    timeline: gr.HTML
    moment: gr.HTML
    follow: gr.Button
    stop: gr.Button
    progress: gr.HTML
    objects: gr.Radio
    add: gr.Button
    remove: gr.Button
    worst: gr.Button
    start: gr.Button
    end: gr.Button
    whole: gr.Button

    @property
    def shows(self) -> list[Any]:
        """What a `Look` fills, in its order."""
        return [
            self.frame, self.status, self.moment, self.timeline, self.objects, self.remove, self.undo, self.redo,
            self.follow, self.worst, self.whole,
        ]  # fmt: skip


def object_part() -> ObjectPart:
    gr.HTML(words.step(2, "Click the object"))
    with gr.Row(elem_classes="tools"):
        tool = gr.Radio(
            TOOLS, value="keep", show_label=False, label="Tool", container=False, scale=4, min_width=280,
            elem_id="background-tool", elem_classes="segments",
        )  # fmt: skip
        with gr.Row(elem_classes="history", scale=2):
            undo = gr.Button("↶ Undo", min_width=84, interactive=False, elem_id="background-undo")
            redo = gr.Button("↷ Redo", min_width=84, interactive=False, elem_id="background-redo")
            reset = gr.Button("Reset", min_width=70, elem_id="background-reset")
    stroke = gr.Radio(
        STROKES, value="keep", show_label=False, label="What a stroke says", container=False, visible=False,
        elem_id="background-stroke", elem_classes="segments",
    )  # fmt: skip
    frame = frame_view("background")
    status = gr.HTML(elem_id="background-object-status")
    said = gr.Textbox(
        label="Or say what it is", placeholder="a dog; the person on the left", submit_btn="Find", lines=1, max_lines=1,
        max_length=200, visible=False, elem_id="background-words",
    )  # fmt: skip
    with gr.Row(elem_classes="scrub-row"):
        previous = gr.Button("◀", min_width=44, scale=0, elem_id="background-previous")
        with gr.Column(min_width=150, elem_classes="scrub-column"):
            scrub = scrubber("background-scrub")
            timeline = gr.HTML(js_on_load=script("timeline.js"), apply_default_css=False, elem_id="background-timeline")
        following = gr.Button("▶", min_width=44, scale=0, elem_id="background-next")
        follow = gr.Button("Follow the object", min_width=170, scale=0, elem_id="background-follow")
        stop = gr.Button(
            "Stop", variant="stop", min_width=170, scale=0, visible=False, elem_id="background-follow-stop"
        )
    moment = gr.HTML(elem_id="background-time")
    progress = gr.HTML(elem_id="background-follow-status")
    objects, add, remove, worst, start, end, whole = _quiet_part()
    gr.HTML(_shortcuts(), js_on_load=script("keys.js"), apply_default_css=False, elem_id="background-shortcuts")
    return ObjectPart(
        tool, stroke, undo, redo, reset, frame, status, said, previous, scrub, following, timeline, moment, follow,
        stop, progress, objects, add, remove, worst, start, end, whole,
    )  # fmt: skip


def _quiet_part() -> tuple[gr.Radio, gr.Button, gr.Button, gr.Button, gr.Button, gr.Button, gr.Button]:
    """What a visitor who only clicks and runs does not need."""
    small: dict[str, Any] = {"min_width": 0, "scale": 0}
    with gr.Row(elem_classes="quiet"):
        with gr.Row(elem_classes="quiet"):
            objects = gr.Radio(
                [("Object 1", 1)], value=1, show_label=False, label="Which object clicks go to", container=False,
                elem_id="background-objects", elem_classes="chips", **small,
            )  # fmt: skip
            add = gr.Button("+ Add", elem_id="background-object-add", **small)
            remove = gr.Button("Remove", visible=False, elem_id="background-object-remove", **small)
        with gr.Row(elem_classes="quiet"):
            worst = gr.Button("Jump to worst", visible=False, elem_id="background-worst", **small)
            start = gr.Button("⇤ In", elem_id="background-in", **small)
            end = gr.Button("Out ⇥", elem_id="background-out", **small)
            whole = gr.Button("Whole clip", visible=False, elem_id="background-whole", **small)
    return objects, add, remove, worst, start, end, whole


def frame_view(tab: str) -> gr.HTML:
    """The frame that is clicked. Its tools are the radio groups `TAB-tool` and `TAB-stroke`."""
    return gr.HTML(
        {"src": "", "frame": 0, "colour": hex_of(1)}, live="", tab=tab, html_template=_STAGE,
        js_on_load=script("frame.js"), apply_default_css=False, elem_id=f"{tab}-frame", elem_classes="frame-view",
    )  # fmt: skip


def scrubber(elem_id: str) -> gr.Slider:
    """Moves through the frames."""
    return gr.Slider(
        0, 1, value=0, step=1, show_label=False, label="Frame number", container=False, min_width=120, buttons=[],
        interactive=False, elem_id=elem_id, elem_classes="scrub",
    )  # fmt: skip


def script(name: str) -> str:
    """A script of the page, for an HTML component to run when it is there."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _shortcuts() -> str:
    keys = "".join(f"<li><kbd>{key}</kbd> {what}</li>" for key, what in _KEYS)
    return f'<details class="keys"><summary>Keyboard shortcuts</summary><ul>{keys}</ul></details>'
