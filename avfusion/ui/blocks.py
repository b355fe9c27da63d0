"""Gradio's page, which refuses what it cannot take in with one line."""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.exceptions import InvalidPathError
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from avfusion.errors import AvfusionError

_MISSING = "No value provided for required argument: "


async def say_what_is_missing(request: Request, error: Exception) -> Response:
    """For Gradio's route that takes parameters by their names, which leaves one that is missing to the server's log."""
    if not str(error).startswith(_MISSING):
        raise error
    said = f"{str(error).removeprefix(_MISSING)[:60]} is missing."
    return JSONResponse({"error": said}, status_code=422)


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
