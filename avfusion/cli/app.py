"""`avfusion app`: the page."""

from __future__ import annotations

from typing import Annotated

import typer


def app(
    host: Annotated[str, typer.Option(help="The address to listen on; 0.0.0.0 for every one.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port to listen on.")] = 7860,
    share: Annotated[bool, typer.Option("--share", help="Make a public link through Gradio.")] = False,
) -> None:
    """Open the page in a browser."""
    from avfusion.ui.page import build_page, launch

    launch(build_page(), host=host, port=port, share=share)
