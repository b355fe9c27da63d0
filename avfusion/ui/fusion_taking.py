"""Steps 1 and 2 of the Fusion tab: what is set in the other tabs, and the few things that can be given here."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from avfusion.clip import Clip
from avfusion.errors import AvfusionError
from avfusion.media.probe import probe
from avfusion.ui import background, example, fusion_cards, words
from avfusion.ui.clicks import Selection
from avfusion.ui.fusion_objects import Objects, frame_of, gather, is_same_clip, labels_on
from avfusion.ui.fusion_visit import FusionVisit
from avfusion.ui.fusion_wish import Others
from avfusion.ui.strings import told
from avfusion.ui.voice_visit import VOICE


class Taken(NamedTuple):
    """What the tab shows of the others."""

    picture: Any = gr.skip()
    facts: Any = gr.skip()
    from_inpaint: Any = gr.skip()
    from_voice: Any = gr.skip()
    background: Any = gr.skip()
    remove: Any = gr.skip()
    remove_said: Any = gr.skip()
    removed: Any = gr.skip()
    voice: Any = gr.skip()
    voice_said: Any = gr.skip()
    results: Any = gr.skip()


def arrive(own: FusionVisit, ticked: Sequence[str], others: Others, *, is_quick: bool) -> Taken:
    """The tab is opened. The first time there is the bundled voice, as in the tab Voice, unless another was given."""
    with others.voice.lock:
        if not own.has_arrived and not others.voice.has_arrived and not others.voice.targets and VOICE.is_file():
            others.voice.targets = (VOICE,)
    own.has_arrived = True
    return look(own, ticked, others, is_quick=is_quick)


def look(own: FusionVisit, ticked: Sequence[str], others: Others, *, is_quick: bool) -> Taken:
    """is_quick: without looking for the objects in the picture, which may take a moment."""
    clip, objects = others.background.clip, gather(others.background, others.inpaint)
    fresh = objects.going - own.offered
    own.offered = frozenset(objects.keys)
    gone = [key for key in objects.keys if key in {*ticked, *fresh}]
    chosen, kind = others.chosen, others.voice_chosen.kind
    has_sound = clip is None or bool(clip.sounds)
    is_old = own.shown_with is not None and own.shown_with is not clip
    return Taken(
        picture=_picture(others, clip, objects, gone, is_quick=is_quick),
        facts=gr.skip() if clip is None else words.facts(clip),
        from_inpaint=_offer("inpaint", others.inpaint.clip, clip),
        from_voice=_offer("voice", _heard(others), clip),
        background=fusion_cards.background(
            clip, chosen.kind, chosen.picture, chosen.video, chosen.colour, chosen.blur
        ),
        remove=True if fresh else gr.skip(),
        remove_said=_said_of_removal(objects, gone),
        removed=gr.CheckboxGroup(
            choices=[(fusion_cards.object_name(one.number, one.tab == "inpaint"), one.key) for one in objects.marked],
            value=gone, visible=bool(objects.marked),
        ),
        voice=gr.Checkbox(interactive=has_sound),
        voice_said=fusion_cards.voice(others.voice, kind, clip),
        results=gr.Column(visible=False) if is_old else gr.skip(),
    )  # fmt: skip


def tick(own: FusionVisit, ticked: Sequence[str], others: Others, *, is_quick: bool) -> Taken:
    """The visitor says which objects go: whoever ticks one wants them taken out."""
    return look(own, ticked, others, is_quick=is_quick)._replace(remove=bool(ticked), removed=gr.skip())


def _picture(others: Others, clip: Clip | None, objects: Objects, gone: Sequence[str], *, is_quick: bool) -> str:
    if clip is None:
        return f'<div class="fused empty"><p class="note">{told("fusion-clip-none")}</p></div>'
    visit, frame = others.background, frame_of(objects, others.background.span)
    if is_quick and objects.marked:
        return fusion_cards.picture(clip, frame, objects, None, gone)
    try:
        with visit.lock:
            labels = labels_on(visit, others.inpaint, objects, clip, frame, others.chosen.segmenter)
    except AvfusionError as error:
        return fusion_cards.picture(clip, frame, objects, None, gone) + words.problem(error, clip.path)
    return fusion_cards.picture(clip, frame, objects, labels, gone)


def _said_of_removal(objects: Objects, gone: Sequence[str]) -> str:
    key = "fusion-remove-goes" if gone else "fusion-remove-tick" if objects.marked else "fusion-remove-none"
    return f'<p class="note">{told(key)}</p>'


def _heard(others: Others) -> Path | None:
    """What the tab Voice has, where it has pictures."""
    recording = others.voice.recording
    return recording.path if recording is not None and recording.has_picture else None


def _offer(tab: str, theirs: Clip | Path | None, clip: Clip | None) -> gr.Button:
    """A button that fetches another tab's clip, where that is another one; the bundled example is on offer anyway."""
    path = theirs.path if isinstance(theirs, Clip) else theirs
    if path is None or path == example.CLIP or theirs is None:
        return gr.Button(visible=False)
    if clip is not None and (
        is_same_clip(theirs, clip) if isinstance(theirs, Clip) else _is_same_file(path, clip.path)
    ):
        return gr.Button(visible=False)
    return gr.Button(f"{told('fusion-clip-from')} {told(f'tab-{tab}')}: {words.shortened(path.name, 28)}", visible=True)


def _is_same_file(one: Path, other: Path) -> bool:
    with contextlib.suppress(OSError):
        return one.samefile(other) or (one.name == other.name and one.stat().st_size == other.stat().st_size)
    return False


def open_clip(others: Others, path: str) -> tuple[Any, ...]:
    """A clip is given here: it is the one of the tab Background from now on."""
    try:
        clip = others.background.open(Path(path))
    except AvfusionError as error:
        said = words.problem(error, Path(path))
        return *background.show_nothing(others.background, others.chosen.segmenter, said), said
    return *background.show_clip(others.background, clip, others.chosen.segmenter), words.facts(clip)


def use_example(others: Others, _: Any) -> tuple[Any, ...]:
    clip = example.clip()
    others.background.show(clip, example.selection())
    return *background.show_clip(others.background, clip, others.chosen.segmenter), words.facts(clip)


def from_inpaint(others: Others, _: Any) -> tuple[Any, ...]:
    """The clip alone: what is marked there is taken anyway, as what should go."""
    clip = others.inpaint.clip
    return _bring(others, None if clip is None else clip.path)


def from_voice(others: Others, _: Any) -> tuple[Any, ...]:
    return _bring(others, _heard(others))


def _bring(others: Others, path: Path | None) -> tuple[Any, ...]:
    visit, segmenter = others.background, others.chosen.segmenter
    if path is None:  # it was taken away meanwhile
        said = f'<p class="note">{told("fusion-clip-none")}</p>'
        return *background.show_nothing(visit, segmenter, said), said
    try:
        clip = visit.take_over(probe(path), Selection())
    except AvfusionError as error:
        said = words.problem(error, path)
        return *background.show_nothing(visit, segmenter, said), said
    return *background.show_clip(visit, clip, segmenter), words.facts(clip)


def add_recordings(others: Others, files: Sequence[str] | str | None) -> None:
    paths = [files] if isinstance(files, str) else files or ()
    others.voice.add_targets([Path(path) for path in paths])


def example_voice(others: Others, _: Any) -> None:
    with others.voice.lock:
        others.voice.targets = (VOICE,)
