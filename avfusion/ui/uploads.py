"""What buttons say while a file is on its way to the page, which may take long on a slow network."""

from __future__ import annotations

import gradio as gr

from avfusion.ui.object_part import script
from avfusion.ui.strings import told


def build(page: gr.Blocks) -> None:
    """The script is `uploads.js`."""
    said = gr.HTML(js_on_load=script("uploads.js"), apply_default_css=False, elem_id="uploads")
    page.load(markup, None, said, queue=False, show_progress="hidden", api_visibility="private")


def markup() -> str:
    return f'<span hidden data-under-way="{told("upload-under-way")}" data-first="{told("upload-first")}"></span>'
