"""Writes the tables of docs/interfaces.md from the endpoints' own descriptions: python docs/make_interfaces.py"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from avfusion.ui.endpoints import ENDPOINTS
from avfusion.ui.endpoints_asked import Asked, File, Files, Json, asked_by

PAGE = Path(__file__).with_name("interfaces.md")
MARK = "<!-- made by docs/make_interfaces.py -->\n"
LONG = 120
WORDS = {str: "text", int: "whole number", float: "number", bool: "true or false"}


def made(page: str) -> str:
    """The page with its tables as the code has them now."""
    return page[: page.index(MARK)] + MARK + "".join(f"\n{section(function)}" for function in ENDPOINTS)


def section(function: Callable[..., Any]) -> str:
    said, _, returned = inspect.cleandoc(function.__doc__ or "").partition("Returns:")
    rows = [f"| `{one.name}` | {kind(one)} | {default(one)} | {words(function, one)} |" for one in asked_by(function)]
    return "\n".join(
        [
            f"### /{function.__name__}", "", " ".join(said.split()), "",
            "| parameter | is | without | says |", "| --- | --- | --- | --- |", *rows, "",
            f"Gives: {' '.join(returned.split())}", "",
        ]
    )  # fmt: skip


def words(function: Callable[..., Any], one: Asked) -> str:
    """What is long is said once."""
    for earlier in ENDPOINTS[: ENDPOINTS.index(function)]:
        if len(one.says.words) > LONG and one.says in [other.says for other in asked_by(earlier)]:
            return f"as for /{earlier.__name__}."
    return one.says.words


def kind(one: Asked) -> str:
    if isinstance(one.says, File | Files):
        return "file" if isinstance(one.says, File) else "files"
    if isinstance(one.says, Json):
        return "JSON"
    return ", ".join(f"`{choice}`" for choice in one.choices) or WORDS[one.kind]


def default(one: Asked) -> str:
    if one.is_required:
        return ""
    if isinstance(one.default, bool):
        return str(one.default).lower()
    return "nothing" if one.default in (None, "") else f"{one.default:g}" if one.kind is float else str(one.default)


if __name__ == "__main__":
    PAGE.write_text(made(PAGE.read_text()))
