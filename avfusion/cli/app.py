"""`avfusion app`: the page."""

from __future__ import annotations

import contextlib
import importlib.util
from typing import Annotated

import typer

from avfusion.errors import EngineNotReady, UsageError


def app(
    host: Annotated[str | None, typer.Option(help="Address to listen on; 127.0.0.1 if left out.")] = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port to listen on; the first free one from 7860 if left out.")
    ] = None,
    share: Annotated[bool, typer.Option("--share", help="Make a public link through Gradio.")] = False,
) -> None:
    """Open the page in a browser."""
    if importlib.util.find_spec("gradio") is None:
        raise EngineNotReady("the page needs a package: pip install 'avfusion[ui]'")
    from avfusion.ui.page import build_page, launch

    page = build_page()
    try:
        with contextlib.suppress(KeyboardInterrupt):  # this is how a page ends
            launch(page, host=host, port=port, share=share)
    except OSError as error:  # what Gradio raises when it cannot listen
        raise UsageError(f"the page cannot be served here ({str(error).rstrip('.')}). Try another --port.") from error
