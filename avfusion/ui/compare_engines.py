"""Step 3 of the Compare tab: the engines that can be ticked, and those that wait for something, with what that is."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import gradio as gr

from avfusion.engines.catalogue import of_ability
from avfusion.engines.engine import Engine
from avfusion.engines.state import state
from avfusion.ui.engines import standing

# More at once take long on a small machine, and the visitor may tick them.
_TICKED_AT_FIRST = 4


def ability_of(span: str) -> str:
    return "tracking" if span == "clip" else "segmentation"


def engines_for(span: str, refused: str) -> tuple[Any, str]:
    """Check boxes and the list of the others, for one frame or the whole clip; the best that are ready are ticked."""
    ready, others = _sorted(span)
    names = [engine.name for engine in ready]
    boxes = gr.CheckboxGroup(choices=_choices(ready), value=names[:_TICKED_AT_FIRST])
    return boxes, _waiting(others, refused)


def engines_again(span: str, refused: str) -> tuple[Any, str]:
    """The same after a while: what is ticked stays ticked."""
    ready, others = _sorted(span)
    return gr.CheckboxGroup(choices=_choices(ready)), _waiting(others, refused)


def _sorted(span: str) -> tuple[list[Engine], list[Engine]]:
    """Those that are ready, and the others."""
    engines = of_ability(ability_of(span))
    ready = [engine for engine in engines if state(engine).is_ready]
    return ready, [engine for engine in engines if engine not in ready]


def _choices(ready: Sequence[Engine]) -> list[tuple[str, str]]:
    return [(f"{engine.name} · {' or '.join(engine.understands)}", engine.name) for engine in ready]


def _waiting(others: Sequence[Engine], refused: str) -> str:
    if not others:
        return ""
    rows = "".join(
        f'<li data-row="{escape(engine.name)}"><b>{escape(engine.name)}</b><div>{standing(engine, refused)}</div></li>'
        for engine in others
    )
    return f'<h3 class="part">Not ready</h3><ul class="others" tabindex="0">{rows}</ul>'
