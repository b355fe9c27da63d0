"""Step 2 of the Sounding tab: which engines there are, and those that wait for something, with what that is."""

from __future__ import annotations

from html import escape
from typing import Any

import gradio as gr

from avfusion.engines.catalogue import of_ability
from avfusion.engines.engine import Engine
from avfusion.engines.state import state
from avfusion.ui.engines import standing
from avfusion.ui.strings import say, told

# Those that say what a thing is called, and those that other engines ask, wait for downloads too.
_ABILITIES = ("sounding", "naming", "asking")


def choices(ability: str) -> list[tuple[str, str]]:
    """For the page as it begins."""
    names = [(_label(engine), engine.name) for engine in of_ability(ability)]
    return [(say("sounding-auto"), "auto"), *names]


def engines_now(refused: str) -> tuple[Any, str, str]:
    """The choice of engines, whether any takes words, and those not ready. refused: why nobody can download."""
    rows = of_ability("sounding")
    ready = [row for row in rows if state(row).is_ready]
    names = [(_label(row) if row in ready else f"{row.name} ({told('sounding-unready')})", row.name) for row in rows]
    has_words = any("words" in row.understands for row in ready)
    has_names = any(state(row).is_ready for row in of_ability("naming"))
    lacking = "" if has_words or has_names else f'<p class="note">{told("sounding-no-words")}</p>'
    return gr.Dropdown(choices=[(told("sounding-auto"), "auto"), *names]), lacking, _waiting(refused)


def _label(row: Engine) -> str:
    """Networks in folders of this machine with what they are: nobody knows them by their names alone."""
    return f"{row.name}: {row.words}" if row.folder else row.name


def _waiting(refused: str) -> str:
    lacking = [row for ability in _ABILITIES for row in of_ability(ability) if not state(row).is_ready]
    rows = "".join(
        f'<li data-row="{escape(row.name)}"><b>{escape(row.name)}</b><div>{standing(row, refused)}</div></li>'
        for row in lacking
    )
    if not rows:
        return f'<p class="note">{told("sounding-all-ready")}</p>'
    return f'<ul class="others" tabindex="0">{rows}</ul>'
