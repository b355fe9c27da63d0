"""The whole page: its tabs, its endpoints, and how it is launched."""

from __future__ import annotations

import importlib.util
import os

import gradio as gr

from avfusion.engines.downloads import to_preload
from avfusion.jobs.home import clean, home
from avfusion.ui import background, colours, compare, endpoints, engines, example, inpaint, voice
from avfusion.ui.blocks import Page
from avfusion.ui.downloads import DOWNLOADS
from avfusion.ui.theme import STYLE, theme

_MAX_UPLOAD = "2gb"
# Gradio looks through its cache every so many seconds for files older than so many seconds.
_CACHE_S = (600, 3 * 3600)
_JOBS_S = 24 * 3600


def build_page() -> gr.Blocks:
    """The page, not launched yet."""
    runs_at_once = max(1, (os.cpu_count() or 2) // 2)
    with Page(title="AVFusion", analytics_enabled=False, delete_cache=_CACHE_S) as page:
        gr.HTML(
            '<header class="top"><h1>AVFusion</h1>'
            "<p>Your clip with another background, without an object, or with another voice.</p></header>"
        )
        with gr.Tabs(elem_id="tabs", selected="background") as tabs:
            # Compare hands masks on to the tabs after it, which must be there first.
            with gr.Tab("Compare", id="compare", elem_id="compare-tab") as compare_tab:
                pass
            with gr.Tab("Background", id="background", elem_id="background-tab"):
                targets = [background.build(page, runs_at_once=runs_at_once)]
            with gr.Tab("Inpaint", id="inpaint", elem_id="inpaint-tab") as inpaint_tab:
                targets.append(inpaint.build(page, inpaint_tab, targets[0].place, runs_at_once=runs_at_once))
            with gr.Tab("Voice", id="voice", elem_id="voice-tab") as voice_tab:
                voice.build(page, voice_tab, runs_at_once=runs_at_once)
            with gr.Tab("Engines", id="engines", elem_id="engines-tab") as engines_tab:
                engines.build(page, engines_tab)
            with compare_tab:
                compare.build(page, compare_tab, tabs, targets, runs_at_once=runs_at_once)
        endpoints.build(runs_at_once=runs_at_once)
    page.queue(max_size=64)
    return page


def launch(page: gr.Blocks, *, host: str | None = None, port: int | None = None, share: bool = False) -> None:
    """Serves the page until it is stopped. host, port: Gradio's own choice if left out.

    What AVFUSION_PRELOAD names is fetched meanwhile. Raises `UnknownEngine` for a name that is none.
    """
    DOWNLOADS.start(to_preload())
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    clean(_JOBS_S)
    page.launch(
        server_name=host,
        server_port=port,
        share=share,
        theme=theme(),
        css=colours.style(),
        css_paths=STYLE,
        allowed_paths=[str(home() / "jobs"), str(example.ASSETS)],
        max_file_size=_MAX_UPLOAD,
        show_error=False,
        footer_links=["api", "settings"],
        ssr_mode=False,
        mcp_server=importlib.util.find_spec("mcp") is not None,
    )
