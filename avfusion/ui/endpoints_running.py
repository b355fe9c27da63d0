"""How an endpoint works: it runs, and its file is handed out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import gradio as gr

from avfusion.clip import Clip
from avfusion.errors import AvfusionError, UsageError
from avfusion.jobs.home import passing_job
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


def made(clip: str, name: str, work: Callable[[Clip, Path, OnProgress, ShouldStop], Reported]) -> Made:
    """As `handed_out`, with the clip opened."""

    def opened(out: Path, on_progress: OnProgress, should_stop: ShouldStop) -> Reported:
        return work(brought(Path(clip)), out, on_progress, should_stop)

    yield from handed_out(name, opened)


def handed_out(name: str, work: Callable[[Path, OnProgress, ShouldStop], Reported]) -> Made:
    """Runs, reports, and hands out the file. Gradio copies a file when it is yielded, so that it may go after that.

    Raises `AvfusionError`.
    """
    with passing_job() as folder:
        out = folder / name
        run: Run[Reported] | None = None
        try:
            run = Run(fairly(partial(work, out)))
            for now in run.progress():
                if now is not None:
                    yield None, _told(now)
            report = run.result()
        except AvfusionError as error:
            raise UsageError(str(error).replace(f"{folder}/", "")) from error
        finally:
            if run is not None:
                run.stop()
                run.wait(_PATIENCE_S)
        told = json.dumps(report.as_json() | {"out": out.name})
        yield str(out), json.loads(told.replace(f"{folder}/", ""))


def _told(now: Progress) -> dict[str, Any]:
    if now.stage == WAITING:
        return {"stage": WAITING, "place": now.total, "remaining_s": now.remaining_s}
    return {"stage": now.stage, "done": now.done, "total": now.total}


def by_name(text: str, paths: Sequence[str]) -> str:
    """The text with names of files instead of their places."""
    for path in paths:
        text = text.replace(path, Path(path).name)
    return text


def refusal(words: str) -> gr.Error:
    """What the caller reads. It is no bug, so the server's log stays quiet."""
    return gr.Error(words, print_exception=False)
