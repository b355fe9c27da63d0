"""The Background tab: a clip, clicks on the object, a background, and the clip with it."""

from __future__ import annotations

import contextlib
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from avfusion.clip import Clip
from avfusion.errors import AvfusionError
from avfusion.media.pictures import is_picture
from avfusion.ui import editing, example, rendering, words
from avfusion.ui.editing import short_events
from avfusion.ui.layout import (
    FORMATS,
    BehindPart,
    ClipPart,
    ResultPart,
    behind_part,
    clip_part,
    result_part,
    run_part,
)
from avfusion.ui.looking import Look, look
from avfusion.ui.object_part import ObjectPart, object_part
from avfusion.ui.taking import Source, Taken, Target
from avfusion.ui.visit import Visit, close


def arrive(visit: Visit) -> tuple[Any, ...]:
    """What a visitor finds: the example, where it is bundled and can be read."""
    with contextlib.suppress(AvfusionError):
        if example.is_there():
            clip = example.clip()
            with visit.lock:
                if visit.clip is None:  # the visitor may have been faster, with a clip of their own
                    return _example(visit, clip)
    return (gr.skip(),) * (4 + len(Look._fields))


def use_example(visit: Visit) -> tuple[Any, ...]:
    return (_playing(str(example.CLIP)), *_example(visit, example.clip()))


def _example(visit: Visit, clip: Clip) -> tuple[Any, ...]:
    """The picture at once; the mask comes with the next look."""
    visit.show(clip, example.selection())
    return (*_opened(clip), *look(visit, 0, "auto", quick=True))


def open_clip(visit: Visit, path: str | None, segmenter: str) -> tuple[Any, ...]:
    """The visitor uploads a clip, or takes it away."""
    if path is None:
        visit.forget()
        nothing = words.note("Drop a clip here, or press to choose one.")
        return (nothing, gr.Slider(interactive=False), gr.Column(visible=False), "", *look(visit, 0, segmenter))
    try:
        clip = visit.open(Path(path))
    except AvfusionError as error:
        said = words.problem(error, Path(path))
        return (said, gr.Slider(interactive=False), gr.Column(visible=False), "", *look(visit, 0, segmenter))
    return (*_opened(clip), *look(visit, 0, segmenter))


def receive(visit: Visit, segmenter: str, taken: Taken) -> tuple[Any, ...]:
    """A mask that was made in another tab: its clip is opened, and it is what is selected."""
    clip = visit.take_over(taken.clip, taken.selection)
    return show_clip(visit, clip, segmenter, frame=taken.frame, said=words.note(taken.said))


def show_clip(visit: Visit, clip: Clip, segmenter: str, *, frame: int = 0, said: str = "") -> tuple[Any, ...]:
    """A clip that came from another tab. The values of `Target.outputs`."""
    facts, scrub, results, _ = _opened(clip, frame)
    player = gr.Video(value=None, interactive=True) if is_picture(clip.path) else _playing(str(clip.path))
    return (player, facts, scrub, results, said, *look(visit, frame, segmenter))


def show_nothing(visit: Visit, segmenter: str, said: str) -> tuple[Any, ...]:
    """Another tab's visitor gave a clip that cannot be used. The values of `Target.outputs`."""
    return (None, said, gr.Slider(interactive=False), gr.Column(visible=False), "", *look(visit, 0, segmenter))


def _playing(path: str) -> gr.Video:
    return gr.Video(value=path, interactive=False)


def _opened(clip: Clip, frame: int = 0) -> tuple[str, gr.Slider, gr.Column, str]:
    """Facts, slider, and the results of the clip before, which go."""
    last = clip.frame_count - 1
    scrub = gr.Slider(minimum=0, maximum=max(1, last), value=frame, interactive=last > 0)
    return words.facts(clip), scrub, gr.Column(visible=False), ""


def choose_kind(kind: str, ending: str) -> tuple[Any, ...]:
    """Shows what belongs to a kind of background. For a transparent one, MP4 is not offered: it cannot hold it."""
    formats = [entry for entry in FORMATS if kind != "transparent" or entry[1] != ".mp4"]
    if ending not in [value for _, value in formats]:
        ending = formats[0][1]
    shows = [gr.update(visible=kind == name) for name in ("picture", "clip", "colour", "blur", "transparent")]
    placing = gr.update(visible=kind in ("picture", "clip"))
    return (*shows, placing, gr.update(visible=kind == "clip"), gr.Dropdown(choices=formats, value=ending))


def build(page: gr.Blocks, *, runs_at_once: int) -> tuple[Target, Source]:
    """The tab's widgets, then its wires. Called inside the tab. What masks of other tabs need to come here, and what a
    fusion takes from here."""
    visit = gr.State(delete_callback=close)
    with gr.Row(elem_classes="columns"):
        with gr.Column(scale=7, min_width=320):
            with gr.Column(elem_classes="card"):
                clip = clip_part()
            with gr.Column(elem_classes="card"):
                chosen = object_part("background")
        with gr.Column(scale=5, min_width=320):
            with gr.Column(elem_classes="card"):
                behind = behind_part()
            with gr.Column(elem_classes="card"):
                running = run_part()
    results = result_part()
    _wire_clip(page, visit, clip, chosen, behind, results)
    engines = editing.Engines(behind.tracker, behind.segmenter)
    editing.wire(page, visit, chosen, engines, runs_at_once=runs_at_once)
    of_kind = [behind.picture, behind.video, behind.colour, behind.blur, behind.clear, behind.placing, behind.loop]
    behind.kind.change(
        choose_kind,
        [behind.kind, running.format],
        [*of_kind, running.format],
        show_progress="hidden",
        api_visibility="private",
        queue=False,
    )
    ran = rendering.wire(visit, behind, running, results, runs_at_once=runs_at_once)
    ran.then(look, [visit, chosen.scrub, behind.segmenter], chosen.shows, **short_events())
    shows = [clip.clip, clip.facts, chosen.scrub, results.section, chosen.progress, *chosen.shows]
    target = Target("background", [visit, behind.segmenter], shows, receive, [visit, chosen.scrub])
    return target, Source(visit, rendering.inputs(behind, running.format))


def _wire_clip(
    page: gr.Blocks, visit: gr.State, clip: ClipPart, chosen: ObjectPart, behind: BehindPart, results: ResultPart
) -> None:
    opened: list[Any] = [clip.facts, chosen.scrub, results.section, chosen.progress, *chosen.shows]
    come = page.load(Visit, None, [visit], queue=False, api_visibility="private")
    here: list[Any] = [visit, chosen.scrub, behind.segmenter]
    come.then(arrive, [visit], opened, **short_events()).then(look, here, chosen.shows, **short_events())
    clip.clip.upload(open_clip, [visit, clip.clip, behind.segmenter], opened, **short_events())
    picked = clip.upload.upload(_playing, clip.upload, clip.clip, **short_events())
    picked.then(open_clip, [visit, clip.clip, behind.segmenter], opened, **short_events())
    clip.clip.clear(partial(open_clip, path=None), [visit, behind.segmenter], opened, **short_events())
    back = clip.example.click(use_example, [visit], [clip.clip, *opened], **short_events())
    back.then(look, here, chosen.shows, **short_events())
