"""What step 2 shows for a frame: its picture with objects and clicks over it, the timeline, and what can be done."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import gradio as gr
import numpy as np

from avfusion.clip import Clip, Mask, Prompt, Rgb
from avfusion.errors import AvfusionError
from avfusion.pipelines.frame import mask_frame, one_frame
from avfusion.pipelines.keys import says_where
from avfusion.pipelines.track import Tracking
from avfusion.ui import timeline, words
from avfusion.ui.clicks import Selection, fresh
from avfusion.ui.colours import hex_of
from avfusion.ui.drawing import Labels, inline, marked, scaled
from avfusion.ui.visit import Made, Visit

_JPEG_QUALITY = 88


class Look(NamedTuple):
    """In the order of `ObjectPart.shows`."""

    frame: Any
    status: str
    moment: str
    timeline: str
    objects: Any
    remove: Any
    undo: Any
    redo: Any
    follow: Any
    worst: Any
    whole: Any


def look(visit: Visit, frame: int, segmenter: str, *, quick: bool = False) -> Look:
    """One look of a visitor at a time, so that the latest is also the last to arrive.

    quick: show the picture without masks, which may take a moment.
    """
    with visit.lock:
        clip, selection = visit.clip, visit.selection
        if clip is None:
            return _nothing()
        frame = min(max(frame, 0), clip.frame_count - 1)
        labels: Labels | None = None
        try:
            labels = None if quick else shown_labels(visit, clip, frame, segmenter)
            news = words.news(visit.known is None or clip.frame_count == 1, is_current(visit))
            said = words.selected(selection, frame, labels, news, visit.wording)
            if labels is not None:
                said += words.doubt(visit.doubt(labels > 0))
        except AvfusionError as error:
            said = words.problem(error, clip.path)
        corner = selection.corner
        picture = marked(
            shown(clip, frame), clip, labels=labels, prompts=() if quick else selection.on_frame(frame),
            corner=corner if corner is not None and corner.frame == frame else None,
        )  # fmt: skip
        return _shows(visit, clip, frame, picture, words.note("Looking for the object …") if quick else said)


def _shows(visit: Visit, clip: Clip, frame: int, picture: Rgb, said: str) -> Look:
    selection, made = visit.selection, visit.known
    is_stale = made is not None and not is_current(visit)
    return Look(
        frame={"src": inline(picture, _JPEG_QUALITY), "frame": frame, "colour": hex_of(selection.chosen)},
        status=said,
        moment=words.moment(clip, frame, visit.span),
        timeline=timeline.strip(_timeline(visit, clip, frame, is_stale)),
        objects=gr.Radio(choices=[(f"Object {n}", n) for n in selection.objects], value=selection.chosen),
        remove=gr.Button(visible=len(selection.objects) > 1),
        undo=gr.Button(interactive=bool(selection.past or selection.corner)),
        redo=gr.Button(interactive=bool(selection.future)),
        follow=gr.Button(variant="primary" if is_stale else "secondary"),
        worst=gr.Button(visible=made is not None),
        whole=gr.Button(visible=visit.span is not None),
    )


def _nothing() -> Look:
    skip = gr.skip()
    return Look(
        frame={"src": "", "frame": 0, "colour": hex_of(1)}, status="", moment="", timeline="",
        objects=gr.Radio(choices=[("Object 1", 1)], value=1), remove=gr.Button(visible=False),
        undo=gr.Button(interactive=False), redo=gr.Button(interactive=False), follow=skip,
        worst=gr.Button(visible=False), whole=gr.Button(visible=False),
    )  # fmt: skip


def _timeline(visit: Visit, clip: Clip, frame: int, is_stale: bool) -> timeline.Timeline:
    selection, made = visit.selection, visit.known
    keys = {n: tuple(sorted({p.frame for p in selection.prompts if p.object == n})) for n in selection.objects}
    track = made.tracking.track if made is not None else None
    return timeline.Timeline(
        frame_count=clip.frame_count,
        frame=frame,
        keys=keys,
        confidence={n: track.confidence[n] for n in selection.objects if n in track.confidence} if track else {},
        shots=made.tracking.shots if made is not None else (),
        span=visit.span,
        tracked=made.tracking.span if made is not None else None,
        is_stale=is_stale,
    )


def is_current(visit: Visit) -> bool:
    """Whether the object has been followed as the clicks say now."""
    return visit.tracking is not None


@lru_cache(maxsize=24)
def shown(clip: Clip, frame: int) -> Rgb:
    """A frame at its displayed size. Read-only."""
    return scaled(one_frame(clip, frame).rgb, clip)


def shown_labels(visit: Visit, clip: Clip, frame: int, segmenter: str) -> Labels | None:
    """The objects to show on a frame; None where nothing is known.

    What was followed last stays until it is made again, and the clicks since then correct it on their own frames.
    """
    selection, made = visit.selection, visit.known
    own = selection.on_frame(frame)
    if made is None or _says_what_was_undone(selection, made, frame):
        return pointed_at(clip, own, frame, segmenter, None, (), ()) if own else None
    if any(prompt.frame == frame for prompt in fresh(selection.prompts, made.made_from.prompts)):
        elsewhere = tuple(number for number in selection.marked if selection.begins_on(number) != frame)
        return pointed_at(clip, own, frame, segmenter, made.tracking, selection.marked, elsewhere)
    return _labels(_known_masks(made.tracking, selection.marked, frame), clip)


def _says_what_was_undone(selection: Selection, made: Made, frame: int) -> bool:
    """Whether the track goes by a prompt on this frame that is no longer in the log."""
    return any(prompt.frame == frame for prompt in fresh(made.made_from.prompts, selection.prompts))


def _known_masks(tracking: Tracking, objects: tuple[int, ...], frame: int) -> dict[int, Mask]:
    start, stop = tracking.span
    if not start <= frame < stop:
        return {}
    return {number: tracking.track.mask(frame, number) for number in objects if number in tracking.track.objects}


@lru_cache(maxsize=8)
def pointed_at(
    clip: Clip, prompts: tuple[Prompt, ...], frame: int, segmenter: str, known: Tracking | None,
    objects: tuple[int, ...], elsewhere: tuple[int, ...],
) -> Labels:  # fmt: skip
    """uint8 [H, W] of what the prompts on a frame point at, and of the other objects that are known there.

    elsewhere: objects that the log begins with on another frame: here the prompts correct what is known of them, as
    they will when the object is followed. Read-only. Raises what `mask_frame` raises.
    """
    masks = _known_masks(known, objects, frame) if known is not None else {}
    named = {prompt.object for prompt in prompts}
    prior = {
        number: masks[number] for number in named if number in elsewhere and number in masks and masks[number].any()
    }
    # To say what an object is not, where it was not seen either, changes nothing.
    absent = {number for number in named & set(elsewhere) - prior.keys() if not says_where(prompts, number)}
    asked = [prompt for prompt in prompts if prompt.object not in absent]
    if asked:
        masks |= mask_frame(clip, asked, frame=frame, prior=prior or None, segmenter=segmenter).masks
    return _labels({number: mask for number, mask in masks.items() if number not in named} | masks, clip)


def _labels(masks: dict[int, Mask], clip: Clip) -> Labels:
    """Later masks lie over earlier ones."""
    labels = np.zeros((clip.height_px, clip.width_px), np.uint8)
    for number, mask in masks.items():
        labels[mask] = number
    return labels
