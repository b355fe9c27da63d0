"""What the page says: lines of HTML from plain values. Everything that comes from outside is escaped."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np

from avfusion.clip import Box, Clip, Drawn, Point, Prompt, Scribble, Words
from avfusion.errors import AvfusionError
from avfusion.jobs.home import home
from avfusion.pipelines.progress import Progress
from avfusion.pipelines.report import Report
from avfusion.pipelines.track import Tracking
from avfusion.ui.clicks import Selection
from avfusion.ui.drawing import Labels
from avfusion.ui.span import Span

_STAGES = {
    "shots": "Looking for cuts",
    "learning": "Learning the object",
    "tracking": "Following the object",
    "rendering": "Putting in the background",
    "preview": "Making a preview for this page",
}
# Below this nothing is said of the time left: the last frame of a step may take longer than those before it.
_LAST_S = 2.0
_LONGEST_NAME = 44
_BEST_READY = re.compile(r"\S+ is the best engine for .+ that is ready\.")
_INSTEAD = "as you allowed."


@dataclass(frozen=True)
class Wording:
    """What a tab calls clicks on the object and beside it, and what it says before there are any.

    draws: what it says of masks that were painted; empty: they are counted. after_one: what there is to know after the
    first click.
    """

    nothing: str = "Click what you want to keep."
    keeps: str = "kept"
    drops: str = "dropped"
    draws: str = ""
    after_one: str = ""


def step(number: int, title: str) -> str:
    return f'<h2 class="step"><span class="number" aria-hidden="true">{number}</span>{escape(title)}</h2>'


def note(text: str) -> str:
    return f'<p class="note">{escape(text)}</p>' if text else ""


def good(text: str) -> str:
    return f'<p class="note good">{escape(text)}</p>'


def doubt(text: str) -> str:
    """Something that may well not be what the visitor wants."""
    return f'<p class="note doubt" role="status">{escape(text)}</p>' if text else ""


def problem(error: AvfusionError, *paths: Path) -> str:
    """The message of an error, with file names instead of the server's paths."""
    text = str(error)
    for path in paths:
        text = text.replace(str(path), path.name)
    text = re.sub(rf"{re.escape(str(home() / 'jobs'))}(/[\w-]+)*/", "", text)
    return f'<p class="note problem" role="alert">{escape(text)}</p>'


def clock(seconds: float) -> str:
    """75.5 -> 1:15.5"""
    tenths = round(seconds * 10)
    return f"{tenths // 600}:{tenths // 10 % 60:02d}.{tenths % 10}"


def milliseconds(seconds: float | None) -> str:
    """Nothing where there was nothing to measure."""
    return "" if seconds is None else f"{1000 * seconds + 0.0:.1f} ms".replace("-0.0 ms", "0.0 ms")


def duration(seconds: float) -> str:
    """A rough time for people: 40 s, 3 min, 2 h 5 min."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def file_name(name: str) -> str:
    """A file's name as HTML. Of a long one the middle is left out, and all of it is its title."""
    short = shortened(name, _LONGEST_NAME)
    return escape(name) if short == name else f'<span title="{escape(name)}">{escape(short)}</span>'


def shortened(text: str, most: int) -> str:
    """At most so many characters: of a longer text the middle is left out, so that a file's ending stays."""
    head = (most - 1) * 2 // 3
    return text if len(text) <= most else f"{text[:head]}…{text[len(text) - (most - 1 - head) :]}"


def file_size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.0f} kB"


def facts(clip: Clip) -> str:
    sound = "with sound" if clip.sounds else "no sound"
    items = [f"{clip.width_px} by {clip.height_px} pixels"]
    if clip.frame_count > 1:
        items.append(f"{clip.frame_count} frames, {float(clip.fps):.4g} a second")
        items.append(f"{clock(float(clip.duration_s))} long, {sound}")
    lines = "".join(f"<li>{escape(item)}</li>" for item in items)
    notes = "".join(note(text) for text in clip.notes)
    return f'<p class="file">{file_name(clip.path.name)}</p><ul class="facts">{lines}</ul>{notes}'


def moment(clip: Clip, frame: int, span: Span | None = None) -> str:
    """Which frame, and when it is shown; nothing of a picture."""
    if clip.frame_count == 1:
        return ""
    time = float(clip.time(frame) - clip.time(0))
    last = clip.frame_count - 1
    part = f" · only frames {span[0]} to {span[1] - 1} count" if span is not None else ""
    return (
        f'<p class="moment"><span><b>Frame {frame}</b> / {last}{part}</span><span class="time">{time:.3f} s</span></p>'
    )


def selected(
    selection: Selection, frame: int, labels: Labels | None, news: str = "", wording: Wording = Wording()
) -> str:
    """What is selected on a frame, and what to do next. news: what there is to know about the other frames."""
    if selection.corner is not None and selection.corner.frame == frame:
        return note("Now click the opposite corner of the box.")
    if not selection.prompts:
        return note(wording.nothing)
    if selection.chosen not in selection.marked:
        return note(f"Click object {selection.chosen}.")
    here = selection.on_frame(frame)
    parts = []
    if here:
        place = _place(here[-1])
        parts.append(_counted(here, wording) + (f", the last at {place}" if place else ""))
        if labels is not None:
            share = 100 * np.count_nonzero(labels) / labels.size
            what = "the object fills" if len(selection.marked) == 1 else "the objects fill"
            parts.append(f"{what} {share:.{0 if share >= 10 else 1}f} % of the picture")
    others = sorted({prompt.frame for prompt in selection.prompts} - {frame})
    if others:
        parts.append(f"clicks on frame {', '.join(map(str, others))}")
    if wording.after_one and len(selection.prompts) == 1 and isinstance(selection.prompts[0], Point):
        news = f"{wording.after_one} {news}".strip()
    return good(f"{'; '.join(parts)}.".capitalize() + (f" {news}" if news else ""))


def news(is_new: bool, is_current: bool) -> str:
    """What there is to say about the frames without clicks."""
    if is_new or is_current:
        return ""
    return "Not yet followed up on the other frames."


def followed(tracking: Tracking, *, took_s: float) -> str:
    """That the object has been followed, and how much of that was new work."""
    count = tracking.frames_tracked
    if count == 0:
        return note("Followed: nothing had to be tracked anew.")
    return note(f"Followed: done in {duration(took_s)}.")


def _counted(prompts: Sequence[Prompt], wording: Wording) -> str:
    """2 kept, 1 dropped, 1 box"""
    drawn = sum(isinstance(prompt, Drawn) for prompt in prompts)
    counts = [
        (wording.keeps, wording.keeps, sum(isinstance(prompt, Point) and prompt.keep for prompt in prompts)),
        (wording.drops, wording.drops, sum(isinstance(prompt, Point) and not prompt.keep for prompt in prompts)),
        ("box", "boxes", sum(isinstance(prompt, Box) for prompt in prompts)),
        ("mask", "masks", 0 if wording.draws else drawn),
        ("stroke", "strokes", sum(isinstance(prompt, Scribble) and prompt.keep for prompt in prompts)),
        ("dropping stroke", "dropping strokes", sum(isinstance(p, Scribble) and not p.keep for p in prompts)),
    ]
    said = [wording.draws] if wording.draws and drawn else []
    said += [f"'{prompt.text}'" for prompt in prompts if isinstance(prompt, Words)]
    return ", ".join([*(f"{count} {one if count == 1 else many}" for one, many, count in counts if count), *said])


def _place(prompt: Prompt) -> str:
    """Pixels of the full frame, as the command line takes them; of a stroke, where it ends."""
    if isinstance(prompt, Box):
        return f"{prompt.x0:g},{prompt.y0:g},{prompt.x1:g},{prompt.y1:g}"
    if isinstance(prompt, Scribble):
        return f"{prompt.points[-1][0]:g},{prompt.points[-1][1]:g}"
    return f"{prompt.x:g},{prompt.y:g}" if isinstance(prompt, Point) else ""


def waiting(place: int | None = None, remaining_s: float | None = None) -> str:
    """place: in the queue, from 1. remaining_s: until the turn, as far as that is known."""
    where = "" if place is None else "next in the queue" if place == 1 else f"number {place} in the queue"
    soon = "" if remaining_s is None else f"starts in about {duration(remaining_s)}"
    return bar(0.0, "Waiting for its turn …", " · ".join(part for part in (where, soon) if part))


def progress(now: Progress, stages: Mapping[str, str] = _STAGES) -> str:
    """stages: what a tab calls the stages of its runs."""
    if now.stage == "waiting":
        return waiting(now.total, now.remaining_s)
    unit = "step" if now.stage == "learning" or now.unit == "steps" else "frame"
    rate = f"{now.frames_per_s:.3g} {unit}s/s" if now.done > 1 else ""
    is_long = now.remaining_s is not None and now.remaining_s >= _LAST_S
    left = f"about {duration(now.remaining_s or 0)} left in this step" if is_long else ""
    words = " · ".join(part for part in (f"{unit} {now.done} of {now.total}", rate, left) if part)
    return bar(now.done / max(1, now.total), stages.get(now.stage, now.stage.capitalize()), words)


def bar(part: float, title: str, words: str) -> str:
    """A bar that is full at part 1."""
    percent = f"{100 * part:.0f}"
    return (
        f'<div class="progress"><div class="words"><b>{escape(title)}</b><span>{escape(words)}</span></div>'
        f'<div class="track" role="progressbar" aria-valuenow="{percent}" aria-valuemin="0" aria-valuemax="100">'
        f'<div class="fill" style="width:{percent}%"></div></div></div>'
    )


def report(report: Report, *, total_s: float) -> str:
    """The line under a result: what it is, who made it, how fast, where the time went, what to know."""
    weights = {ability: f" (weights {revision[:12]})" for ability, revision in report.revisions.items()}
    engines = ", ".join(f"{ability} {name}{weights.get(ability, '')}" for ability, name in report.engines.items())
    stages = ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in report.stages_s.items())
    many = report.frames > 1
    items = [
        f"{f'{report.frames} frames' if many else 'One picture'} of {report.width_px} by {report.height_px}",
        f"{report.frames / max(total_s, 1e-6):.3g} frames/s overall" if many else f"{total_s:.1f} s",
        engines,
        f"{stages} ({report.device})",
    ]
    line = " · ".join(escape(item) for item in items if item)
    return f'<p class="report">{line}</p>{notes(report.notes)}'


def notes(texts: Sequence[str]) -> str:
    """What there is to know, as a list. Which engine was the best that is ready stays out: the Engines tab says it."""
    told = [text for text in texts if not _BEST_READY.match(text) or text.endswith(_INSTEAD)]
    items = "".join(f"<li>{escape(text)}</li>" for text in told)
    return f'<ul class="notes">{items}</ul>' if items else ""


def share(part: float) -> str:
    """0.034 -> 3.4 %"""
    percent = 100 * float(part)
    return f"{percent:.{0 if percent >= 10 or percent == 0 else 1}f} %"
