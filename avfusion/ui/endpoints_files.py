"""The files that programs hand to an endpoint: uploaded, at an address, or in the request itself."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import mimetypes
import secrets
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import gradio as gr
from gradio.data_classes import FileData, GradioRootModel
from gradio.utils import get_upload_folder, is_in_or_equal

from avfusion.errors import UsageError
from avfusion.media.limits import Limits, check_bytes
from avfusion.ui.endpoints_fetch import fetch

# As Gradio describes a file, without references to elsewhere in the description: MCP clients cannot follow them.
_SCHEMA: dict[str, Any] = {
    "title": "FileData",
    "type": "object",
    "properties": {
        "path": {"title": "Path", "type": "string"},
        "meta": {"properties": {"_type": {"const": "gradio.FileData", "type": "string"}}, "type": "object"},
    },
    "required": ["path"],
}
_UPLOADED = "/gradio_api/file="


class _OneOrMore(GradioRootModel):  # type: ignore[misc]
    """Files that Gradio took in, or addresses of files."""

    root: FileData | str | list[FileData | str]


def single_file(name: str, says: str) -> gr.File:
    """A component for a parameter that is one file."""
    return _taking_in(gr.File(label=name), {**_SCHEMA, "additional_description": says})


def several_files(name: str, says: str) -> gr.File:
    """As `single_file`, for any number of them; one need not be in a list."""
    schema = {"title": "ListFiles", "type": "array", "items": _SCHEMA, "additional_description": says}
    return _taking_in(gr.File(label=name, file_count="multiple"), schema)


def _taking_in(component: gr.File, schema: dict[str, Any]) -> gr.File:
    taken_in: Callable[[Any], Awaitable[str | None]] = component.async_move_resource_to_block_cache

    async def take_in(where: Any) -> str | None:
        if not str(where).startswith(("http://", "https://")):
            return await taken_in(where)
        path = uploaded(str(where)) or str(await fetch(str(where), _new_folder()))
        component.temp_files.add(path)
        return path

    component.data_model = _OneOrMore
    # Gradio looks these up in the component: a class of our own would have it write a stub file beside the source.
    component.api_info = lambda: schema  # type: ignore[method-assign]
    component.async_move_resource_to_block_cache = take_in  # type: ignore[assignment,method-assign]
    return component


def uploaded(address: str) -> str | None:
    """The path of a file that was uploaded to this page, from the address under which the page serves it."""
    _, is_served, path = unquote(urlparse(address).path).partition(_UPLOADED)
    if is_served and is_in_or_equal(path, get_upload_folder()) and Path(path).is_file():
        return path
    return None


def _new_folder() -> Path:
    """Among the uploads, where Gradio clears up."""
    folder = Path(get_upload_folder()) / secrets.token_hex(16)
    folder.mkdir(parents=True)
    return folder


class Given:
    """The files of one call. paths: where they lie, which nobody outside is told."""

    def __init__(self, folder: Path) -> None:
        self.paths: list[str] = []
        self._folder = folder

    def take(self, name: str, value: Any, *, one: bool = False) -> list[str]:
        """The paths of what was given as `name`. Raises `UsageError`, `CannotRead` and `TooLarge`."""
        entries = value if isinstance(value, list) else [value]
        entries = [entry for entry in entries if entry not in (None, "")]
        if one and len(entries) > 1:
            raise UsageError(f"{name} is one file, and {len(entries)} were given.")
        taken = [entry["path"] if isinstance(entry, dict) else self._of_words(name, entry) for entry in entries]
        self.paths += taken
        for path in taken:
            if not Path(path).is_file():
                raise UsageError(f"{path}: this is no file.")
            check_bytes(Path(path), Limits())
        return taken

    def _of_words(self, name: str, words: str) -> str:
        if words.startswith("data:"):
            return str(self._decoded(name, words))
        if words.startswith(("http://", "https://")):
            return uploaded(words) or str(asyncio.run(fetch(words, self._folder)))
        raise UsageError(f"{name} is text. Give the file itself: gradio_client uploads it with handle_file(path).")

    def _decoded(self, name: str, words: str) -> Path:
        head, _, body = words.partition(",")
        kind = head.removeprefix("data:").removesuffix(";base64")
        path = self._folder / f"{name}-{len(self.paths) + 1}{mimetypes.guess_extension(kind) or ''}"
        try:
            path.write_bytes(base64.b64decode(body, validate=True))
        except binascii.Error as error:
            raise UsageError(f"{name} begins with data: and is not in base64.") from error
        return path


@contextlib.contextmanager
def given_paths() -> Iterator[Given]:
    """What came in the request itself, or from an address, goes when the block ends."""
    with tempfile.TemporaryDirectory(prefix="avfusion-") as folder:
        yield Given(Path(folder))
