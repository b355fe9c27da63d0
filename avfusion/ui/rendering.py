"""Steps 4 and after: run, stop, and what is handed out. Each is a generator, so that it ends when the visitor goes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from avfusion.clip import Clip, Rgb
from avfusion.compositing.background import Loop
from avfusion.compositing.fit import FitKind
from avfusion.errors import AvfusionError, NoPrompt, Stopped, UsageError
from avfusion.matting import Edges
from avfusion.media.pictures import is_picture
from avfusion.media.write import Encoding
from avfusion.pipelines.swap import SwapSettings
from avfusion.ui import words
from avfusion.ui.drawing import inline
from avfusion.ui.layout import BehindPart, ResultPart, RunPart
from avfusion.ui.results import Export, Outcome, Wish, export, make
from avfusion.ui.runs import Run
from avfusion.ui.scrolling import scroll_to
from avfusion.ui.visit import RUN, Visit

_PREVIEW_QUALITY = 80
STOPPED = "Stopped. Nothing was written."


class Shows(NamedTuple):
    """What an event changes in steps 4 and after; what is left out stays as it is."""

    run: Any = gr.skip()
    stop: Any = gr.skip()
    status: Any = gr.skip()
    progress: Any = gr.skip()
    preview: Any = gr.skip()
    section: Any = gr.skip()
    original: Any = gr.skip()
    result: Any = gr.skip()
    download: Any = gr.skip()
    report: Any = gr.skip()
    files_status: Any = gr.skip()
    files: Any = gr.skip()


def idle(status: str = "") -> Shows:
    """Ready for the next run; a result that is there stays."""
    return Shows(run=gr.Button(interactive=True), stop=gr.Button(visible=False), status=status, progress="", preview="")


def begin(visit: Visit) -> Shows:
    """At once after the click, before it is this visitor's turn."""
    visit.is_stopped = False
    return Shows(
        run=gr.Button(interactive=False), stop=gr.Button(visible=True), status="", progress=words.waiting(), preview=""
    )


@dataclass(frozen=True)
class Chosen:
    """What steps 3 and 4 say, in the order of `inputs`."""

    kind: str
    picture: str | None
    video: str | None
    colour: str
    blur: float
    edges: Edges
    fit: FitKind
    x: float
    y: float
    scale: float
    loop: Loop
    light_wrap: float
    colour_match: float
    ending: str
    quality: float
    tracker: str
    segmenter: str

    def settings(self) -> SwapSettings:
        return SwapSettings(
            edges=self.edges, fit=self.fit, position=(self.x, self.y), scale=self.scale, loop=self.loop,
            blur=self.blur, light_wrap=self.light_wrap, colour_match=self.colour_match,
            encoding=Encoding(quality=round(self.quality)),
        )  # fmt: skip

    def background(self) -> str:
        """As `swap` takes it. Raises `UsageError` where there is none yet."""
        return chosen_background(self.kind, self.picture, self.video, self.colour)


def inputs(behind: BehindPart, format: gr.Dropdown) -> list[Any]:
    """What a `Chosen` is made of."""
    return [
        behind.kind, behind.picture, behind.video, behind.colour, behind.blur, behind.edges, behind.fit, behind.x,
        behind.y, behind.scale, behind.loop, behind.light_wrap, behind.colour_match, format, behind.quality,
        behind.tracker, behind.segmenter,
    ]  # fmt: skip


def run(visit: Visit, *choices: Any) -> Iterator[Shows]:
    """From the clicks and choices to the finished file."""
    clip, chosen = visit.clip, Chosen(*choices)
    started_s = time.monotonic()
    job: Run[Outcome] | None = None
    try:
        if clip is None:
            raise UsageError("Choose a clip first (step 1).")
        settings, background = chosen.settings(), chosen.background()
        wish = Wish(visit.wanted(chosen.tracker, chosen.segmenter), background, chosen.ending, settings)
        if not wish.wanted.prompts and not clip.has_alpha:
            raise NoPrompt("Nothing is selected yet. Click the object in the picture (step 2).")
        job = visit.start(partial(make, visit, clip, wish))
        yield from _watched(job)
        outcome = job.result()
    except AvfusionError as error:
        stopped = isinstance(error, Stopped)
        yield idle(
            words.note(STOPPED) if stopped else words.problem(error, *_paths(clip, chosen.picture, chosen.video))
        )
        return
    finally:
        if job is not None:
            job.stop()
    yield finished(clip, outcome, took_s=time.monotonic() - started_s)


def _watched(job: Run[Any]) -> Iterator[Shows]:
    for now in job.progress():
        if now is not None:
            picture = gr.skip() if now.preview is None else _preview(now.preview)
            yield Shows(progress=words.progress(now), preview=picture)


def finished(clip: Clip, outcome: Outcome, *, took_s: float) -> Shows:
    size = outcome.file.stat().st_size
    label = f"Download {outcome.file.suffix.removeprefix('.')} ({size / 1e6:.1f} MB)"
    is_same = outcome.shown == outcome.file
    is_still = is_picture(clip.path)  # a mask taken from Compare may be of a picture, which no player plays
    return idle(words.good("Done. The result is below."))._replace(
        section=gr.Column(visible=True),
        original=gr.Video(value=None if is_still else str(clip.path), visible=not is_still),
        result=gr.Video(value=str(outcome.shown), label="New" if is_same else "New (preview; the file is below)"),
        download=gr.DownloadButton(label=label, value=str(outcome.file)),
        report=words.report(outcome.report, total_s=took_s),
        files_status="",
        files=gr.File(value=None, visible=False),
    )


def fail(visit: Visit) -> Shows:
    """The run broke off: Gradio could not open what was given for the background, or there is a bug. To Gradio one that
    was stopped early broke off too."""
    if visit.is_stopped:
        return idle(words.note(STOPPED))
    said = "This did not work. Is the background a picture that can be opened? If so, this is a bug: please report it."
    return idle(words.problem(UsageError(said)))


def stop(visit: Visit) -> Shows:
    visit.is_stopped = True
    visit.stop(RUN)
    return idle(words.note(STOPPED))


def hand_out(kind: Export, visit: Visit, edges: Edges, quality: float) -> Iterator[tuple[Any, Any]]:
    """Writes masks of the last run to a file and lists it for download."""
    job: Run[Path] | None = None
    clip, tracking = visit.clip, visit.tracking
    try:
        if clip is None or tracking is None:
            raise UsageError(
                "The clicks, or the in and out points, have changed since the last run. Press Run again first."
            )
        settings = SwapSettings(edges=edges, encoding=Encoding(quality=round(quality)))
        job = visit.start(partial(export, visit, clip, tracking, visit.span, kind, settings))
        for now in job.progress():
            yield (words.progress(now) if now else gr.skip()), gr.skip()
        job.result()
    except AvfusionError as error:
        yield words.problem(error, *_paths(clip)), gr.skip()
        return
    finally:
        if job is not None:
            job.stop()
    yield "", gr.File(value=[str(file) for file in visit.exports()], visible=True)


def chosen_background(kind: str, picture: str | None, video: str | None, colour: str) -> str:
    """What `swap` takes as its background. Raises `UsageError` where there is none yet."""
    if kind in ("blur", "transparent"):
        return kind
    if kind == "colour":
        return as_hex(colour)
    file = picture if kind == "picture" else video
    if file is None:
        raise UsageError(f"Choose a {kind} for the background first (step 3).")
    return file


def as_hex(colour: str) -> str:
    """`#rrggbb` of what a colour picker gives: that, or rgb(...) or rgba(...) with numbers 0..255."""
    if colour.startswith("#"):
        return colour
    numbers = colour.partition("(")[2].rstrip(") ").split(",")[:3]
    return "#" + "".join(f"{min(255, max(0, round(float(number)))):02x}" for number in numbers)


def _preview(picture: Rgb) -> str:
    address = inline(picture, _PREVIEW_QUALITY)
    return f'<img class="preview" alt="The frame being worked on" src="{address}">'


def _paths(clip: Clip | None, *files: str | None) -> list[Path]:
    return [*([clip.path] if clip else []), *(Path(file) for file in files if file)]


def wire(
    visit: gr.State, behind: BehindPart, running: RunPart, results: ResultPart, *, runs_at_once: int
) -> gr.events.Dependency:
    """The event that ends with each run is returned."""
    shows: list[Any] = [
        running.run, running.stop, running.status, running.progress, running.preview, results.section,
        results.original, results.result, results.download, results.report, results.files_status, results.files,
    ]  # fmt: skip
    hidden: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    slow: dict[str, Any] = hidden | {"concurrency_id": "render", "concurrency_limit": runs_at_once}
    begun = running.run.click(begin, [visit], shows, queue=False, **hidden)
    run_event = begun.then(run, [visit, *inputs(behind, running.format)], shows, **slow)
    run_event.success(None, js=scroll_to("background-results", "background-status"))
    run_event.failure(fail, [visit], shows, **hidden)
    running.stop.click(stop, [visit], shows, queue=False, cancels=[run_event], **hidden)
    exports: dict[Export, gr.Button] = {"masks": results.masks, "rle": results.rle, "matte": results.matte}
    for kind, button in exports.items():
        files = [results.files_status, results.files]
        button.click(partial(hand_out, kind), [visit, behind.edges, behind.quality], files, **slow)
    return run_event
