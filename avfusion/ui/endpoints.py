"""What programs call: /swap, /segment and /compare, for `gradio_client` and as tools of the page's MCP server."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

import gradio as gr

from avfusion.clip import Box, Clip, Point, Prompt, Scribble, Words
from avfusion.engines.catalogue import of_ability
from avfusion.engines.state import state
from avfusion.errors import AvfusionError, UsageError
from avfusion.media.probe import probe
from avfusion.pipelines.compare import Comparison, write_report
from avfusion.pipelines.compare import compare as run_compare
from avfusion.pipelines.progress import OnProgress, ShouldStop
from avfusion.pipelines.report import Report
from avfusion.pipelines.segment import segment as run_segment
from avfusion.pipelines.swap import swap as run_swap
from avfusion.ui.compare_running import zipped
from avfusion.ui.runs import Run
from avfusion.ui.visit import check_work

Made = Iterator[tuple[str | None, dict[str, Any]]]
"""(None, how far it is) again and again, and at last (file, report)."""

SwapFormat = Literal["mp4", "webm", "mov", "gif", "zip"]
SegmentFormat = Literal["json", "mp4"]
CompareFormat = Literal["html", "zip"]
# A run stops at its next frame; its folder goes after that.
_PATIENCE_S = 10.0


def swap(
    clip: str, points: str, background: str = "blur", background_file: str | None = None, format: str = "mp4"
) -> Made:
    """Puts a new background behind an object of a video clip. Frames, times and sound stay those of the clip.

    Args:
        clip: the video file.
        points: which object is meant, as JSON: a list of [x, y], of {"x": 320, "y": 180, "keep": true, "frame": 0} or
            of {"box": [x0, y0, x1, y1], "frame": 0} or of {"scribble": [[x, y], ...], "keep": true, "frame": 0}, in
            pixels of the full frame. "keep": false marks what it is not; "object": 2 means a second object. Where an
            engine for words is ready, {"words": "a dog", "frame": 0} names it.
        background: a colour like #204060, or blur, or transparent, or file for the background file.
        background_file: a picture or a video, used when background is file.
        format: mp4, webm, mov (ProRes 4444), gif, or zip (PNG pictures). Transparent needs another one than mp4.

    Returns:
        The finished file, and a report: frames, size, engines, seconds in each stage, notes.
    """
    if background == "file":
        behind = background_file or ""
    elif background in ("blur", "transparent") or background.startswith("#"):
        behind = background
    else:
        raise _refusal(f"{background}: no such background. Give #rrggbb, blur, transparent, or file with a file.")
    if not behind:
        raise _refusal("The background is to be a file, and there is none. Give one as background_file.")

    def work(source: Clip, out: Path, on_progress: OnProgress, should_stop: ShouldStop) -> Report:
        return run_swap(
            source, parse_points(points), background=behind, out=out, on_progress=on_progress, should_stop=should_stop
        )

    yield from _made(clip, f"swapped.{format}", work)


def segment(clip: str, points: str, format: str = "json") -> Made:
    """Masks of an object through a video clip.

    Args:
        clip: the video file.
        points: which object is meant, as JSON: a list of [x, y], of {"x": 320, "y": 180, "keep": true, "frame": 0} or
            of {"box": [x0, y0, x1, y1], "frame": 0} or of {"scribble": [[x, y], ...], "keep": true, "frame": 0}, in
            pixels of the full frame. "keep": false marks what it is not; "object": 2 means a second object. Where an
            engine for words is ready, {"words": "a dog", "frame": 0} names it.
        format: json for COCO instance annotations with compressed RLE, mp4 for the clip with the object tinted.

    Returns:
        The finished file, and a report: frames, size, engines, seconds in each stage, notes.
    """

    def work(source: Clip, out: Path, on_progress: OnProgress, should_stop: ShouldStop) -> Report:
        return run_segment(source, parse_points(points), out=out, on_progress=on_progress, should_stop=should_stop)

    yield from _made(clip, f"masks.{format}", work)


def compare(
    clip: str, points: str = "", engines: str = "", whole_clip: bool = False, frame: int = 0, format: str = "html"
) -> Made:
    """Asks several engines for the same object in a picture or a video clip, and says how far their masks agree.

    Args:
        clip: the picture or video file.
        points: which object is meant, as JSON: a list of [x, y], of {"x": 320, "y": 180, "keep": true, "frame": 0} or
            of {"box": [x0, y0, x1, y1], "frame": 0} or of {"words": "a dog", "frame": 0}, in pixels of the full
            picture. Nothing: all that is in the picture, for engines that can say so.
        engines: names of engines with commas between. Nothing: all that are ready.
        whole_clip: false for engines that find the object on one frame, true for those that follow it.
        frame: the frame to compare, unless it is the whole clip.
        format: html for one page with pictures and numbers, zip for that with the masks, a table and more.

    Returns:
        The finished file, and a report: each engine's answer with time, memory, score or problem, and their IoU.
    """

    def work(source: Clip, out: Path, on_progress: OnProgress, should_stop: ShouldStop) -> Comparison:
        names = [name.strip() for name in engines.split(",") if name.strip()]
        made = run_compare(
            source, parse_points(points), engines=names or _ready("tracking" if whole_clip else "segmentation"),
            folder=out.parent / "masks", whole_clip=whole_clip, frame=int(frame), on_progress=on_progress,
            should_stop=should_stop,
        )  # fmt: skip
        files = write_report(made, out.parent / "report", on_progress=on_progress, should_stop=should_stop)
        if out.suffix == ".html":
            next(file for file in files if file.suffix == ".html").rename(out)
        else:
            zipped(files, out)
        return made

    yield from _made(clip, f"comparison.{format}", work)


def _ready(ability: str) -> list[str]:
    return [engine.name for engine in of_ability(ability) if state(engine).is_ready]


class _Reported(Protocol):
    def as_json(self) -> dict[str, Any]: ...


def _made(clip: str, name: str, work: Callable[[Clip, Path, OnProgress, ShouldStop], _Reported]) -> Made:
    """Runs, reports, and hands out the file. Gradio copies a file when it is yielded, so that it may go after that."""
    if not clip:
        raise _refusal("There is no clip. Give a video file.")
    with tempfile.TemporaryDirectory(prefix="avfusion-") as folder:
        out = Path(folder) / name
        run: Run[_Reported] | None = None
        try:
            source = check_work(probe(Path(clip)))
            run = Run(partial(work, source, out))
            for now in run.progress():
                if now is not None:
                    yield None, {"stage": now.stage, "done": now.done, "total": now.total}
            report = run.result()
        except AvfusionError as error:
            raise _refusal(str(error).replace(clip, Path(clip).name).replace(str(out), out.name)) from error
        finally:
            if run is not None:
                run.stop()
                run.wait(_PATIENCE_S)
        said = json.loads(json.dumps(report.as_json()).replace(clip, Path(clip).name))
        yield str(out), said | {"out": out.name}


def _refusal(words: str) -> gr.Error:
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


def build(*, runs_at_once: int) -> None:
    """Components nobody sees: they say what the endpoints take and give, and check that files are the caller's own."""
    shared: dict[str, Any] = {"concurrency_id": "render", "concurrency_limit": runs_at_once}
    with gr.Row(visible=False):
        clip = gr.File(label="clip")
        points = gr.Textbox(label="points")
        background = gr.Textbox("blur", label="background")
        background_file = gr.File(label="background_file")
        swap_format = gr.Dropdown(list(get_args(SwapFormat)), value="mp4", label="format")
        segment_format = gr.Dropdown(list(get_args(SegmentFormat)), value="json", label="format")
        engines = gr.Textbox(label="engines")
        whole_clip = gr.Checkbox(label="whole_clip")
        frame = gr.Number(0, precision=0, label="frame")
        compare_format = gr.Dropdown(list(get_args(CompareFormat)), value="html", label="format")
        file = gr.File(label="file")
        report = gr.JSON(label="report")
        do_swap, do_segment, do_compare = gr.Button(), gr.Button(), gr.Button()
    do_swap.click(
        swap, [clip, points, background, background_file, swap_format], [file, report], api_name="swap", **shared
    )
    do_segment.click(segment, [clip, points, segment_format], [file, report], api_name="segment", **shared)
    asked = [clip, points, engines, whole_clip, frame, compare_format]
    do_compare.click(compare, asked, [file, report], api_name="compare", **shared)
