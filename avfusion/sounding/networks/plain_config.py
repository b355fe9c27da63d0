"""Configurations of networks as JSON keeps them, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from avfusion.errors import CannotRead

Config = TypeVar("Config")


def as_plain(config: Any) -> dict[str, Any]:
    """A configuration, a frozen dataclass of numbers, words, tuples and others like it, as JSON keeps it."""
    return asdict(config)


def from_plain(values: Mapping[str, Any], example: Config, source: Path, *, what: str) -> Config:
    """What `as_plain` gave, also after JSON: a configuration of the same class as the example, each part of it of the
    same type as the example's. Parts that are not there are as the class has them, so that it may get new ones. source
    and what ("AV2TS") are named in the error. Raises `CannotRead`."""
    try:
        return _read(values, example)
    except (TypeError, AttributeError) as error:
        raise CannotRead(f"{source}: no configuration of {what}: {error}.") from error


def _read(values: Mapping[str, Any], example: Config) -> Config:
    known = {part.name: getattr(example, part.name) for part in fields(example)}  # type: ignore[arg-type]
    unknown = [name for name in values if name not in known]
    if unknown:
        raise TypeError(f"it has no {unknown[0]}")
    return type(example)(**{name: _part(name, value, known[name]) for name, value in values.items()})


def _part(name: str, value: Any, example: Any) -> Any:
    if is_dataclass(example):
        return _read(value, example)
    value = tuple(value) if isinstance(value, list) else value
    if type(value) is not type(example):
        raise TypeError(f"{name} is {value!r}")
    return value
