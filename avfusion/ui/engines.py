"""The Engines tab: what there is, what is ready, and why not."""

from __future__ import annotations

from html import escape

import gradio as gr

from avfusion.engines.catalogue import CATALOGUE
from avfusion.engines.engine import Engine
from avfusion.engines.state import size, state

_ABILITIES = {"segmentation": "Clicks to a mask", "tracking": "The mask through the clip"}


def table() -> str:
    """One row for each engine of the catalogue, as it is at this moment."""
    rows = "".join(_row(engine) for engine in CATALOGUE)
    heads = "".join(f"<th>{head}</th>" for head in ("Engine", "For", "What it is", "Download", "Licence", "State"))
    return f'<table class="engines"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'


def _row(engine: Engine) -> str:
    found = state(engine)
    mark = "good" if found.is_ready else "problem"
    cells = [
        ("Engine", f"<b>{escape(engine.name)}</b>"),
        ("For", escape(_ABILITIES.get(engine.ability, engine.ability))),
        ("What it is", escape(engine.words)),
        ("Download", escape(size(engine.download_bytes)) if engine.download_bytes else "none"),
        ("Licence", escape(engine.licence)),
        ("State", f'<span class="state {mark}">{escape(found.words or "ready")}</span>'),
    ]
    return "<tr>" + "".join(f'<td data-head="{head}">{cell}</td>' for head, cell in cells) + "</tr>"


def build(page: gr.Blocks) -> None:
    with gr.Column(elem_classes="card"):
        gr.HTML('<h2 class="step">Engines</h2>')
        gr.HTML('<p class="note">Nothing is ever downloaded unless you ask for it.</p>')
        listing = gr.HTML(elem_id="engines-table")
        again = gr.Button("Look again", elem_id="engines-refresh", size="sm")
    for event in (page.load, again.click):
        event(table, None, listing, queue=False, show_progress="hidden", api_visibility="private")
