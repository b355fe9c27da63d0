"""Gradio's page, which refuses what it cannot take in with one line."""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.exceptions import InvalidPathError
from pydantic import ValidationError

from avfusion.errors import AvfusionError


class Page(gr.Blocks):
    """What comes in may be anything: whoever sends it reads what is wrong, and the log is no place for it."""

    async def preprocess_data(self, *args: Any, **kwargs: Any) -> Any:
        """As Gradio's own. Raises `gr.Error` where that fails in ways of its own, with traces in the log."""
        try:
            return await super().preprocess_data(*args, **kwargs)
        except gr.Error:
            raise
        except AvfusionError as error:
            said = str(error)
        except InvalidPathError:
            said = "A file was named that was not uploaded here. Upload it first."
        except ValidationError:
            said = "A file was given in a form that is unknown here. gradio_client gives files with handle_file(path)."
        except (ValueError, TypeError, OSError):
            said = "What was given cannot be read here. Give a file or a value of a fitting kind."
        raise gr.Error(said, print_exception=False)
