"""What was found, as the page shows it: the answer in a line, films on one clock, what sounds when, numbers, files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from avfusion.clip import Clip
from avfusion.pipelines.progress import Progress
from avfusion.ui import words
from avfusion.ui.clicks import shown_size
from avfusion.ui.colours import hex_of
from avfusion.ui.sounding_heat import HeatSheet
from avfusion.ui.sounding_making import Found
from avfusion.ui.sounding_timeline import Entry, Timeline, timeline
from avfusion.ui.strings import told
from avfusion.ui.voice_taking import file_address

_STAGES = {
    "looking and listening": "sounding-stage-both",
    "listening": "sounding-stage-listening",
    "looking": "sounding-stage-looking",
    "learning": "sounding-stage-learning",
    "shots": "sounding-stage-shots",
    "tracking": "sounding-stage-tracking",
    "naming": "sounding-stage-naming",
    "comparing": "sounding-stage-comparing",
    "rendering": "sounding-stage-rendering",
    "writing": "sounding-stage-writing",
}

# Stages in which it is not frames that are counted.
_NO_FRAMES = ("listening", "looking", "naming")


class ResultShown(NamedTuple):
    """In the order of `ResultPart.shows`."""

    section: Any = gr.skip()
    earlier: Any = gr.skip()
    answer: Any = gr.skip()
    player: Any = gr.skip()
    report: Any = gr.skip()
    film: Any = gr.skip()
    sources: Any = gr.skip()
    masks: Any = gr.skip()
    rle: Any = gr.skip()
    files_status: Any = gr.skip()
    files: Any = gr.skip()


@dataclass(frozen=True)
class Film:
    """A film to be watched; where there are two, what stands below it, and what its sound is called."""

    file: Path
    says: str = ""
    heard: str = ""


def progress(now: Progress) -> str:
    if now.stage not in _NO_FRAMES:
        return words.progress(now, {stage: told(key) for stage, key in _STAGES.items()})
    said = f"{now.done} / {now.total}" if now.total > 1 else ""
    return words.bar(now.done / max(1, now.total), told(_STAGES[now.stage]), said)


def before_this() -> ResultShown:
    """Another run begins: what is shown is not its result."""
    return ResultShown(earlier=f'<p class="note">{told("sounding-earlier")}</p>')


def finished(found: Found, *, took_s: float) -> ResultShown:
    size = words.file_size(found.film.stat().st_size)
    label = f"{told('sounding-film')}, {found.film.suffix.removeprefix('.')} ({size})"
    has_masks = bool(found.located.sources.found)
    below = timeline(timeline_of(found))
    return ResultShown(
        section=gr.Column(visible=True),
        earlier="",
        answer=answer(found),
        player=player([Film(found.film)], found.clip, heat=found.heat, step_s=found.report.step_s, below=below),
        report=words.report(found.report, total_s=took_s),
        film=gr.DownloadButton(label, value=str(found.film), visible=found.is_drawn),
        sources=gr.DownloadButton(value=str(found.sources)),
        masks=gr.Button(visible=has_masks),
        rle=gr.Button(visible=has_masks),
        files_status="",
        files=gr.File(value=None, visible=False),
    )


def answer(found: Found) -> str:
    """What there is to know first. That nothing was found surely enough is an answer too."""
    if found.report.abstained:
        return (
            f'<div class="answered none"><p class="says">{told("sounding-abstains")}</p>'
            f'<p class="note">{escape(found.report.abstained)}</p></div>'
        )
    said = ", ".join(
        f'<b style="--object:{hex_of(entry.number)}">{escape(entry.title)}</b> ({words.share(entry.confidence)})'
        for entry in timeline_of(found).entries
    )
    return f'<div class="answered"><p class="says">{told("sounding-found")} {said}</p></div>'


def timeline_of(found: Found) -> Timeline:
    """What sounds when, of the whole clip."""
    sounds = {source.number: source.sounds for source in found.located.sources.found}
    entries = [
        Entry(one.number, one.name, one.confidence, sounds[one.number], one.spans) for one in found.report.sources
    ]
    return Timeline(entries, found.wave, float(found.clip.duration_s), found.report.step_s)


def player(
    films: Sequence[Film], clip: Clip, *, heat: HeatSheet | None = None, step_s: float = 1.0, below: str = ""
) -> str:
    """Films side by side on the clock of the first, of which one is heard. The script is `sounding_player.js`.

    heat: can be laid over the first film. below: a timeline that goes along.
    """
    width, height = shown_size(clip)
    seconds = float(clip.duration_s)
    views = "".join(
        _view(film, is_heard=number == 0, layer=_canvas(heat, step_s) if heat and number == 0 else "")
        for number, film in enumerate(films)
    )
    switch, scale = _heat_switch() if heat else ("", "")
    heard = _which_is_heard(films) if len(films) > 1 else ""
    return (
        f'<div class="sounder" data-seconds="{seconds:.6f}" style="--aspect:{width / height:.4f}">'
        f'<div class="views">{views}</div><div class="controls">'
        f'<button type="button" class="play" aria-label="{told("sounding-play")}" data-play="{told("sounding-play")}" '
        f'data-pause="{told("sounding-pause")}"></button><input class="seek" type="range" min="0" max="10000" '
        f'value="0" step="1" aria-label="{told("sounding-place")}">'
        f'<span class="time">0:00.0 / {words.clock(seconds)}</span>{switch}{heard}</div>{scale}{below}</div>'
    )


def _view(film: Film, *, is_heard: bool, layer: str) -> str:
    caption = f"<figcaption>{escape(film.says)}</figcaption>" if film.says else ""
    return (
        f'<figure class="view"><div class="layers"><video playsinline preload="auto"{"" if is_heard else " muted"} '
        f'src="{file_address(film.file)}"></video>{layer}</div>{caption}</figure>'
    )


def _which_is_heard(films: Sequence[Film]) -> str:
    buttons = "".join(
        f'<button type="button" data-hears="{number}" aria-pressed="{str(number == 0).lower()}">{film.heard}</button>'
        for number, film in enumerate(films)
    )
    return f'<div class="which" role="group" aria-label="{told("sounding-heard")}">{buttons}</div>'


def _canvas(heat: HeatSheet, step_s: float) -> str:
    return (
        f'<canvas class="heat" hidden width="{heat.width_px}" height="{heat.height_px}" '
        f'data-sheet="{file_address(heat.file)}" data-columns="{heat.columns}" data-steps="{heat.steps}" '
        f'data-step="{step_s:g}" aria-hidden="true"></canvas>'
    )


def _heat_switch() -> tuple[str, str]:
    """The button, and what the colours say, shown with them."""
    button = f'<button type="button" class="switch-heat" aria-pressed="false">{told("sounding-heat")}</button>'
    scale = (
        f'<p class="warmth" hidden><span>{told("sounding-heat-low")}</span><i aria-hidden="true"></i>'
        f"<span>{told('sounding-heat-high')}</span></p>"
    )
    return button, scale
