"""The whole page: its tabs, its endpoints, and how it is launched."""

from __future__ import annotations

import importlib.util
import os

import gradio as gr

from avfusion.engines.downloads import to_preload
from avfusion.jobs.home import clean, home
from avfusion.ui import background, colours, compare, endpoints, engines, example, fusion, inpaint, voice
from avfusion.ui.blocks import Page
from avfusion.ui.downloads import DOWNLOADS
from avfusion.ui.strings import languages, say
from avfusion.ui.theme import STYLES, theme

_MAX_UPLOAD = "2gb"
# Gradio looks through its cache every so many seconds for files older than so many seconds.
_CACHE_S = (600, 3 * 3600)
_JOBS_S = 24 * 3600


def build_page() -> gr.Blocks:
    """The page, not launched yet."""
    runs_at_once = max(1, (os.cpu_count() or 2) // 2)
    with Page(title="AVFusion", analytics_enabled=False, delete_cache=_CACHE_S) as page:
        gr.HTML(f'<header class="top"><h1>AVFusion</h1><p>{say("page-title")}</p></header>')
        with gr.Tabs(elem_id="tabs", selected="background") as tabs:
            # Compare hands masks on to the tabs after it, which must be there first.
            with _tab("compare") as compare_tab:
                pass
            with _tab("background"):
                clips, behind = background.build(page, runs_at_once=runs_at_once)
            with _tab("inpaint") as inpaint_tab:
                target, taken_out = inpaint.build(page, inpaint_tab, clips.place, runs_at_once=runs_at_once)
            with _tab("voice") as voice_tab:
                spoken = voice.build(page, voice_tab, runs_at_once=runs_at_once)
            with _tab("fusion") as fusion_tab:
                fusion.build(fusion_tab, tabs, clips, behind, taken_out, spoken, runs_at_once=runs_at_once)
            with _tab("engines") as engines_tab:
                engines.build(page, engines_tab)
            with compare_tab:
                compare.build(page, compare_tab, tabs, [clips, target], runs_at_once=runs_at_once)
        endpoints.build(runs_at_once=runs_at_once)
    page.queue(max_size=64)
    return page


def _tab(name: str) -> gr.Tab:
    return gr.Tab(say(f"tab-{name}"), id=name, elem_id=f"{name}-tab")


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
        i18n=languages(),
        css=colours.style(),
        css_paths=STYLES,
        allowed_paths=[str(home() / "jobs"), str(example.ASSETS)],
        max_file_size=_MAX_UPLOAD,
        show_error=False,
        footer_links=["api", "settings"],
        ssr_mode=False,
        mcp_server=importlib.util.find_spec("mcp") is not None,
    )
