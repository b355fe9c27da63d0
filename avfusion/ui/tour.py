"""The tour: an invitation at the top of the page, and three steps that show where things are."""

from __future__ import annotations

import gradio as gr

from avfusion.ui.object_part import script
from avfusion.ui.strings import told

# Of each step: the tab that is opened, and what is pointed out there.
_STEPS = (("background", "#background-frame"), ("background", "#background-kind"), ("fusion", "#fusion-run"))


def build(page: gr.Blocks) -> None:
    """The script is `tour.js`; whoever has seen or declined it is not asked again in that browser."""
    shown = gr.HTML(js_on_load=script("tour.js"), apply_default_css=False, elem_id="tour")
    page.load(markup, None, shown, queue=False, show_progress="hidden", api_visibility="private")


def markup() -> str:
    steps = "".join(
        f'<div class="text" data-tab="{tab}" data-at="{place}" hidden><b>{told(f"tour-{number}-head")}</b>'
        f"<p>{told(f'tour-{number}')}</p></div>"
        for number, (tab, place) in enumerate(_STEPS, 1)
    )
    return (
        f'<div class="invitation" hidden><span>{told("tour-asks")}</span>'
        f"{_button('start', 'tour-start')}{_button('end', 'tour-no', 'plain')}</div>"
        f'<section class="tour" role="dialog" aria-label="{told("tour-name")}" hidden>'
        f'<div aria-live="polite">{steps}</div><div class="moves">{_button("back", "tour-back", "plain")}'
        f"{_button('next', 'tour-next')}{_button('end', 'tour-end', 'plain')}</div></section>"
    )


def _button(does: str, key: str, kind: str = "") -> str:
    return f'<button type="button" class="small {kind}" data-tour="{does}">{told(key)}</button>'
