"""What a removal looks like: before and after, one over the other; what was seen and what was invented; numbers."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
import numpy as np

from avfusion.clip import Clip, Rgb
from avfusion.media.masks import shown_colour
from avfusion.media.pictures import read_picture
from avfusion.pipelines.frame import one_frame
from avfusion.pipelines.progress import Progress
from avfusion.pipelines.remove import RemoveReport
from avfusion.pipelines.remove_preview import Preview
from avfusion.pipelines.remove_render import INVENTED, SEEN, map_picture
from avfusion.ui import words
from avfusion.ui.clicks import shown_size
from avfusion.ui.drawing import inline, outlined, scaled
from avfusion.ui.inpaint_making import Outcome, middle_of
from avfusion.ui.looking import shown
from avfusion.ui.voice_taking import file_address

_JPEG_QUALITY = 92
STAGES = {
    "shots": "Looking for cuts",
    "learning": "Learning the object",
    "tracking": "Following the object",
    "holes": "Making the hole a little larger",
    "looking": "Comparing the frames",
    "carrying back": "Looking for what is behind it",
    "filling": "Filling the hole",
    "map": "Marking what was seen and what was invented",
    "playing": "Making a copy that this page can play",
}
_OBJECT, _SHADOW = 1, 3


class ResultShown(NamedTuple):
    """In the order of `ResultPart.shows`."""

    section: Any = gr.skip()
    player: Any = gr.skip()
    numbers: Any = gr.skip()
    download: Any = gr.skip()
    map: Any = gr.skip()
    masks: Any = gr.skip()
    rle: Any = gr.skip()
    files_status: Any = gr.skip()
    files: Any = gr.skip()


def progress(now: Progress) -> str:
    stages = STAGES | {now.stage: f"Painting picture {now.stage.partition(' ')[2]}"} if _paints(now) else STAGES
    return words.progress(now, stages)


def _paints(now: Progress) -> bool:
    return now.stage.startswith("painting ")


def finished(outcome: Outcome, *, took_s: float) -> ResultShown:
    size = outcome.file.stat().st_size
    return ResultShown(
        section=gr.Column(visible=True),
        player=_still(outcome) if outcome.after is None else _moving(outcome),
        numbers=numbers(outcome.report, total_s=took_s),
        download=gr.DownloadButton(
            label=f"Download {outcome.file.suffix.removeprefix('.')} ({words.file_size(size)})", value=str(outcome.file)
        ),
        map=gr.DownloadButton(value=str(outcome.map)),
        files_status="",
        files=gr.File(value=None, visible=False),
    )


def _still(outcome: Outcome) -> str:
    after, map_ = (scaled(_read(file), outcome.clip) for file in (outcome.file, outcome.map))
    return wipe(
        _image("before", shown(outcome.clip, 0), "The picture as it was"),
        _image("after", after, "The picture with the hole filled"),
        _image("map", map_, "The picture in grey, coloured where it was invented"),
        clip=outcome.clip, middle=outcome.middle, sees=False,
    )  # fmt: skip


def _read(file: Path) -> Rgb:
    return np.ascontiguousarray(read_picture(file)[..., :3])


def _moving(outcome: Outcome) -> str:
    assert outcome.before is not None
    assert outcome.after is not None
    seconds = float(outcome.clip.duration_s)
    clock = (
        '<button type="button" class="play" aria-label="Play"></button>'
        '<input class="seek" type="range" min="0" max="10000" value="0" step="1" aria-label="Place in the clip">'
        f'<span class="time">0:00.0 / {words.clock(seconds)}</span>'
    )
    return wipe(
        _video("before", outcome.before, is_silent=True),
        _video("after", outcome.after, is_silent=False),
        _video("map", outcome.map, is_silent=True),
        clip=outcome.clip,
        middle=outcome.middle,
        clock=clock,
        attributes=f' data-offset="{outcome.offset_s:.6f}" data-seconds="{seconds:.6f}"',
    )


def _video(kind: str, file: Path, *, is_silent: bool) -> str:
    return (
        f'<video class="{kind}" playsinline preload="auto"{" muted" if is_silent else ""} '
        f'src="{file_address(file)}"></video>'
    )


def _image(kind: str, picture: Rgb, alt: str) -> str:
    return f'<img class="{kind}" alt="{escape(alt)}" draggable="false" src="{inline(picture, _JPEG_QUALITY)}">'


def wipe(
    before: str,
    after: str,
    map: str,
    *,
    clip: Clip,
    middle: float,
    sees: bool = True,
    casts: bool = False,
    clock: str = "",
    attributes: str = "",
) -> str:
    """Layers as HTML (<img> or <video> of the classes before, after and map), with what moves them and a legend.

    clip: for the shape of the layers. middle: where the border is at first, 0..1. sees: whether there are other frames
    to see things on. casts: whether a shadow is marked. clock: the controls of clips. The script is `wipe.js`.
    """
    width, height = shown_size(clip)
    style = f"--at:{100 * middle:.1f}%;--aspect:{width / height:.4f}"
    return (
        f'<div class="wipe" data-shown="after" style="{style}"{attributes}>'
        f'<div class="layers">{after}{map}{before}'
        '<span class="tag left">Before</span><span class="tag right">After</span>'
        f'<input class="at" type="range" min="0" max="1000" value="{1000 * middle:.0f}" step="1" '
        'aria-label="How much is shown as it was before"><i class="edge" aria-hidden="true"></i></div>'
        f'<p class="note unplayed">This browser does not play the original.</p><div class="controls">{clock}'
        '<div class="which" role="group" aria-label="What is shown on the right">'
        '<button type="button" data-shows="after" aria-pressed="true">Result</button>'
        '<button type="button" data-shows="map" aria-pressed="false">Seen or invented</button></div></div>'
        f"{legend(sees=sees, casts=casts)}</div>"
    )


def legend(*, sees: bool, casts: bool = False) -> str:
    """What the colours say: those of the map, shown beside it alone, and of the outline round a shadow."""
    origins = [*([(SEEN, "seen on other frames")] if sees else []), (INVENTED, "invented")]
    casting = [(_SHADOW, "shadow or reflection, goes too")] if casts else []
    return _rows(origins, "of-map") + (_rows(casting, "") if casting else "")


def _rows(entries: Sequence[tuple[int, str]], kind: str) -> str:
    rows = "".join(f'<li><i style="background:{shown_colour(number)}"></i>{text}</li>' for number, text in entries)
    return f'<ul class="legend {kind}">{rows}</ul>'


def numbers(report: RemoveReport, *, total_s: float) -> str:
    """Where the new picture comes from, then who made it, and how fast."""
    facts = [("Seen on other frames", words.share(report.seen_share)), ("Invented", words.share(report.invented_share))]
    if report.frames == 1:
        facts = []
    elif report.generations:
        facts.append(("Pictures painted", str(report.generations)))
    rows = "".join(f"<div><dt>{escape(head)}</dt><dd>{escape(value)}</dd></div>" for head, value in facts)
    table = f'<dl class="numbers">{rows}</dl>' if rows else ""
    return f"{table}{words.report(report, total_s=total_s)}"


def previewed(clip: Clip, frame: int, made: Preview, *, took_s: float) -> str:
    """One frame before the whole clip: the hole marked and filled, one over the other, and what was invented."""
    labels = made.hole.astype(np.uint8) * _OBJECT
    labels[made.shadow & made.hole] = _SHADOW
    origin = made.seen.astype(np.uint8) * np.uint8(SEEN)
    origin[made.invented] = INVENTED
    pictures = wipe(
        _image("before", outlined(shown(clip, frame), clip, labels), "The frame as it was, the hole outlined"),
        _image("after", scaled(made.rgb, clip), "The frame with the hole filled"),
        _image("map", scaled(map_picture(one_frame(clip, frame).rgb, origin), clip), "What was seen and what invented"),
        clip=clip, middle=middle_of(made.hole), sees=clip.frame_count > 1, casts=bool(made.shadow.any()),
    )  # fmt: skip
    total = max(1, int(made.hole.sum()))
    facts = [f"{made.engine}, {words.duration(took_s)}"]
    if clip.frame_count > 1:
        facts[0] = f"Frame {frame}: {facts[0]}"
        facts.append(f"{words.share(made.seen.sum() / total)} of the hole seen on the frames around it")
    facts.append(f"{words.share(made.invented.sum() / total)} invented")
    return f'{pictures}<p class="report">{escape(" · ".join(facts))}</p>{words.notes(made.notes)}'
