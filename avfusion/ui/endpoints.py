"""What programs call, with `gradio_client` or as tools of the MCP server, and what they are told of it."""

from __future__ import annotations

from typing import Any

import gradio as gr

from avfusion.ui.endpoints_asked import endpoint
from avfusion.ui.endpoints_compare import compare
from avfusion.ui.endpoints_fuse import fuse
from avfusion.ui.endpoints_locate import locate
from avfusion.ui.endpoints_remove import remove
from avfusion.ui.endpoints_replay import replay
from avfusion.ui.endpoints_segment import segment
from avfusion.ui.endpoints_swap import swap
from avfusion.ui.endpoints_voice import voice

ENDPOINTS = (swap, segment, remove, voice, fuse, locate, compare, replay)


def build(*, runs_at_once: int) -> None:
    """Components nobody sees: they say what the endpoints take and give, and check that files are the caller's own."""
    shared: dict[str, Any] = {"concurrency_id": "render", "concurrency_limit": runs_at_once}
    with gr.Row(visible=False):
        gives = [gr.File(label="file"), gr.JSON(label="report")]
        for function in ENDPOINTS:
            endpoint(function, gives, **shared)
