"""What an endpoint takes, read off its signature: what programs are told of it, and values that were checked."""

from __future__ import annotations

import functools
import inspect
import json
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import gradio as gr

from avfusion.errors import AvfusionError, UsageError
from avfusion.ui.endpoints_files import Given, given_paths, several_files, single_file
from avfusion.ui.endpoints_running import Made, by_name, refusal

# What a program says in words is a line; the points of a clip may be thousands.
_LONGEST_TEXT = 2_000
_LONGEST_JSON = 2_000_000
_LARGEST = 2**53


@dataclass(frozen=True)
class Says:
    """What programs read about a parameter: `Annotated[int, Says("...")]`."""

    words: str


@dataclass(frozen=True)
class File(Says):
    """The parameter is one of the caller's files, and arrives as its path."""


@dataclass(frozen=True)
class Files(Says):
    """Some of the caller's files, or one; they arrive as a list of paths."""


@dataclass(frozen=True)
class Json(Says):
    """Text in JSON, or what it stands for; it arrives as text."""


@dataclass(frozen=True)
class Asked:
    """One parameter. choices: the words it may be, none for any."""

    name: str
    kind: type
    says: Says
    default: Any = inspect.Parameter.empty
    choices: tuple[str, ...] = ()

    @property
    def is_required(self) -> bool:
        return self.default is inspect.Parameter.empty


def asked_by(function: Callable[..., Any]) -> tuple[Asked, ...]:
    """The parameters of an endpoint; each is `Annotated` with what it says."""
    hints = get_type_hints(function, include_extras=True)
    return tuple(_asked(name, hints[name], one.default) for name, one in inspect.signature(function).parameters.items())


def _asked(name: str, hint: Any, default: Any) -> Asked:
    assert get_origin(hint) is Annotated, name
    inner, says = get_args(hint)
    if get_origin(inner) in (Union, types.UnionType):
        (inner,) = (one for one in get_args(inner) if one is not type(None))
    choices = get_args(inner) if get_origin(inner) is Literal else ()
    kind = str if choices else list if get_origin(inner) is list else inner
    return Asked(name, kind, says, default, choices)


def described(function: Callable[..., Any]) -> str:
    """The docstring that Gradio reads, which takes one line for each parameter."""
    said, _, returned = inspect.cleandoc(function.__doc__ or "").partition("Returns:")
    lines = [said.strip(), "", "Args:", *(f"    {one.name}: {one.says.words}" for one in asked_by(function))]
    return "\n".join([*lines, "", "Returns:", f"    {' '.join(returned.split())}"])


def endpoint(function: Callable[..., Made], gives: Sequence[Any], **event: Any) -> None:
    """Makes the function an endpoint of the page and a tool of the MCP server, under its own name.

    gives: components for the file and the report.
    """
    takes = [_component(one) for one in asked_by(function)]
    gr.Button().click(called(function), takes, list(gives), api_name=function.__name__, preprocess=False, **event)


def called(function: Callable[..., Made]) -> Callable[..., Made]:
    """The function, called with what came in, in its parameters' order: each value is checked first.

    It may raise `AvfusionError`, which becomes `gr.Error`. In messages, as in the report, files have their names alone.
    """
    asked = asked_by(function)

    @functools.wraps(function)
    def checking(*values: Any) -> Made:
        with given_paths() as given:
            try:
                checked = {one.name: _checked(one, value, given) for one, value in zip(asked, values, strict=True)}
                for file, report in function(**checked):
                    yield file, json.loads(by_name(json.dumps(report), given.paths))
            except AvfusionError as error:
                raise refusal(by_name(str(error), given.paths)) from error

    checking.__doc__ = described(function)
    return checking


def _component(asked: Asked) -> Any:
    """A component that nobody sees, which stands for the parameter in Gradio's description."""
    if isinstance(asked.says, File | Files):
        make = single_file if isinstance(asked.says, File) else several_files
        return make(asked.name, asked.says.words)
    value = None if asked.is_required else asked.default
    made: Any
    if asked.choices:
        made = gr.Dropdown(list(asked.choices), value=value, label=asked.name)
    elif asked.kind is bool:
        made = gr.Checkbox(bool(value), label=asked.name)
    elif asked.kind in (int, float):
        made = gr.Number(value, label=asked.name, precision=0 if asked.kind is int else None)
    else:
        made = gr.Textbox(value, label=asked.name)
    info = {**made.api_info(), "additional_description": asked.says.words}
    made.api_info = lambda: info
    return made


def _checked(asked: Asked, value: Any, given: Given) -> Any:
    """The value as the function takes it. Raises `UsageError`."""
    if isinstance(asked.says, File | Files):
        paths = given.take(asked.name, value, one=isinstance(asked.says, File))
        if not paths and asked.is_required:
            raise UsageError(f"There is no {asked.name}. Give a file.")
        return paths if isinstance(asked.says, Files) else paths[0] if paths else None
    if value is None and not asked.is_required:
        return asked.default
    if isinstance(asked.says, Json) and not isinstance(value, str):
        value = _as_json(asked, value)
    if asked.kind is str:
        return _text(asked, value)
    if asked.kind is bool:
        if not isinstance(value, bool):
            raise UsageError(f"{asked.name} is {_short(value)}. Give true or false.")
        return value
    return _number(asked, value)


def _as_json(asked: Asked, value: Any) -> str:
    try:
        return json.dumps(value)
    except RecursionError as error:
        raise UsageError(f"{asked.name}: this is nested too deeply.") from error


def _text(asked: Asked, value: Any) -> str:
    if asked.choices:
        if value not in asked.choices:
            raise UsageError(f"{asked.name} is {_short(value)}. Give one of {', '.join(asked.choices)}.")
        return str(value)
    if not isinstance(value, str):
        raise UsageError(f"{asked.name} is {_short(value)}. Give text.")
    longest = _LONGEST_JSON if isinstance(asked.says, Json) else _LONGEST_TEXT
    if len(value) > longest:
        raise UsageError(f"{asked.name} has {len(value)} characters, and may have {longest}.")
    if "\0" in value:
        raise UsageError(f"{asked.name} holds a NUL character. Leave it out.")
    return value


def _number(asked: Asked, value: Any) -> int | float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST
    if asked.kind is int:
        if not is_number or value != int(value):
            raise UsageError(f"{asked.name} is {_short(value)}. Give a whole number.")
        return int(value)
    if not is_number:
        raise UsageError(f"{asked.name} is {_short(value)}. Give a number.")
    return float(value)


def _short(value: Any) -> str:
    """As it may be said back to whoever gave it."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
