"""What a visitor does in step 2: clicks, strokes, undo and redo, objects, in and out points, moving through frames."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal, NamedTuple

import gradio as gr

from avfusion.clip import Clip
from avfusion.engines.catalogue import of_ability
from avfusion.engines.state import state
from avfusion.pipelines.timeline import Worst, worst
from avfusion.pipelines.track import Tracking
from avfusion.ui import following, timeline, words
from avfusion.ui.clicks import (
    Selection,
    Tool,
    changed_frame,
    choosing,
    clicked,
    described,
    dragged,
    emptied,
    redone,
    stroke_width_px,
    to_frame,
    undone,
    with_another,
    without_object,
)
from avfusion.ui.looking import Look, look
from avfusion.ui.object_part import ObjectPart
from avfusion.ui.painting import painted
from avfusion.ui.span import Span, ending_at, starting_at
from avfusion.ui.visit import Visit

# Looking at frames and clicking is short work; a few at a time keep the page quick for everybody.
_LOOKS_AT_ONCE = 4
# More places than that in one stroke come from no hand.
PLACES_AT_MOST = 5000


class Engines(NamedTuple):
    """Where a tab's visitor chooses who follows the object, and who turns clicks into its mask."""

    tracker: gr.Dropdown
    segmenter: gr.Dropdown


Moved = tuple[Any, ...]
"""The scrubber's frame and a `Look`."""


def short_events() -> dict[str, Any]:
    return {
        "show_progress": "hidden",
        "api_visibility": "private",
        "concurrency_id": "look",
        "concurrency_limit": _LOOKS_AT_ONCE,
    }


def stroke(visit: Visit, tool: Tool, says: str, segmenter: str, event: gr.EventData) -> Look:
    """A click, or a drag of the pointer, on the frame that was displayed. event: frame, points [[x, y], ...] shown."""
    with visit.lock:
        frame, points = int(event.frame), event.points[:PLACES_AT_MOST]
        if visit.clip is not None and points and 0 <= frame < visit.clip.frame_count:
            visit.selection = with_stroke(visit.clip, visit.selection, frame, points, tool, keep=says == "keep")
        return look(visit, frame, segmenter)


def brush_stroke(
    visit: Visit, tool: Tool | Literal["brush"], says: str, segmenter: str, width_px: float, event: gr.EventData
) -> Look:
    """As `stroke`, in a tab with a brush. width_px: of the brush, on the displayed picture."""
    if tool != "brush":
        return stroke(visit, tool, says, segmenter, event)
    with visit.lock:
        frame, clip = int(event.frame), visit.clip
        places = [(float(x), float(y)) for x, y in event.points[:PLACES_AT_MOST]]
        if clip is not None and places and 0 <= frame < clip.frame_count:
            visit.selection = painted(
                visit, clip, frame, places, width_px=width_px, keep=says == "keep", segmenter=segmenter
            )
        return look(visit, frame, segmenter)


def with_stroke(
    clip: Clip, selection: Selection, frame: int, points: list[list[float]], tool: Tool, *, keep: bool
) -> Selection:
    """The selection after a click (one place) or a drag through places of the displayed picture."""
    places = [to_frame(clip, x, y) for x, y in points]
    if len(places) == 1:
        return clicked(selection, *places[0], frame=frame, tool=tool, keep=keep)
    return dragged(selection, places, frame=frame, tool=tool, keep=keep, width_px=stroke_width_px(clip))


def say(visit: Visit, text: str, frame: int, segmenter: str) -> tuple[Any, ...]:
    """Words for the object, on the frame that is looked at. The field is then empty again."""
    with visit.lock:
        if visit.clip is None or not text.strip():
            return text, *look(visit, frame, segmenter)
        visit.selection = described(visit.selection, text, frame=frame)
        return "", *look(visit, frame, segmenter)


def words_field() -> Any:
    """It is there when an engine that understands words is ready."""
    return gr.Textbox(
        visible=any("words" in row.understands and state(row).is_ready for row in of_ability("segmentation"))
    )


def change(how: Callable[[Selection], Selection], visit: Visit, frame: int, segmenter: str) -> Moved:
    """Changes the log and goes to where it changed, so that the visitor sees it."""
    with visit.lock:
        before = visit.selection
        visit.selection = how(before)
        changed = changed_frame(before, visit.selection)
        frame = frame if changed is None else changed
        return frame, *look(visit, frame, segmenter)


def choose_object(visit: Visit, frame: int, segmenter: str, number: int) -> Look:
    with visit.lock:
        if number in visit.selection.objects:
            visit.selection = choosing(visit.selection, number)
        return look(visit, frame, segmenter)


def add_object(visit: Visit, frame: int, segmenter: str) -> Look:
    with visit.lock:
        visit.selection = with_another(visit.selection)
        return look(visit, frame, segmenter)


def remove_object(selection: Selection) -> Selection:
    return without_object(selection, selection.chosen)


def set_span(how: Callable[[Span | None, int, int], Span | None], visit: Visit, frame: int, segmenter: str) -> Look:
    with visit.lock:
        if visit.clip is not None:
            visit.span = how(visit.span, frame, visit.clip.frame_count)
        return look(visit, frame, segmenter)


def _whole(span: Span | None, frame: int, count: int) -> None:
    return None


def step_by(count: int, visit: Visit, frame: int, segmenter: str) -> Moved:
    last = visit.clip.frame_count - 1 if visit.clip else 0
    frame = min(max(frame + count, 0), last)
    return frame, *look(visit, frame, segmenter)


def jump_to_worst(visit: Visit, frame: int, segmenter: str) -> Moved:
    """Goes to the frame and object where a click helps most, and says why."""
    with visit.lock:
        made = visit.known
        if made is None:
            return frame, *look(visit, frame, segmenter)._replace(status=words.note("Follow the object first."))
        found = doubtful(made.tracking, visit.selection, visit.span)
        if found is None:
            said = words.good("Nothing is doubtful: the object was followed with confidence everywhere.")
            return frame, *look(visit, frame, segmenter)._replace(status=said)
        visit.selection = choosing(visit.selection, found.object)
        seen = look(visit, found.frame, segmenter)
        return found.frame, *seen._replace(status=words.note(timeline.why(found)))


def doubtful(tracking: Tracking, selection: Selection, span: Span | None) -> Worst | None:
    """The frame and object to doubt most within the part that counts, away from all clicks, followed up or not."""
    start, stop = tracking.span
    if span is not None:
        start, stop = max(start, span[0]), min(stop, span[1])
    confidence = {n: values for n, values in tracking.track.confidence.items() if n in selection.marked}
    keys = {n: [p.frame for p in selection.prompts if p.object == n] for n in confidence}
    return worst(confidence, keys, (start, stop)) if start < stop else None


def wire(page: gr.Blocks, visit: gr.State, chosen: ObjectPart, engines: Engines, *, runs_at_once: int) -> None:
    here: list[Any] = [visit, chosen.scrub, engines.segmenter]
    shows, moved = chosen.shows, [chosen.scrub, *chosen.shows]
    short = short_events()
    drawn: list[Any] = [visit, chosen.tool, chosen.stroke, engines.segmenter]
    if chosen.brush is None:
        chosen.frame.stroke(stroke, drawn, shows, trigger_mode="multiple", **short)
    else:
        chosen.frame.stroke(brush_stroke, [*drawn, chosen.brush], shows, trigger_mode="multiple", **short)
        chosen.tool.change(
            lambda tool: gr.Slider(visible=tool == "brush"), chosen.tool, chosen.brush, queue=False,
            show_progress="hidden", api_visibility="private",
        )  # fmt: skip
    chosen.frame.stroke(
        lambda: "", None, chosen.progress, queue=False, show_progress="hidden", api_visibility="private"
    )  # what was wrong when the object was to be followed is wrong no longer
    chosen.tool.change(
        lambda tool: gr.Radio(visible=tool in ("scribble", "brush")), chosen.tool, chosen.stroke, queue=False,
        show_progress="hidden", api_visibility="private",
    )  # fmt: skip
    chosen.words.submit(say, [visit, chosen.words, chosen.scrub, engines.segmenter], [chosen.words, *shows], **short)
    page.load(
        words_field, None, chosen.words, queue=False, show_progress="hidden", api_visibility="private"
    )  # not at each click: somebody who fetched an engine comes back to the page
    chosen.undo.click(partial(change, undone), here, moved, trigger_mode="multiple", **short)
    chosen.redo.click(partial(change, redone), here, moved, trigger_mode="multiple", **short)
    chosen.reset.click(partial(change, emptied), here, moved, **short)
    chosen.objects.input(choose_object, [*here, chosen.objects], shows, **short)
    chosen.add.click(add_object, here, shows, **short)
    chosen.remove.click(partial(change, remove_object), here, moved, **short)
    for button, how in ((chosen.start, starting_at), (chosen.end, ending_at), (chosen.whole, _whole)):
        button.click(partial(set_span, how), here, shows, **short)
    chosen.scrub.input(look, here, shows, trigger_mode="always_last", **short)
    chosen.previous.click(partial(step_by, -1), here, moved, **short)
    chosen.next.click(partial(step_by, 1), here, moved, **short)
    chosen.worst.click(jump_to_worst, here, moved, **short)
    engines.segmenter.change(look, here, shows, **short)
    _wire_following(visit, chosen, engines, here, runs_at_once)


def _wire_following(visit: gr.State, chosen: ObjectPart, engines: Engines, here: list[Any], runs_at_once: int) -> None:
    follows: list[Any] = [chosen.follow, chosen.stop, chosen.progress, chosen.frame]
    hidden: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    slow: dict[str, Any] = hidden | {"concurrency_id": "render", "concurrency_limit": runs_at_once}
    begun = chosen.follow.click(following.begin, [visit], follows, queue=False, **hidden)
    run = begun.then(following.follow, [visit, engines.tracker, engines.segmenter], follows, **slow)
    run.failure(following.fail, [visit], follows, **hidden)
    run.then(look, here, chosen.shows, **short_events())
    chosen.stop.click(following.stop, [visit], follows, queue=False, cancels=[run], **hidden)
