"""Steps 1 and 2 of the Compare tab: the frame with clicks and the true outline over it, and what a click changes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import gradio as gr
import numpy as np

from avfusion.clip import Clip, Rgb
from avfusion.errors import AvfusionError
from avfusion.ui import example, words
from avfusion.ui.clicks import Selection, changed_frame, to_frame, to_shown
from avfusion.ui.colours import hex_of
from avfusion.ui.compare_visit import CompareVisit, Outline
from avfusion.ui.drawing import inline, marked
from avfusion.ui.editing import PLACES_AT_MOST, with_stroke
from avfusion.ui.looking import shown

_JPEG_QUALITY = 88
_TRUTH_RGB = (255, 255, 255)
_LEAST_PLACES = 3
_NOTHING_ASKED = "Click the object, draw a box, or say what it is. Without that, engines show everything they see."


class Look(NamedTuple):
    """In the order of `AskPart.shows`."""

    frame: Any
    status: str
    moment: str
    undo: Any
    reset: Any


class Opened(NamedTuple):
    """What a new picture or clip changes beside the look. file: None empties the drop zone."""

    file: Any
    facts: str
    scrub_row: Any
    scrub: Any
    span: Any
    answers: Any
    status: str
    clear_truth: Any


def look(visit: CompareVisit, frame: int) -> Look:
    """The frame as it is, with what was said about it. No engine is asked."""
    with visit.lock:
        clip, selection = visit.clip, visit.selection
        if clip is None:
            nothing = {"src": "", "frame": 0, "colour": hex_of(1)}
            return Look(nothing, "", "", gr.Button(interactive=False), gr.Button(interactive=False))
        frame = min(max(frame, 0), clip.frame_count - 1)
        try:
            picture = _picture(visit, clip, frame)
            said = words.selected(selection, frame, None) if _says(selection) else words.note(_NOTHING_ASKED)
        except AvfusionError as error:
            return Look(gr.skip(), words.problem(error, clip.path), "", gr.skip(), gr.skip())
        return Look(
            frame={"src": inline(picture, _JPEG_QUALITY), "frame": frame, "colour": hex_of(1)},
            status=said,
            moment=words.moment(clip, frame) if clip.frame_count > 1 else "",
            undo=gr.Button(interactive=bool(selection.past or selection.corner)),
            reset=gr.Button(interactive=bool(selection.prompts)),
        )


def _says(selection: Selection) -> bool:
    return bool(selection.prompts or selection.corner)


def _picture(visit: CompareVisit, clip: Clip, frame: int) -> Rgb:
    selection = visit.selection
    corner = selection.corner if selection.corner is not None and selection.corner.frame == frame else None
    out = marked(shown(clip, frame), clip, labels=None, prompts=selection.on_frame(frame), corner=corner)
    lines = [
        np.array([to_shown(clip, x, y) for x, y in outline.places], np.int32)
        for outline in visit.outlines
        if outline.frame == frame
    ]
    width = max(2, round(max(out.shape[:2]) / 320))
    cv2.polylines(out, lines, True, (20, 24, 40), width + 2, cv2.LINE_AA)
    cv2.polylines(out, lines, True, _TRUTH_RGB, width, cv2.LINE_AA)
    return out


def open_source(visit: CompareVisit, path: str | None) -> tuple[Any, ...]:
    """The visitor uploads a picture or a clip. The drop zone is empty again for the next one."""
    if path is None:  # a second file came while the first was taken in
        return (gr.skip(),) * (len(Opened._fields) + len(Look._fields))
    try:
        clip = visit.open(Path(path))
    except AvfusionError as error:
        return (*_opened(None, words.problem(error, Path(path)))._replace(file=None), *look(visit, 0))
    return (*_opened(clip, words.facts(clip))._replace(file=None), *look(visit, 0))


def use_example(visit: CompareVisit) -> tuple[Any, ...]:
    clip = example.clip()
    visit.show(clip, example.selection())
    return (*_opened(clip, words.facts(clip)), *look(visit, 0))


def arrive(visit: CompareVisit) -> tuple[Any, ...]:
    """When the tab is opened for the first time there is the example, where it is bundled and can be read."""
    with contextlib.suppress(AvfusionError), visit.lock:
        if not visit.has_arrived:
            visit.has_arrived = True
            if visit.clip is None and example.is_there():
                return use_example(visit)
    return (gr.skip(),) * (len(Opened._fields) + len(Look._fields))


def _opened(clip: Clip | None, facts: str) -> Opened:
    """What belonged to the picture or clip before goes."""
    last = clip.frame_count - 1 if clip else 0
    moves = last > 0
    return Opened(
        file=gr.skip(),  # what the visitor may be uploading at this moment stays
        facts=facts,
        scrub_row=gr.Row(visible=moves),
        scrub=gr.Slider(minimum=0, maximum=max(1, last), value=0, interactive=moves),
        span=gr.Radio(visible=moves, value="frame"),
        answers=gr.Column(visible=False),
        status="",
        clear_truth=gr.Button(visible=False),
    )


def stroke(visit: CompareVisit, tool: str, event: gr.EventData) -> tuple[Any, ...]:
    """A click or a drag on the frame; and whether there is an outline to clear."""
    with visit.lock:
        frame, points = int(event.frame), event.points[:PLACES_AT_MOST]
        clip = visit.clip
        seen: Look | None = None
        if clip is not None and points and 0 <= frame < clip.frame_count:
            if tool != "outline":
                visit.selection = with_stroke(clip, visit.selection, frame, points, _tool(tool), keep=True)
            elif len(points) >= _LEAST_PLACES:
                places = tuple(to_frame(clip, x, y) for x, y in points)
                visit.outlines = (*(o for o in visit.outlines if o.frame == frame), Outline(frame, places))
            else:
                said = words.note("Hold the button, or the finger, and draw all the way round the true object.")
                seen = look(visit, frame)._replace(status=said)
        return (*(seen or look(visit, frame)), gr.Button(visible=bool(visit.outlines)))


def _tool(name: str) -> Any:
    return name if name in ("keep", "drop", "box") else "keep"


def clear_truth(visit: CompareVisit, frame: int) -> tuple[Any, ...]:
    with visit.lock:
        visit.outlines = ()
        return (*look(visit, frame), gr.Button(visible=False))


def change(how: Callable[[Selection], Selection], visit: CompareVisit, frame: int) -> tuple[Any, ...]:
    """Changes the log and goes to where it changed."""
    with visit.lock:
        before = visit.selection
        visit.selection = how(before)
        changed = changed_frame(before, visit.selection)
        frame = frame if changed is None else changed
        return frame, *look(visit, frame)


def step_by(count: int, visit: CompareVisit, frame: int) -> tuple[Any, ...]:
    last = visit.clip.frame_count - 1 if visit.clip else 0
    frame = min(max(frame + count, 0), last)
    return frame, *look(visit, frame)
