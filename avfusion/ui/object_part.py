"""Step 2 of a tab where objects are clicked: the frame with its tools, the scrubber, the objects, the keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from avfusion.ui import words
from avfusion.ui.colours import hex_of

Choices = Sequence[tuple[str, str]]
TOOLS: Choices = [("Keep", "keep"), ("Drop", "drop"), ("Box", "box"), ("Scribble", "scribble")]
STROKES: Choices = [("The stroke is the object", "keep"), ("The stroke is not", "drop")]
_STAGE = """
<div class="stage empty" tabindex="-1">
  <img alt="The chosen frame of the clip. Click the object in it." draggable="false">
  <svg class="ink" aria-hidden="true"></svg>
  <div class="live" role="img" aria-label="The frame being worked on" hidden></div>
</div>"""
_TOOL_KEYS = {"keep": "K", "drop": "D", "box": "B", "scribble": "S", "brush": "P"}
_KEYS = (
    ("Ctrl Z", "undo"), ("Ctrl Shift Z", "redo"), ("T", "follow"), ("W", "worst"), ("I", "in"), ("O", "out"),
    ("1 to 9", "object"), ("N", "new object"), ("?", "these keys"),
)  # fmt: skip


@dataclass(frozen=True)
class ObjectPart:
    """scrub_row, spans: what only a clip needs, not a picture. brush: None for a tab without one."""

    tool: gr.Radio
    stroke: gr.Radio
    brush: gr.Slider | None
    undo: gr.Button
    redo: gr.Button
    reset: gr.Button
    frame: gr.HTML
    status: gr.HTML
    words: gr.Textbox
    scrub_row: gr.Row
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
    spans: gr.Row
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


def object_part(
    tab: str, *, title: str = "Click the object", tools: Choices = TOOLS, strokes: Choices = STROKES
) -> ObjectPart:
    """The components, their names beginning with that of the tab. A tool `brush` brings a slider for its width."""
    gr.HTML(words.step(2, title))
    with gr.Row(elem_classes="tools"):
        tool = gr.Radio(
            list(tools), value=tools[0][1], show_label=False, label="Tool", container=False, scale=4, min_width=280,
            elem_id=f"{tab}-tool", elem_classes="segments",
        )  # fmt: skip
        with gr.Row(elem_classes="history", scale=2):
            undo = gr.Button("↶ Undo", min_width=84, interactive=False, elem_id=f"{tab}-undo")
            redo = gr.Button("↷ Redo", min_width=84, interactive=False, elem_id=f"{tab}-redo")
            reset = gr.Button("Reset", min_width=70, elem_id=f"{tab}-reset")
    stroke = gr.Radio(
        list(strokes), value="keep", show_label=False, label="What a stroke says", container=False, visible=False,
        elem_id=f"{tab}-stroke", elem_classes="segments",
    )  # fmt: skip
    brush = _brush(tab) if "brush" in [value for _, value in tools] else None
    frame = frame_view(tab)
    status = gr.HTML(elem_id=f"{tab}-object-status")
    said = gr.Textbox(
        label="Or say what it is", placeholder="a dog; the person on the left", submit_btn="Find", lines=1, max_lines=1,
        max_length=200, visible=False, elem_id=f"{tab}-words",
    )  # fmt: skip
    with gr.Row(elem_classes="scrub-row") as scrub_row:
        previous = gr.Button("◀", min_width=44, scale=0, elem_id=f"{tab}-previous")
        with gr.Column(min_width=150, elem_classes="scrub-column"):
            scrub = scrubber(f"{tab}-scrub")
            timeline = gr.HTML(
                tab=tab, js_on_load=script("timeline.js"), apply_default_css=False, elem_id=f"{tab}-timeline",
                elem_classes="timeline",
            )  # fmt: skip
        following = gr.Button("▶", min_width=44, scale=0, elem_id=f"{tab}-next")
        follow, stop = _follow_buttons(tab)
    moment = gr.HTML(elem_id=f"{tab}-time")
    progress = gr.HTML(elem_id=f"{tab}-follow-status")
    objects, add, remove, spans, worst, start, end, whole = _quiet_part(tab)
    gr.HTML(
        _shortcuts(tools), tab=tab, js_on_load=script("keys.js"), apply_default_css=False, elem_id=f"{tab}-shortcuts"
    )
    return ObjectPart(
        tool, stroke, brush, undo, redo, reset, frame, status, said, scrub_row, previous, scrub, following, timeline,
        moment, follow, stop, progress, objects, add, remove, spans, worst, start, end, whole,
    )  # fmt: skip


def _brush(tab: str) -> gr.Slider:
    """The width of the brush in pixels of the displayed picture."""
    return gr.Slider(
        8, 160, value=48, step=4, label="Width of the brush", visible=False, buttons=[], elem_id=f"{tab}-brush",
        elem_classes="brush",
    )  # fmt: skip


def _follow_buttons(tab: str) -> tuple[gr.Button, gr.Button]:
    follow = gr.Button("Follow the object", min_width=170, scale=0, elem_id=f"{tab}-follow", elem_classes="follow")
    stop = gr.Button(
        "Stop", variant="stop", min_width=170, scale=0, visible=False, elem_id=f"{tab}-follow-stop",
        elem_classes="follow",
    )  # fmt: skip
    return follow, stop


def _quiet_part(
    tab: str,
) -> tuple[gr.Radio, gr.Button, gr.Button, gr.Row, gr.Button, gr.Button, gr.Button, gr.Button]:
    """What a visitor who only clicks and runs does not need."""
    small: dict[str, Any] = {"min_width": 0, "scale": 0}
    with gr.Row(elem_classes="quiet"):
        with gr.Row(elem_classes="quiet"):
            objects = gr.Radio(
                [("Object 1", 1)], value=1, show_label=False, label="Which object clicks go to", container=False,
                elem_id=f"{tab}-objects", elem_classes="chips objects", **small,
            )  # fmt: skip
            add = gr.Button("+ Add", elem_id=f"{tab}-object-add", **small)
            remove = gr.Button("Remove", visible=False, elem_id=f"{tab}-object-remove", **small)
        with gr.Row(elem_classes="quiet") as spans:
            worst = gr.Button("Jump to worst", visible=False, elem_id=f"{tab}-worst", **small)
            start = gr.Button("⇤ In", elem_id=f"{tab}-in", **small)
            end = gr.Button("Out ⇥", elem_id=f"{tab}-out", **small)
            whole = gr.Button("Whole clip", visible=False, elem_id=f"{tab}-whole", **small)
    return objects, add, remove, spans, worst, start, end, whole


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


def _shortcuts(tools: Choices) -> str:
    """The keys, those of the tools by the tools' names."""
    names = {letter: name for name, value in tools if (letter := _TOOL_KEYS.get(value))}
    shown = [("← →", "frame"), ("Shift ← →", "ten frames"), *names.items(), *_KEYS]
    keys = "".join(f"<li><kbd>{key}</kbd> {what.lower()}</li>" for key, what in shown)
    return f'<details class="keys"><summary>Keyboard shortcuts</summary><ul>{keys}</ul></details>'
