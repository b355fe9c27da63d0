"""The Inpaint tab: a picture or a clip, what should go from it, and what comes instead."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from avfusion.clip import Clip
from avfusion.errors import AvfusionError
from avfusion.ui import editing, example, inpaint_running, words
from avfusion.ui.editing import short_events
from avfusion.ui.engines import refused_on, wire_downloads
from avfusion.ui.inpaint_engines import engines_now
from avfusion.ui.inpaint_layout import (
    PICTURE_FORMATS,
    STROKES,
    TOOLS,
    GivenPart,
    HowPart,
    given_part,
    how_part,
    result_part,
    run_part,
)
from avfusion.ui.inpaint_making import is_still
from avfusion.ui.inpaint_masks import take_masks, take_over
from avfusion.ui.inpaint_visit import InpaintVisit
from avfusion.ui.layout import FORMATS
from avfusion.ui.looking import Look, look
from avfusion.ui.object_part import ObjectPart, object_part
from avfusion.ui.source_part import SourcePart, source_part
from avfusion.ui.taking import Source, Taken, Target
from avfusion.ui.visit import Visit, close

TAB = "inpaint"


class Opened(NamedTuple):
    """What a new picture or clip changes beside the look; what belonged to the one before goes."""

    file: Any = gr.skip()
    facts: Any = gr.skip()
    scrub_row: Any = gr.skip()
    scrub: Any = gr.skip()
    spans: Any = gr.skip()
    follow_status: Any = gr.skip()
    format: Any = gr.skip()
    each_frame: Any = gr.skip()
    shadows: Any = gr.skip()
    preview: Any = gr.skip()
    run: Any = gr.skip()
    given_status: Any = gr.skip()
    results: Any = gr.skip()
    status: Any = gr.skip()
    previewed: Any = gr.skip()


def open_source(visit: InpaintVisit, path: str | None, ending: str, segmenter: str) -> tuple[Any, ...]:
    """The visitor uploads a picture or a clip. The drop zone is empty again for the next one."""
    if path is None:  # a second file came while the first was taken in
        return _nothing_new()
    try:
        clip = visit.open(Path(path))
    except AvfusionError as error:
        gone = Opened(facts=words.problem(error, Path(path)), results=gr.Column(visible=False), status="", previewed="")
        return (*gone._replace(file=None), *look(visit, 0, segmenter))
    return (*_opened(clip, ending)._replace(file=None), *look(visit, 0, segmenter))


def use_example(visit: InpaintVisit, ending: str) -> tuple[Any, ...]:
    """The picture at once; the mask comes with the next look."""
    clip = example.clip()
    visit.show(clip, example.selection(antenna=True))
    return (*_opened(clip, ending), *look(visit, 0, "auto", quick=True))


def arrive(visit: InpaintVisit, ending: str) -> tuple[Any, ...]:
    """When the tab is opened for the first time there is the example, where it is bundled and can be read."""
    with contextlib.suppress(AvfusionError), visit.lock:
        if not visit.has_arrived:
            visit.has_arrived = True
            if visit.clip is None and example.is_there():
                return use_example(visit, ending)
    return _nothing_new()


def receive(visit: InpaintVisit, ending: str, segmenter: str, taken: Taken) -> tuple[Any, ...]:
    """A mask that was made in another tab: its clip is opened, and it is what is selected."""
    visit.has_arrived = True
    clip = visit.take_over(taken.clip, taken.selection)
    opened = _opened(clip, ending, taken.frame)._replace(follow_status=words.note(taken.said))
    return (*opened, *look(visit, taken.frame, segmenter))


def from_background(visit: InpaintVisit, other: Visit, frame: int, ending: str, segmenter: str) -> tuple[Any, ...]:
    """Clip, clicks and masks of the Background tab, on the frame that is shown there."""
    try:
        clip = take_over(visit, other)
    except AvfusionError as error:
        return (*Opened(facts=words.problem(error)), *look(visit, 0, segmenter))
    if clip is None:
        nothing = Opened(follow_status=words.note("There is no clip in the tab Background."))
        return (*nothing, *(gr.skip(),) * len(Look._fields))
    visit.has_arrived = True
    frame = min(max(frame, 0), clip.frame_count - 1)
    return (*_opened(clip, ending, frame), *look(visit, frame, segmenter))


def _nothing_new() -> tuple[Any, ...]:
    return (gr.skip(),) * (len(Opened._fields) + len(Look._fields))


def _opened(clip: Clip, ending: str, frame: int = 0) -> Opened:
    last, is_one = clip.frame_count - 1, clip.frame_count == 1
    formats = PICTURE_FORMATS if is_still(clip) else FORMATS
    if ending not in [value for _, value in formats]:
        ending = formats[0][1]
    return Opened(
        facts=words.facts(clip),
        scrub_row=gr.Row(visible=not is_one),
        scrub=gr.Slider(minimum=0, maximum=max(1, last), value=frame, interactive=not is_one),
        spans=gr.Row(visible=not is_one),
        follow_status="",
        format=gr.Dropdown(choices=list(formats), value=ending),
        each_frame=gr.Checkbox(visible=not is_one),
        shadows=gr.Checkbox(visible=not is_one),
        preview=gr.Button("Preview" if is_one else "Preview this frame", interactive=True),
        run=gr.Button(interactive=True),
        given_status="",
        results=gr.Column(visible=False),
        status="",
        previewed="",
    )


def build(page: gr.Blocks, tab: gr.Tab, background: Sequence[Any], *, runs_at_once: int) -> tuple[Target, Source]:
    """The tab's widgets, then its wires. Called inside the tab. What masks of other tabs need to come here, and what a
    fusion takes from here.

    background: the visit of that tab, and its scrubber.
    """
    visit = gr.State(InpaintVisit(), delete_callback=close)
    with gr.Row(elem_classes="columns"):
        with gr.Column(scale=7, min_width=320):
            with gr.Column(elem_classes="card"):
                source = source_part(TAB, other="As in Background")
            with gr.Column(elem_classes="card"):
                chosen = object_part(TAB, title="What should go", tools=TOOLS, strokes=STROKES)
                given = given_part()
        with gr.Column(scale=5, min_width=320):
            with gr.Column(elem_classes="card"):
                how = how_part()
            with gr.Column(elem_classes="card"):
                running = run_part()
    results = result_part()
    # Gradio tells of the end of a session only those states that an event has given.
    page.load(lambda own: own, [visit], [visit], queue=False, show_progress="hidden", api_visibility="private")
    opened: list[Any] = [
        source.file, source.facts, chosen.scrub_row, chosen.scrub, chosen.spans, chosen.progress, running.format,
        how.each_frame, how.shadows, running.preview, running.run, given.status, results.section, running.status,
        running.previewed, *chosen.shows,
    ]  # fmt: skip
    _wire_source(tab, visit, source, chosen, how, running.format, opened)
    if source.other is not None:
        source.other.click(
            from_background, [visit, *background, running.format, how.segmenter], opened, **short_events()
        )
    _wire_given(visit, given, chosen, how, running.status, runs_at_once=runs_at_once)
    _wire_engines(page, tab, how)
    editing.wire(page, visit, chosen, editing.Engines(how.tracker, how.segmenter), runs_at_once=runs_at_once)
    ran = inpaint_running.wire(visit, chosen.scrub, how, running, results, runs_at_once=runs_at_once)
    ran.then(look, [visit, chosen.scrub, how.segmenter], chosen.shows, **short_events())
    return Target(TAB, [visit, running.format, how.segmenter], opened, receive), Source(visit, how.inputs)


def _wire_source(
    tab: gr.Tab, visit: gr.State, source: SourcePart, chosen: ObjectPart, how: HowPart, format: gr.Dropdown,
    opened: list[Any],
) -> None:  # fmt: skip
    short = short_events()
    here: list[Any] = [visit, chosen.scrub, how.segmenter]
    source.file.upload(open_source, [visit, source.file, format, how.segmenter], opened, **short)
    for come, how_come in ((tab.select, arrive), (source.example.click, use_example)):
        come(how_come, [visit, format], opened, **short).then(look, here, chosen.shows, **short)


def _wire_given(
    visit: gr.State, given: GivenPart, chosen: ObjectPart, how: HowPart, status: gr.HTML, *, runs_at_once: int
) -> None:
    """status: what is said of runs."""
    shows: list[Any] = [given.files, given.status, chosen.progress, status, chosen.scrub, *chosen.shows]
    given.files.upload(
        take_masks, [visit, given.files, chosen.scrub, how.segmenter], shows, show_progress="hidden",
        api_visibility="private", concurrency_id="render", concurrency_limit=runs_at_once,
    )  # fmt: skip


def _wire_engines(page: gr.Blocks, tab: gr.Tab, how: HowPart) -> None:
    shown: list[Any] = [how.engine, how.words, how.unwanted, how.lacking]

    def now(do: str) -> tuple[Any, ...]:
        return engines_now(do, refused_on(page))

    refresh = wire_downloads(page, how.lacking, now, [how.do], shown)
    for event in (page.load, tab.select, how.do.change):
        refresh(event)
