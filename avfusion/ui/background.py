"""The Background tab: a clip, clicks on the object, a background, and the clip with it."""

from __future__ import annotations

import contextlib
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from avfusion.clip import Clip, Mask, Rgb
from avfusion.errors import AvfusionError
from avfusion.ui import example, rendering, words
from avfusion.ui.clicks import Selection, Tool, clicked, to_frame, undone
from avfusion.ui.drawing import marked
from avfusion.ui.layout import (
    FORMATS,
    BehindPart,
    ClipPart,
    ObjectPart,
    ResultPart,
    behind_part,
    clip_part,
    object_part,
    result_part,
    run_part,
)  # fmt: skip
from avfusion.ui.visit import Visit, close, shown, shown_mask

# Looking at frames and clicking is short work; a few at a time keep the page quick for everybody.
_LOOKS_AT_ONCE = 4

Look = tuple[Rgb | None, str, str]
"""The picture of a frame with everything drawn over it, what is selected, and which moment it is."""


def look(visit: Visit, frame: int, segmenter: str) -> Look:
    """What step 2 shows for a frame. One look of a visitor at a time, so that the latest is also the last to arrive."""
    with visit.lock:
        clip = visit.clip
        if clip is None:
            return None, "", ""
        frame = min(frame, clip.frame_count - 1)
        mask: Mask | None = None
        try:
            mask = shown_mask(visit, clip, frame, segmenter)
            said = words.selected(visit.selection, frame, mask)
        except AvfusionError as error:
            said = words.problem(error, clip.path)
        corner = visit.selection.corner
        picture = marked(
            shown(clip, frame), clip, mask=mask, prompts=visit.selection.on_frame(frame),
            corner=corner if corner is not None and corner.frame == frame else None,
        )  # fmt: skip
        return picture, said, words.moment(clip, frame)


def arrive(visit: Visit) -> tuple[Any, ...]:
    """What a visitor finds: the example, where it is bundled and can be read."""
    with contextlib.suppress(AvfusionError):
        if example.is_there():
            clip = example.clip()
            with visit.lock:
                if visit.clip is None:  # the visitor may have been faster, with a clip of their own
                    return _example(visit, clip)
    return (gr.skip(),) * 6


def use_example(visit: Visit) -> tuple[Any, ...]:
    return (str(example.CLIP), *_example(visit, example.clip()))


def _example(visit: Visit, clip: Clip) -> tuple[Any, ...]:
    """The picture at once; the mask comes with the next look."""
    visit.show(clip, example.selection())
    picture = marked(shown(clip, 0), clip, mask=None)
    return (*_opened(clip), picture, words.note("Looking for the object …"), words.moment(clip, 0))


def open_clip(visit: Visit, path: str | None, segmenter: str) -> tuple[Any, ...]:
    """The visitor uploads a clip, or takes it away."""
    if path is None:
        visit.forget()
        nothing = words.note("Drop a clip here, or press to choose one.")
        return (nothing, gr.Slider(interactive=False), gr.Column(visible=False), *look(visit, 0, segmenter))
    try:
        clip = visit.open(Path(path))
    except AvfusionError as error:
        said = words.problem(error, Path(path))
        return (said, gr.Slider(interactive=False), gr.Column(visible=False), None, "", "")
    return (*_opened(clip), *look(visit, 0, segmenter))


def _opened(clip: Clip) -> tuple[str, gr.Slider, gr.Column]:
    """Facts, slider and the results of the clip before, which go."""
    last = clip.frame_count - 1
    scrub = gr.Slider(minimum=0, maximum=max(1, last), value=0, interactive=last > 0)
    return words.facts(clip), scrub, gr.Column(visible=False)


def click(visit: Visit, frame: int, tool: Tool, segmenter: str, event: gr.SelectData) -> Look:
    with visit.lock:
        if visit.clip is not None:
            x, y = to_frame(visit.clip, *event.index)
            visit.selection = clicked(visit.selection, x, y, frame=frame, tool=tool)
        return look(visit, frame, segmenter)


def undo(visit: Visit, frame: int, segmenter: str) -> Look:
    with visit.lock:
        visit.selection = undone(visit.selection)
        return look(visit, frame, segmenter)


def reset(visit: Visit, frame: int, segmenter: str) -> Look:
    with visit.lock:
        visit.selection = Selection()
        return look(visit, frame, segmenter)


def step_by(count: int, visit: Visit, frame: int, segmenter: str) -> tuple[int, Rgb | None, str, str]:
    last = visit.clip.frame_count - 1 if visit.clip else 0
    frame = min(max(frame + count, 0), last)
    return (frame, *look(visit, frame, segmenter))


def choose_kind(kind: str, ending: str) -> tuple[Any, ...]:
    """Shows what belongs to a kind of background. For a transparent one, MP4 is not offered: it cannot hold it."""
    formats = [entry for entry in FORMATS if kind != "transparent" or entry[1] != ".mp4"]
    if ending not in [value for _, value in formats]:
        ending = formats[0][1]
    shows = [gr.update(visible=kind == name) for name in ("picture", "clip", "colour", "blur", "transparent")]
    placing = gr.update(visible=kind in ("picture", "clip"))
    return (*shows, placing, gr.update(visible=kind == "clip"), gr.Dropdown(choices=formats, value=ending))


def build(page: gr.Blocks, *, runs_at_once: int) -> None:
    """The tab's widgets, then its wires. Called inside the tab."""
    visit = gr.State(delete_callback=close)
    with gr.Row(elem_classes="columns"):
        with gr.Column(scale=7, min_width=320):
            with gr.Column(elem_classes="card"):
                clip = clip_part()
            with gr.Column(elem_classes="card"):
                chosen = object_part()
        with gr.Column(scale=5, min_width=320):
            with gr.Column(elem_classes="card"):
                behind = behind_part()
            with gr.Column(elem_classes="card"):
                running = run_part()
    results = result_part()
    _wire_clip(page, visit, clip, chosen, behind, results)
    _wire_object(visit, chosen, behind)
    of_kind = [behind.picture, behind.video, behind.colour, behind.blur, behind.clear, behind.placing, behind.loop]
    behind.kind.change(
        choose_kind,
        [behind.kind, running.format],
        [*of_kind, running.format],
        show_progress="hidden",
        api_visibility="private",
        queue=False,
    )
    rendering.wire(visit, behind, running, results, runs_at_once=runs_at_once)


def _events() -> dict[str, Any]:
    return {
        "show_progress": "hidden",
        "api_visibility": "private",
        "concurrency_id": "look",
        "concurrency_limit": _LOOKS_AT_ONCE,
    }


def _wire_clip(
    page: gr.Blocks, visit: gr.State, clip: ClipPart, chosen: ObjectPart, behind: BehindPart, results: ResultPart
) -> None:
    opened: list[Any] = [clip.facts, chosen.scrub, results.section, chosen.frame, chosen.status, chosen.moment]
    come = page.load(Visit, None, [visit], queue=False, api_visibility="private")
    here: list[Any] = [visit, chosen.scrub, behind.segmenter]
    shows: list[Any] = [chosen.frame, chosen.status, chosen.moment]
    come.then(arrive, [visit], opened, **_events()).then(look, here, shows, **_events())
    clip.clip.upload(open_clip, [visit, clip.clip, behind.segmenter], opened, **_events())
    picked = clip.upload.upload(lambda path: path, clip.upload, clip.clip, **_events())
    picked.then(open_clip, [visit, clip.clip, behind.segmenter], opened, **_events())
    clip.clip.clear(partial(open_clip, path=None), [visit, behind.segmenter], opened, **_events())
    back = clip.example.click(use_example, [visit], [clip.clip, *opened], **_events())
    back.then(look, here, shows, **_events())


def _wire_object(visit: gr.State, chosen: ObjectPart, behind: BehindPart) -> None:
    shows: list[Any] = [chosen.frame, chosen.status, chosen.moment]
    here: list[Any] = [visit, chosen.scrub, behind.segmenter]
    chosen.frame.select(
        click, [visit, chosen.scrub, chosen.tool, behind.segmenter], shows, trigger_mode="multiple", **_events()
    )
    chosen.undo.click(undo, here, shows, trigger_mode="multiple", **_events())
    chosen.reset.click(reset, here, shows, **_events())
    chosen.scrub.input(look, here, shows, trigger_mode="always_last", **_events())
    chosen.previous.click(partial(step_by, -1), here, [chosen.scrub, *shows], **_events())
    chosen.next.click(partial(step_by, 1), here, [chosen.scrub, *shows], **_events())
    behind.segmenter.change(look, here, shows, **_events())
