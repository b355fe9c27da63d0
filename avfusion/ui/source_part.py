"""Step 1 of a tab that takes pictures and clips: the drop zone, what was dropped, and the example."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from avfusion.ui import example, words


@dataclass(frozen=True)
class SourcePart:
    file: gr.File
    example: gr.Button
    other: gr.Button | None
    facts: gr.HTML


def source_part(tab: str, *, other: str = "") -> SourcePart:
    """other: what a button is called that fetches what another tab has; without that there is none."""
    gr.HTML(words.step(1, "Picture or clip"))
    with gr.Row(elem_classes="clip-row"):
        file = gr.File(
            label="Picture or clip", show_label=False, file_types=["image", "video"], height=130, scale=3,
            min_width=240, elem_id=f"{tab}-file", elem_classes="drop",
        )  # fmt: skip
        with gr.Column(scale=2, min_width=180, elem_classes="clip-side"):
            said = words.note("Drop a picture or a clip there, or press to choose one.")
            facts = gr.HTML(said, elem_id=f"{tab}-facts")
            with gr.Row(elem_classes="clip-buttons"):
                again = gr.Button(
                    "Example", scale=1, min_width=90, visible=example.is_there(), elem_id=f"{tab}-example"
                )
                fetch = gr.Button(other, scale=2, min_width=150, elem_id=f"{tab}-other") if other else None
    return SourcePart(file, again, fetch, facts)
