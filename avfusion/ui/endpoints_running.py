"""How an endpoint works: its points are read, it runs, and its file is handed out."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import gradio as gr

from avfusion.clip import Box, Clip, Point, Prompt, Scribble, Words
from avfusion.errors import AvfusionError, UsageError
from avfusion.pipelines.progress import OnProgress, Progress, ShouldStop
from avfusion.ui.fairly import WAITING, fairly
from avfusion.ui.limits import brought
from avfusion.ui.runs import Run

Made = Iterator[tuple[str | None, dict[str, Any]]]
"""(None, how far it is) again and again, and at last (file, report)."""

# A run stops at its next frame; its folder goes after that.
_PATIENCE_S = 10.0


class Reported(Protocol):
    def as_json(self) -> dict[str, Any]: ...


def made(
    clip: str,
    name: str,
    work: Callable[[Clip, Path, OnProgress, ShouldStop], Reported],
    given: Sequence[str] = (),
) -> Made:
    """As `handed_out`, with the clip opened."""
    if not clip:
        raise refusal("There is no clip. Give a video file.")

    def opened(out: Path, on_progress: OnProgress, should_stop: ShouldStop) -> Reported:
        return work(brought(Path(clip)), out, on_progress, should_stop)

    yield from handed_out(given or [clip], name, opened)


def handed_out(given: Sequence[str], name: str, work: Callable[[Path, OnProgress, ShouldStop], Reported]) -> Made:
    """Runs, reports, and hands out the file. Gradio copies a file when it is yielded, so that it may go after that.

    given: paths of the caller's files, of which only the names are said.
    """
    with tempfile.TemporaryDirectory(prefix="avfusion-") as folder:
        out = Path(folder) / name
        run: Run[Reported] | None = None
        try:
            run = Run(fairly(partial(work, out)))
            for now in run.progress():
                if now is not None:
                    yield None, _told(now)
            report = run.result()
        except AvfusionError as error:
            said = _by_name(str(error), [*given, str(out)]).replace(f"{folder}/", "")
            raise refusal(said) from error
        finally:
            if run is not None:
                run.stop()
                run.wait(_PATIENCE_S)
        yield str(out), json.loads(_by_name(json.dumps(report.as_json()), given)) | {"out": out.name}


def _told(now: Progress) -> dict[str, Any]:
    if now.stage == WAITING:
        return {"stage": WAITING, "place": now.total, "remaining_s": now.remaining_s}
    return {"stage": now.stage, "done": now.done, "total": now.total}


def _by_name(text: str, paths: Sequence[str]) -> str:
    for path in paths:
        text = text.replace(path, Path(path).name)
    return text


def refusal(words: str) -> gr.Error:
    """What the caller reads. It is no bug, so the server's log stays quiet."""
    return gr.Error(words, print_exception=False)


def parse_points(text: str) -> tuple[Prompt, ...]:
    """Prompts from JSON. Raises `UsageError`.

    A list of [x, y] or {"x": 320, "y": 180, "keep": true, "frame": 0, "object": 1} or
    {"box": [x0, y0, x1, y1], "frame": 0, "object": 1} or
    {"scribble": [[x, y], ...], "keep": true, "frame": 0, "object": 1}: a stroke through at least one place, or
    {"words": "a dog", "frame": 0, "object": 1}.
    """
    try:
        entries = json.loads(text) if text.strip() else []
        return tuple(_prompt(entry) for entry in entries)
    except (ValueError, TypeError, KeyError) as error:
        raise UsageError(
            'The points cannot be read. Write them as JSON: [[320, 180], {"x": 40, "y": 40, "keep": false}].'
        ) from error


def _prompt(entry: Any) -> Prompt:
    if isinstance(entry, list):
        x, y = entry
        return Point(float(x), float(y))
    if not isinstance(entry, dict):
        raise TypeError(entry)
    where = {"frame": int(entry.get("frame", 0)), "object": int(entry.get("object", 1))}
    if "box" in entry:
        x0, y0, x1, y1 = map(float, entry["box"])
        return Box(x0, y0, x1, y1, **where)
    if "words" in entry:
        return Words(str(entry["words"]), **where)
    keep = bool(entry.get("keep", True))
    if "scribble" in entry:
        path = tuple((float(x), float(y)) for x, y in entry["scribble"])
        if not path:
            raise ValueError(entry)
        return Scribble(path, keep=keep, **where)
    return Point(float(entry["x"]), float(entry["y"]), keep=keep, **where)
