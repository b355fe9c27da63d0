"""Step 3 of the Inpaint tab: which engines there are, and whether any that takes words is ready."""

from __future__ import annotations

from html import escape
from typing import Any

import gradio as gr

from avfusion.engines.catalogue import of_ability
from avfusion.engines.state import state
from avfusion.ui import words
from avfusion.ui.engines import standing

ABILITY = "inpainting"
_NO_WORDS = "No engine that takes words is ready, and to put something else there needs one."


def takes_words() -> bool:
    """Whether an engine is ready that puts there what words say."""
    return any("words" in row.understands and state(row).is_ready for row in of_ability(ABILITY))


def engines_now(do: str, refused: str) -> tuple[Any, Any, Any, str]:
    """The choice of engines, the fields for words, and what there is to download. refused: why nobody can."""
    rows = of_ability(ABILITY)
    ready = {row.name for row in rows if state(row).is_ready}
    choices = [
        ("The best that is ready", "auto"),
        *((row.name if row.name in ready else f"{row.name} (not ready)", row.name) for row in rows),
    ]
    has_words = takes_words()
    fields = gr.update(visible=do == "replace" and has_words)
    return gr.Dropdown(choices=choices), fields, fields, "" if has_words else _waiting(do, refused)


def _waiting(do: str, refused: str) -> str:
    """Engines for words that wait for something. They are shown to those who want to replace."""
    if do != "replace":
        return ""
    rows = "".join(
        f'<li data-row="{escape(row.name)}"><b>{escape(row.name)}</b><div>{standing(row, refused)}</div></li>'
        for row in of_ability(ABILITY)
        if "words" in row.understands
    )
    listed = f'<ul class="others" tabindex="0">{rows}</ul>' if rows else ""
    return words.note(_NO_WORDS) + listed
