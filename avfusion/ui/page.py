"""The whole page: its tabs, its endpoints, and how it is launched."""

from __future__ import annotations

import importlib.util
import os

import gradio as gr
from starlette.middleware import Middleware

from avfusion.engines.devices import is_lent
from avfusion.engines.downloads import to_preload
from avfusion.engines.memory import check_variables, few_arenas
from avfusion.jobs.home import home
from avfusion.media.limits import enforce
from avfusion.ui import (
    background,
    colours,
    compare,
    endpoints,
    engines,
    example,
    fusion,
    inpaint,
    links,
    sounding,
    tour,
    uploads,
    voice,
)
from avfusion.ui.blocks import Page, say_what_is_missing
from avfusion.ui.budget import BUDGET
from avfusion.ui.disk import DISK, keep_uploads_at_home
from avfusion.ui.downloads import DOWNLOADS
from avfusion.ui.fusion_layout import unfinished_part
from avfusion.ui.gpu_turns import lent_turn
from avfusion.ui.guard import Guard
from avfusion.ui.limits import OFF, page_limits
from avfusion.ui.strings import languages, say
from avfusion.ui.theme import STYLES, theme
from avfusion.ui.turns import TURNS

# Gradio looks through its cache every so many seconds for files older than so many seconds.
_CACHE_S = (600, 3 * 3600)
# Runs wait in the page's own queue, which says how long; Gradio lets all of them in, and needs a thread for each.
_RUNS_KNOWN, _OTHER_THREADS = 128, 64

# A frame of film, and a wave through it.
_LOGO = (
    '<svg viewBox="0 0 34 34" aria-hidden="true"><rect x="1" y="1" width="32" height="32" rx="9" fill="#4f46e5"/>'
    '<path d="M6 17h4l3-8 5 16 4-11 2 3h4" fill="none" stroke="white" stroke-width="2.6" stroke-linecap="round" '
    'stroke-linejoin="round"/></svg>'
)


def build_page() -> gr.Blocks:
    """The page, not launched yet."""
    runs_at_once = _RUNS_KNOWN
    keep_uploads_at_home()
    if is_lent():
        lent_turn()
    with Page(title="AVFusion", analytics_enabled=False, delete_cache=_CACHE_S) as page:
        with gr.Row(elem_id="top"):
            gr.HTML(f'<header class="top">{_LOGO}<h1>AVFusion</h1><p>{say("page-title")}</p></header>')
            gr.Button(say("tour-open"), min_width=0, scale=0, elem_id="tour-open")
            copy = gr.Button(say("link-copy"), min_width=0, scale=0, elem_id="link-copy")
        tour.build(page)
        uploads.build(page)
        line = gr.HTML(elem_id="link-line")
        link = links.link_part()
        unfinished = unfinished_part()
        with gr.Tabs(elem_id="tabs", selected="background") as tabs:
            # Compare hands masks on to tabs after it, which must be there first.
            with _tab("compare") as compare_tab:
                pass
            with _tab("background"):
                clips, behind = background.build(page, runs_at_once=runs_at_once)
            with _tab("inpaint") as inpaint_tab:
                target, taken_out = inpaint.build(page, inpaint_tab, clips.place, runs_at_once=runs_at_once)
            with _tab("voice") as voice_tab:
                spoken = voice.build(page, voice_tab, runs_at_once=runs_at_once)
            with _tab("sounding") as sounding_tab:
                sounding.build(page, sounding_tab, tabs, behind.visit, [clips, target], runs_at_once=runs_at_once)
            with _tab("fusion") as fusion_tab:
                fusion.build(
                    page, fusion_tab, tabs, clips, behind, taken_out, spoken, unfinished, runs_at_once=runs_at_once
                )
            with _tab("engines") as engines_tab:
                engines.build(page, engines_tab)
            with compare_tab:
                compare.build(page, compare_tab, tabs, [clips, target], runs_at_once=runs_at_once)
        links.wire(page, tabs, copy, line, link)
        endpoints.build(runs_at_once=runs_at_once)
    page.queue(max_size=64)
    return page


def _tab(name: str) -> gr.Tab:
    return gr.Tab(say(f"tab-{name}"), id=name, elem_id=f"{name}-tab")


def launch(page: gr.Blocks, *, host: str | None = None, port: int | None = None, share: bool = False) -> None:
    """Serves the page until it is stopped. host, port: Gradio's own choice if left out.

    What AVFUSION_PRELOAD names is fetched meanwhile. Raises `UnknownEngine` for a name that is none, and `UsageError`
    for a variable that says nonsense.
    """
    limits = page_limits(is_shared=share)
    check_variables()
    few_arenas()
    enforce(limits.of_files)
    TURNS.allow(limits.runs_at_once, limits.waiting)
    BUDGET.allow(limits.run_seconds, limits.visitor_seconds_per_hour)
    DOWNLOADS.start(to_preload())
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    DISK.watch(limits.disk_gb * 1e9, limits.keep_hours * 3600)
    page.launch(
        server_name=host,
        server_port=port,
        share=share,
        theme=theme(),
        i18n=languages(),
        css=colours.style(),
        css_paths=STYLES,
        allowed_paths=[str(home() / "jobs"), str(example.ASSETS)],
        max_file_size=None if limits.upload_mb == OFF else round(limits.upload_mb * 1e6),
        max_threads=_RUNS_KNOWN + _OTHER_THREADS,
        app_kwargs={"middleware": [Middleware(Guard)], "exception_handlers": {TypeError: say_what_is_missing}},
        enable_monitoring=False,
        show_error=False,
        footer_links=["api", "settings"],
        ssr_mode=False,
        mcp_server=importlib.util.find_spec("mcp") is not None,
        # Otherwise Gradio asks its own page for an answer within 3 s, and gives up where the machine is busy.
        _frontend=False,
    )
