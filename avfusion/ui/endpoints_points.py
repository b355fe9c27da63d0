"""Points as programs give them, in JSON -> prompts."""

from __future__ import annotations

import json
import math
from typing import Any

from avfusion.clip import Box, Point, Prompt, Scribble, Sounding, Words
from avfusion.errors import UsageError

_MOST = 10_000


def parse_points(text: str) -> tuple[Prompt, ...]:
    """Prompts from JSON. Raises `UsageError`.

    A list of [x, y] or {"x": 320, "y": 180, "keep": true, "frame": 0, "object": 1} or
    {"box": [x0, y0, x1, y1], "frame": 0, "object": 1} or
    {"scribble": [[x, y], ...], "keep": true, "frame": 0, "object": 1}: a stroke through at least one place, or
    {"words": "a dog", "frame": 0, "object": 1}, or {"sounding": true, "frame": 0, "object": 1}: whatever makes the
    sound, at that frame if it is not 0.
    """
    try:
        entries = json.loads(text) if text.strip() else []
        if len(entries) > _MOST:
            raise UsageError(f"{len(entries)} points are too many. Give {_MOST} at most.")
        return tuple(_prompt(entry) for entry in entries)
    # RecursionError: brackets within brackets within brackets.
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise UsageError(
            'The points cannot be read. Write them as JSON: [[320, 180], {"x": 40, "y": 40, "keep": false}].'
        ) from error


def _prompt(entry: Any) -> Prompt:
    if isinstance(entry, list):
        x, y = map(_pixel, entry)
        return Point(x, y)
    if not isinstance(entry, dict):
        raise TypeError(entry)
    where = {"frame": int(entry.get("frame", 0)), "object": int(entry.get("object", 1))}
    if "box" in entry:
        x0, y0, x1, y1 = map(_pixel, entry["box"])
        return Box(x0, y0, x1, y1, **where)
    if "words" in entry:
        return Words(str(entry["words"]), **where)
    if entry.get("sounding") is True:
        return Sounding(**where)
    keep = bool(entry.get("keep", True))
    if "scribble" in entry:
        path = tuple((_pixel(x), _pixel(y)) for x, y in entry["scribble"])
        if not path:
            raise ValueError(entry)
        return Scribble(path, keep=keep, **where)
    return Point(_pixel(entry["x"]), _pixel(entry["y"]), keep=keep, **where)


def _pixel(value: Any) -> float:
    """JSON as Python reads it knows NaN and Infinity."""
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(value)
    return number
