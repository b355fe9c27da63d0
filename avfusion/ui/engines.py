"""The Engines tab: what there is, what is ready, why not, and a button that fetches what is missing."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import gradio as gr

from avfusion.engines.catalogue import rows
from avfusion.engines.downloads import PRELOAD_VARIABLE
from avfusion.engines.engine import Engine
from avfusion.engines.state import size, state
from avfusion.errors import EngineNotReady
from avfusion.ui import words
from avfusion.ui.downloads import DOWNLOADS, Download, refusal
from avfusion.ui.object_part import script

_ABILITIES = {
    "segmentation": "Clicks or words to a mask",
    "tracking": "The mask through the clip",
    "inpainting": "What is behind an object, or something else there",
    "voice": "Another voice",
    "separation": "Voice and background apart",
    "pitch": "The pitch of a voice",
    "sounding": "What in the picture makes the sound",
    "naming": "What a thing is called",
    "asking": "Questions about pictures, answered for engines that ask",
}
_HEADS = ("Engine", "What it is", "Download", "Memory", "Device", "Licence", "State")
_LOOK_EVERY_S = 0.7


def table(refused: str) -> str:
    """The engines by ability, as they are at this moment. refused: why nobody can download."""
    engines = rows()
    abilities = dict.fromkeys(engine.ability for engine in engines)
    body = "".join(
        f'<tr class="ability"><th colspan="{len(_HEADS)}">{escape(_ABILITIES.get(ability, ability))}</th></tr>'
        + "".join(_row(engine, refused) for engine in engines if engine.ability == ability)
        for ability in abilities
    )
    heads = "".join(f"<th>{head}</th>" for head in _HEADS)
    return f'<table class="engines"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>'


def _row(engine: Engine, refused: str) -> str:
    cells = (
        f"<b>{escape(engine.name)}</b>",
        escape(engine.words),
        escape(size(engine.download_bytes)) if engine.download_bytes else "none",
        escape(size(engine.peak_memory_bytes)),
        "cuda, mps or cpu" if "torch" in engine.packages else "cpu",
        escape(engine.licence),
        standing(engine, refused),
    )
    columns = zip(_HEADS, cells, strict=True)
    name = escape(engine.name)
    return f'<tr data-row="{name}">' + "".join(f'<td data-head="{h}">{cell}</td>' for h, cell in columns) + "</tr>"


def standing(engine: Engine, refused: str = "") -> str:
    """Whether the engine is ready; if not, why, how far its download is, and the button that starts or stops it."""
    found, download = state(engine), DOWNLOADS.of(engine.name)
    if found.is_ready:
        return '<span class="state good">ready</span>'
    if download is not None and download.is_alive:
        return _under_way(engine, download) + ("" if refused else _button(engine, "stop", "Stop"))
    reason = found.words
    button = ""
    if found.kind == "needs download":
        reason = f"needs a download of {size(engine.download_bytes)}" if refused else "needs a download"
        button = "" if refused else _button(engine, "download", _again(engine, download))
    problem = words.problem(EngineNotReady(download.problem)) if download and download.problem else ""
    return f'<span class="state problem">{_with_links(reason)}</span>{button}{problem}'


def _again(engine: Engine, download: Download | None) -> str:
    if download is None or download.stage == "done":
        return f"Download {size(engine.download_bytes)}"
    return "Go on" if download.stage == "stopped" else "Try again"


def _under_way(engine: Engine, download: Download) -> str:
    if download.stage == "waiting" or not download.total_bytes:
        said, part = "waiting" if download.stage == "waiting" else "connecting", 0.0
    else:
        part = min(1.0, download.done_bytes / download.total_bytes)
        said = f"{size(download.done_bytes)} of {size(download.total_bytes)}"
    return words.bar(part, f"Downloading {engine.name}", said)


def _button(engine: Engine, does: str, label: str) -> str:
    name = escape(engine.name)
    return (
        f'<button type="button" class="small" data-does="{does}" data-engine="{name}" '
        f'aria-label="{label} {name}">{label}</button>'
    )


def _with_links(text: str) -> str:
    return re.sub(r"(https://[^\s,]+)", r'<a href="\1" target="_blank" rel="noreferrer">\1</a>', escape(text))


def refused_on(page: gr.Blocks) -> str:
    """Why visitors of a page that has been launched may not start downloads; nothing if they may."""
    return refusal(getattr(page, "server_name", None), is_shared=page.share)


def build(page: gr.Blocks, tab: gr.Tab) -> None:
    with gr.Column(elem_classes="card"):
        gr.HTML('<h2 class="step">Engines</h2>')
        note = gr.HTML(elem_id="engines-note")
        listing = download_list("engines-table")
        again = gr.Button("Look again", elem_id="engines-refresh", size="sm")

    def shows() -> tuple[str, str]:
        refused = refused_on(page)
        return table(refused), words.note(_about_downloads(refused))

    show = wire_downloads(page, listing, shows, [], [listing, note])
    for event in (page.load, again.click, tab.select):
        show(event)


def _about_downloads(refused: str) -> str:
    asked = f"Nothing is ever downloaded unless you ask for it, or {PRELOAD_VARIABLE} names it."
    return f"{asked} {refused}" if refused else f"{asked} What was stopped goes on later from where it was."


def download_list(elem_id: str) -> gr.HTML:
    """An HTML component whose buttons, made by `standing`, start and stop downloads."""
    return gr.HTML(js_on_load=script("downloads.js"), apply_default_css=False, elem_id=elem_id)


def wire_downloads(
    page: gr.Blocks, listing: gr.HTML, shows: Callable[..., Sequence[Any]], inputs: list[Any], outputs: list[Any]
) -> Callable[[Any], Any]:
    """Lets the buttons in `listing` work and keeps `outputs` fresh while something is downloaded.

    shows(*inputs): the values of `outputs`. What is returned adds them to another event.
    """
    timer = gr.Timer(_LOOK_EVERY_S, active=False)
    hidden: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}

    def fresh(*values: Any) -> tuple[Any, ...]:
        return gr.Timer(active=DOWNLOADS.is_busy), *shows(*values)

    def ask(event: gr.EventData) -> None:
        name, does = str(event.engine), str(event.does)
        if does == "stop" and not refused_on(page):
            DOWNLOADS.stop(name)
        elif does == "download" and not refused_on(page) and any(name == engine.name for engine in rows()):
            DOWNLOADS.start([name])

    def show(event: Any) -> Any:
        return event(fresh, inputs, [timer, *outputs], **hidden)

    show(listing.ask(ask, None, None, **hidden).then)
    show(timer.tick)
    return show
