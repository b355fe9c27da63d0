"""Links that open the page with settings: read strictly, since anybody can write one, and made from what is set now.

A link holds settings alone, `?tab=fusion&background=blur&blur=0.8`: no clip, no click, no file, no address. What is not
exactly a setting that its component offers is left out, and said.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any
from urllib.parse import parse_qs, urlencode

import gradio as gr

from avfusion.ui.strings import say, told
from avfusion.ui.words import shortened

TABS = ("compare", "background", "inpaint", "voice", "sounding", "fusion", "engines")
_LINKED = {
    "background": "background-kind", "colour": "background-colour", "blur": "background-blur",
    "edges": "background-edges", "fit": "background-fit", "x": "background-x", "y": "background-y",
    "scale": "background-scale", "loop": "background-loop", "light-wrap": "background-light-wrap",
    "colour-match": "background-colour-match", "quality": "background-quality", "format": "background-format",
    "instead": "inpaint-do", "shadows": "inpaint-shadows", "feather": "inpaint-feather",
    "pitch": "voice-pitch", "semitones": "voice-semitones", "formants": "voice-formant",
    "ambience": "voice-background", "new-background": "fusion-use-background", "take-out": "fusion-use-remove",
    "new-voice": "fusion-use-voice", "file": "fusion-format",
}  # fmt: skip
"""Key in a link -> elem_id of the component that it sets."""

_TAB = "tab"
_MOST_SHOWN, _LONGEST_SHOWN = 5, 24
_COLOUR = re.compile(r"[0-9a-fA-F]{6}")
# What is asked for and the tab that is open are known in the browser.
_ASKED = "() => [window.location.search.slice(1, 4000)]"
_OPEN_TAB = """(_, ...values) => {
  const open = document.querySelector('#tabs [role="tab"][aria-selected="true"]');
  return [(open?.id ?? "").replace(/-tab-button$/, ""), ...values];
}"""
_COPY = """async (query, copied, here) => {
  const address = `${window.location.origin}${window.location.pathname}${query}`;
  try { await navigator.clipboard.writeText(address); } catch { return [address, here, here]; }
  return [address, copied, here];
}"""


@dataclass(frozen=True)
class LinkPart:
    section: gr.Row
    address: gr.Textbox
    close: gr.Button


def linked(page: gr.Blocks) -> dict[str, Any]:
    """Key in a link -> the page's component."""
    by_id = {block.elem_id: block for block in page.blocks.values() if getattr(block, "elem_id", None)}
    return {key: by_id[elem_id] for key, elem_id in _LINKED.items()}


def value_of(component: Any, text: str) -> Any:
    """What a component is set to by the text of a link. Raises `ValueError` for what it does not offer."""
    if isinstance(component, gr.Checkbox):
        return {"1": True, "0": False}[text] if text in ("1", "0") else _refuse(text)
    if isinstance(component, gr.Slider):
        number = float(text) if re.fullmatch(r"-?\d{1,4}(\.\d{1,4})?", text) else math.nan
        return number if component.minimum <= number <= component.maximum else _refuse(text)
    if isinstance(component, gr.ColorPicker):
        return f"#{text.lower()}" if _COLOUR.fullmatch(text) else _refuse(text)
    for _, value in component.choices:
        if str(value) == text:
            return value
    return _refuse(text)


def _refuse(text: str) -> Any:
    raise ValueError(text)


def text_of(component: Any, value: Any) -> str:
    """The text from which `value_of` makes that value; empty for one that cannot stand in a link."""
    if isinstance(component, gr.Checkbox):
        return "1" if value else "0"
    if isinstance(component, gr.Slider):
        return f"{value:.4f}".rstrip("0").rstrip(".")
    return str(value).removeprefix("#")


def read(asked: Mapping[str, Sequence[str]], components: Mapping[str, Any]) -> tuple[str, dict[str, Any], list[str]]:
    """asked: key -> values. The tab (or empty), key -> value to set, and the keys that are left out."""
    tab, values, refused = "", {}, []
    for key, texts in asked.items():
        if key == _TAB and texts[-1] in TABS:
            tab = texts[-1]
        elif key in components and len(texts) == 1:
            try:
                values[key] = value_of(components[key], texts[0])
            except ValueError:
                refused.append(key)
        elif not key.startswith("__"):  # Gradio's own: __theme, __sign
            refused.append(key)
    return tab, values, refused


def query_of(tab: str, values: Mapping[str, Any], components: Mapping[str, Any]) -> str:
    """The part of a link from the question mark on: the tab, and what is not as the page begins with."""
    said = {_TAB: tab} if tab in TABS else {}
    for key, component in components.items():
        text = text_of(component, values[key])
        try:
            is_offered = value_of(component, text) is not None
        except ValueError:
            continue
        if is_offered and text != text_of(component, component.value):
            said[key] = text
    return f"?{urlencode(said)}" if said else ""


def ignored(keys: Sequence[str]) -> str:
    """A line that names what was left out."""
    if not keys:
        return ""
    names = ", ".join(escape(shortened(key, _LONGEST_SHOWN)) for key in keys[:_MOST_SHOWN])
    more = " …" if len(keys) > _MOST_SHOWN else ""
    return f'<p class="note problem" role="status">{told("link-ignored")} {names}{more}</p>'


def link_part() -> LinkPart:
    """Where a link is shown that was made."""
    with gr.Row(visible=False, elem_id="link", elem_classes="link") as section:
        address = gr.Textbox(label=say("link-address"), interactive=False, max_lines=1, elem_id="link-address")
        close = gr.Button(say("link-close"), min_width=80, scale=0, elem_id="link-close")
    return LinkPart(section, address, close)


def wire(page: gr.Blocks, tabs: gr.Tabs, copy: gr.Button, line: gr.HTML, link: LinkPart) -> None:
    """Reads the link by which the page was opened; a press on `copy` makes one. line: where what is wrong is said."""
    components = linked(page)
    hidden: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}

    def restore(asked: str) -> tuple[Any, ...]:
        tab, values, refused = read(parsed(asked), components)
        selected = gr.Tabs(selected=tab) if tab else gr.skip()
        return selected, ignored(refused), *(values.get(key, gr.skip()) for key in components)

    def make(tab: str, *values: Any) -> tuple[str, str, str, Any]:
        query = query_of(tab, dict(zip(components, values, strict=True)), components)
        return query, told("link-copied"), told("link-here"), gr.Row(visible=True)

    asked = gr.Textbox(visible=False)
    copied, here = gr.Textbox(visible=False), gr.Textbox(visible=False)
    page.load(restore, [asked], [tabs, line, *components.values()], js=_ASKED, **hidden)
    made = copy.click(
        make, [asked, *components.values()], [link.address, copied, here, link.section], js=_OPEN_TAB, **hidden
    )
    made.success(None, [link.address, copied, here], [link.address, copied, here], js=_COPY).then(
        lambda said: gr.Textbox(label=said), [copied], [link.address], **hidden
    )
    link.close.click(lambda: gr.Row(visible=False), None, link.section, **hidden)


def parsed(query: str) -> dict[str, list[str]]:
    """A query string -> key -> values; what is more than a link can be is not read."""
    try:
        return parse_qs(query, keep_blank_values=True, max_num_fields=len(_LINKED) + 10, errors="replace")
    except ValueError:
        return {"?": []}
