"""The clip of the Sounding tab, and what goes from there to other tabs: a source's mask, as what is selected there."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from avfusion.clip import Clip, Drawn
from avfusion.errors import AvfusionError
from avfusion.ui import example, words
from avfusion.ui.clicks import Selection
from avfusion.ui.inpaint_making import plays
from avfusion.ui.sounding_example import made_scene
from avfusion.ui.sounding_making import Found
from avfusion.ui.sounding_visit import SoundingVisit
from avfusion.ui.strings import told
from avfusion.ui.taking import Taken
from avfusion.ui.visit import Visit
from avfusion.ui.voice_taking import file_address


class Opened(NamedTuple):
    """What another clip changes; what belonged to the one before goes. file: an empty place again, for the next."""

    file: Any = gr.skip()
    facts: Any = gr.skip()
    player: Any = gr.skip()
    run: Any = gr.skip()
    status: Any = gr.skip()
    results: Any = gr.skip()
    control_status: Any = gr.skip()
    control: Any = gr.skip()


def open_clip(visit: SoundingVisit, path: str | None) -> Opened:
    """The visitor uploads a clip. The drop zone is empty again for the next one."""
    if path is None:  # a second file came while the first was taken in
        return Opened()
    try:
        clip = visit.open(Path(path))
    except AvfusionError as error:
        said = words.problem(error, Path(path))
        return Opened(None, said, "", gr.Button(interactive=False), "", gr.Column(visible=False), "", "")
    return _opened(clip)


def use_example(visit: SoundingVisit) -> Opened:
    """The made scene: what is opened is the visitor's own link to it."""
    try:
        clip = visit.open(made_scene())
    except AvfusionError as error:
        return Opened(facts=words.problem(error))
    opened = _opened(clip)
    return opened._replace(facts=opened.facts + words.note(told("sounding-made")))


def arrive(visit: SoundingVisit, other: Visit) -> Opened:
    """When the tab is opened for the first time it takes the visitor's clip over from Background, or else the example.

    In Background's own example nothing is found without a download.
    """
    with visit.lock:
        is_first, visit.has_arrived = not visit.has_arrived, True
        if not is_first or visit.clip is not None:
            return Opened()
    if other.clip is None or other.clip.path == example.CLIP:
        return use_example(visit)
    with contextlib.suppress(AvfusionError):
        return _opened(visit.take_over(other.clip, Selection()))
    return Opened()


def from_background(visit: SoundingVisit, other: Visit) -> Opened:
    clip = other.clip
    if clip is None:
        return Opened(status=words.note(told("sounding-no-other")))
    try:
        return _opened(visit.take_over(clip, Selection()))
    except AvfusionError as error:
        return Opened(facts=words.problem(error, clip.path), player="", run=gr.Button(interactive=False))


def _opened(clip: Clip) -> Opened:
    silent = "" if clip.sounds else words.doubt(told("sounding-silent"))
    player = ""
    if plays(clip):
        player = (
            f'<video class="source" controls playsinline preload="metadata" src="{file_address(clip.path)}"></video>'
        )
    return Opened(
        None, words.facts(clip) + silent, player, gr.Button(interactive=True), "", gr.Column(visible=False), "", ""
    )


def taken_of(found: Found, number: int) -> Taken | str:
    """A source's masks on the frames on which it was found, or why there are none to take."""
    heard = next((one for one in found.report.sources if one.number == number), None)
    whole = found.located.whole
    if heard is None or number not in whole.objects:
        return told("sounding-nothing-to-take")
    masks = [Drawn(whole.mask(frame, number), frame) for frame in heard.pivots]
    masks = [drawn for drawn in masks if drawn.mask.any()]
    if not masks:
        return told("sounding-nothing-to-take")
    first, *more = masks
    said = f"{told('sounding-taken')}: {heard.name or heard.number}."
    return Taken(found.clip, first.frame, first.mask, said, tuple(more))
