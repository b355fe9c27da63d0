"""What the page of a fusion shows: players before and after, stills of both, and how sure the masks are over time."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from html import escape
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Clip, Frame, Rgb
from avfusion.media.cut import cut
from avfusion.media.masks import shown_colour
from avfusion.media.preview_clip import write_preview
from avfusion.media.store import StoredSound
from avfusion.pipelines.compare_pictures import inline
from avfusion.pipelines.frame import one_frame
from avfusion.pipelines.swap_render import on_checkers
from avfusion.pipelines.track import Tracking

LONGEST_S = 20.0
"""Of longer clips the players show so much. With the bounds below, the whole page stays under 10 MB."""

_BITS_A_SECOND = 900_000
_PLAYER_PX = 640
_STILL_PX = 720
_MOMENTS = 3
_POINTS = 600
_PIECE_BYTES = 3 * 65_536  # of which three make four letters


def player(clip: Clip, sound: StoredSound | None, folder: Path) -> Iterator[str]:
    """The beginning of a clip with its sound, as pieces of an address that holds it. sound: on the clip's own clock."""
    seconds = min(LONGEST_S, float(clip.duration_s))
    part = cut(clip, 0, max(1, clip.index_at(clip.time(0) + Fraction(seconds)) + 1))
    at_s = Fraction(0) if sound is None else Fraction(sound.first, sound.rate_hz) - clip.time(0)
    path = folder / "preview.mp4"
    with contextlib.closing(part.frames()) as frames:
        write_preview(
            path, _timed(part, frames), size_px=_size_of(clip), seconds=seconds, bits_a_second=_BITS_A_SECOND,
            sound=sound, sound_at_s=at_s,
        )  # fmt: skip
    yield "data:video/mp4;base64,"
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            yield base64.b64encode(piece).decode("ascii")


def _size_of(clip: Clip) -> tuple[int, int]:
    """(width, height) in square pixels, both even."""
    width, height = float(clip.width_px * clip.pixel_aspect), float(clip.height_px)
    scale = min(1.0, _PLAYER_PX / max(width, height))
    return max(2, 2 * round(width * scale / 2)), max(2, 2 * round(height * scale / 2))


def _timed(clip: Clip, frames: Iterator[Frame]) -> Iterator[tuple[Fraction, Rgb]]:
    for frame in frames:
        yield frame.time - clip.time(0), _opaque(frame)


def _opaque(frame: Frame) -> Rgb:
    alpha = frame.alpha
    return frame.rgb if alpha is None else on_checkers(np.dstack([frame.rgb, alpha]))


@dataclass(frozen=True)
class Moment:
    """One frame before and after, as addresses. after: "" where the result's pictures cannot be read back."""

    frame: int
    time_s: float
    before: str
    after: str


def moments(before: Clip, after: Clip | None) -> list[Moment]:
    """Stills from all through the clip."""
    count = min(_MOMENTS, before.frame_count)
    found = []
    for place in range(count):
        index = round((place + 0.5) / count * before.frame_count - 0.5)
        shown = "" if after is None else inline(_opaque(one_frame(after, index)), most_px=_STILL_PX)
        source = inline(_opaque(one_frame(before, index)), most_px=_STILL_PX)
        found.append(Moment(index, float(before.time(index) - before.time(0)), source, shown))
    return found


def timeline(tracking: Tracking, clip: Clip) -> str:
    """How sure each object's mask is on each frame of the span, with cuts and frames with prompts."""
    (start, stop), worst = tracking.span, tracking.worst()
    count = stop - start
    lines = "".join(
        f'<polyline class="sure" style="stroke:{shown_colour(number)}" points="{_points(values[start:stop])}"/>'
        for number, values in sorted(tracking.track.confidence.items())
    )
    cuts = "".join(
        f'<line class="cut" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="100"/>'
        for x in (1000 * (shot - start) / count for shot in tracking.shots if start < shot < stop)
    )
    marks = "".join(
        f'<i class="mark" style="left:{100 * (frame - start + 0.5) / count:.2f}%;background:{shown_colour(number)}" '
        f'title="prompts for object {number} on frame {frame}"></i>'
        for number, frames in sorted(tracking.keys.items())
        for frame in frames
        if start <= frame < stop
    )
    if worst is not None:
        marks += f'<i class="worst" style="left:{100 * (worst.frame - start + 0.5) / count:.2f}%"></i>'
    rate = float(clip.fps)
    below = "".join(
        f'<span style="left:{100 * at / count:.2f}%">{start + at}</span>' for at in _frame_ticks(count, rate)
    )
    said = "" if worst is None else f" Least sure: object {worst.object} at frame {worst.frame}."
    return (
        '<figure class="plot sureness"><div class="beside"><span style="top:2%">100 %</span><span style="top:50%">50'
        '</span><span style="top:98%">0</span></div><div class="area"><svg viewBox="0 0 1000 100" role="img" '
        f'preserveAspectRatio="none" aria-label="How sure the masks are, frame by frame.{escape(said)}">'
        f'<line class="grid" x1="0" x2="1000" y1="50" y2="50"/>{cuts}{lines}</svg>{marks}</div>'
        f'<div class="below">{below}<b>frame</b></div></figure>'
    )


def _points(values: NDArray[np.float32]) -> str:
    """The least of each stretch: a doubtful frame shows however long the clip is."""
    edges = np.linspace(0, len(values), min(_POINTS, len(values)) + 1).astype(int)
    places = 1000 * (edges[:-1] + edges[1:]) / 2 / len(values)
    least = np.minimum.reduceat(values, edges[:-1])
    return " ".join(f"{x:.1f},{100 - 100 * float(y):.1f}" for x, y in zip(places, np.clip(least, 0, 1), strict=True))


def _frame_ticks(count: int, rate: float) -> Sequence[int]:
    """Where frame numbers are written: at whole seconds, six at most."""
    step = max(1, round(rate)) * max(1, round(count / max(rate, 1) / 6))
    return range(0, round(0.95 * count), step)


def legend(numbers: Mapping[int, str]) -> str:
    """What each object's colour is. numbers: what became of it."""
    return "".join(
        f'<li><i style="background:{shown_colour(number)}"></i>object {number}, {escape(said)}</li>'
        for number, said in sorted(numbers.items())
    )
