"""Frozen dataclasses of settings <-> what JSON can hold, strict on the way back."""

from __future__ import annotations

import dataclasses
import sys
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, Union

from avfusion.errors import UsageError

Made = TypeVar("Made")


def as_plain(value: Any) -> Any:
    """A dataclass, or what lies in one, as dictionaries, lists, strings, numbers, true, false and null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [part.name for part in dataclasses.fields(value) if _is_kept(value, part.name)]
        return {name: as_plain(getattr(value, name)) for name in names}
    if isinstance(value, tuple | list):
        return [as_plain(one) for one in value]
    return value


def _is_kept(value: Any, name: str) -> bool:
    """Paths are told apart from settings: a job has its files elsewhere."""
    return Path not in typing.get_args(typing.get_type_hints(type(value))[name])


def from_plain(kind: type[Made], plain: Any, where: str) -> Made:
    """The dataclass `kind` from a dictionary; keys that are left out are as the class has them.

    Raises `UsageError` for an unknown key, and for a value of another type or one that the class refuses.
    where: the key that the value has, for the message.
    """
    if not isinstance(plain, Mapping):
        raise UsageError(f"{where}: give an object with the settings, not {_shown(plain)}.")
    hints = typing.get_type_hints(kind)
    known = [part.name for part in dataclasses.fields(kind) if Path not in typing.get_args(hints[part.name])]  # type: ignore[arg-type]
    for key in plain:
        if key not in known:
            raise UsageError(f"{where}.{key}: there is no such setting. There are {', '.join(known)}.")
    values = {key: of_type(hints[key], value, f"{where}.{key}") for key, value in plain.items()}
    return kind(**values)


def of_type(hint: Any, value: Any, where: str) -> Any:
    """`value` as an annotation asks for it. Raises `UsageError` that names `where`."""
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return from_plain(hint, value, where)
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        if value is None and type(None) in inner:
            return None
        (only,) = (one for one in inner if one is not type(None))
        return of_type(only, value, where)
    if origin is Literal:
        if not isinstance(value, str) or value not in inner:
            raise UsageError(f"{where}: {_shown(value)} is none of {', '.join(map(str, inner))}.")
        return value
    if origin is tuple:
        return _tuple_of(inner, value, where)
    return _scalar(hint, value, where)


def _tuple_of(inner: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise UsageError(f"{where}: give a list, not {_shown(value)}.")
    if len(inner) == 2 and inner[1] is Ellipsis:
        inner = (inner[0],) * len(value)
    if len(value) != len(inner):
        raise UsageError(f"{where}: give {len(inner)} values, not {len(value)}.")
    pairs = zip(inner, value, strict=True)
    return tuple(of_type(hint, one, f"{where}[{place}]") for place, (hint, one) in enumerate(pairs))


def _scalar(hint: Any, value: Any, where: str) -> Any:
    if hint is float and type(value) in (int, float) and abs(value) <= sys.float_info.max:
        return float(value)
    if hint in (bool, int, str) and type(value) is hint:
        return value
    words = {float: "a number", int: "a whole number", bool: "true or false", str: "text"}
    raise UsageError(f"{where}: give {words[hint]}, not {_shown(value)}.")


def _shown(value: Any) -> str:
    words = repr(value)
    return words if len(words) <= 40 else f"{words[:37]}..."
