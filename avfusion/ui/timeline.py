"""The strip under the scrubber: how sure the track is, frame by frame and object by object. Plain values -> HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

from avfusion.pipelines.timeline import Worst
from avfusion.ui.colours import hex_of
from avfusion.ui.span import Span

# More bars than that are narrower than a pixel.
_BARS_AT_MOST = 400
# Below this a bar is drawn in the colour of a warning; far from any click even a good track comes down to about 0.4.
_DOUBT_BELOW = 0.3
_ROW_UNITS = 10
_TITLE = "How sure the track is on each frame. Press to go there."


@dataclass(frozen=True)
class Timeline:
    """confidence: float32 [frames] by object; keys: frames with prompts by object; tracked: what was followed."""

    frame_count: int
    frame: int
    keys: Mapping[int, Sequence[int]]
    confidence: Mapping[int, NDArray[np.float32]]
    shots: Sequence[int] = ()
    span: Span | None = None
    tracked: Span | None = None
    is_stale: bool = False


def strip(line: Timeline) -> str:
    """A row for each object, marks where prompts are, lines at cuts, shades outside the part that counts, a cursor.

    Places are given in percent, so that the strip fits any width; `data-frames` tells the page's script how many
    frames there are.
    """
    rows = "".join(_row(line, number) for number in line.keys)
    cuts = "".join(f'<i class="cut" style="left:{_edge(line, cut)}"></i>' for cut in line.shots if cut > 0)
    start, stop = line.span or (0, line.frame_count)
    shades = f'<i class="out" style="left:0;width:{_edge(line, start)}"></i>' if start > 0 else ""
    if stop < line.frame_count:
        shades += f'<i class="out" style="left:{_edge(line, stop)};right:0"></i>'
    cursor = f'<i class="cursor" style="left:{_middle(line, line.frame)}"></i>'
    stale = " stale" if line.is_stale else ""
    return (
        f'<div class="strip{stale}" role="img" title="{_TITLE}" aria-label="{escape(described(line))}" '
        f'data-frames="{line.frame_count}" style="--frames:{max(2, line.frame_count)}">'
        f"{rows}{cuts}{shades}{cursor}</div>"
    )


def _row(line: Timeline, number: int) -> str:
    marks = "".join(f'<i class="key" style="left:{_middle(line, frame)}"></i>' for frame in line.keys[number])
    bars = _bars(line, number) if number in line.confidence else ""
    return f'<div class="row" style="--object:{hex_of(number)}">{bars}{marks}</div>'


def _bars(line: Timeline, number: int) -> str:
    """The lowest confidence in each of at most 400 pieces of the clip, as an outline to be filled."""
    first, last = line.tracked or (0, line.frame_count)
    values = np.asarray(line.confidence[number][first:last], np.float64)
    if not len(values):
        return ""
    borders = np.unique(np.linspace(0, len(values), min(len(values), _BARS_AT_MOST) + 1).round().astype(int))
    lowest = np.minimum.reduceat(values, borders[:-1]).clip(0, 1)
    pieces = list(zip(borders[:-1] + first, borders[1:] + first, lowest, strict=True))
    outline = "".join(f"V{_ROW_UNITS * (1 - sure):.1f}H{right}" for _, right, sure in pieces)
    sure = f'<path class="sure" d="M{first} {_ROW_UNITS}{outline}V{_ROW_UNITS}Z"/>'
    doubt = "".join(f"M{left} 0H{right}V{_ROW_UNITS}H{left}Z" for left, right, sure in pieces if sure < _DOUBT_BELOW)
    return (
        f'<svg viewBox="0 0 {line.frame_count} {_ROW_UNITS}" preserveAspectRatio="none" aria-hidden="true">'
        f'<path class="doubt" d="{doubt}"/>{sure}</svg>'
    )


def described(line: Timeline) -> str:
    """The strip in words, for those who cannot see it."""
    said = [f"Timeline of {line.frame_count} frames, frame {line.frame} shown"]
    for number, frames in line.keys.items():
        clicks = f"clicks on frame {', '.join(map(str, frames))}" if frames else "no clicks yet"
        said.append(f"object {number}: {clicks}" + _sureness(line, number))
    if len(line.shots) > 1:
        said.append(f"cuts before frame {', '.join(str(cut) for cut in line.shots if cut > 0)}")
    if line.span is not None:
        said.append(f"only frames {line.span[0]} to {line.span[1] - 1} count")
    return "; ".join(said) + "."


def _sureness(line: Timeline, number: int) -> str:
    first, last = line.tracked or (0, line.frame_count)
    if number not in line.confidence or first >= last:
        return ""
    values = line.confidence[number][first:last]
    return f", least sure on frame {first + int(values.argmin())} ({percent(float(values.min()))})"


def why(worst: Worst) -> str:
    """Why the page jumped to a frame."""
    return f"Least sure here: object {worst.object}, confidence {percent(worst.confidence)}. Click what is wrong."


def percent(part: float) -> str:
    return f"{100 * part:.0f} %"


def _edge(line: Timeline, frame: int) -> str:
    """Where a frame begins."""
    return f"{100 * frame / line.frame_count:.3f}%"


def _middle(line: Timeline, frame: int) -> str:
    return f"{100 * (frame + 0.5) / line.frame_count:.3f}%"
