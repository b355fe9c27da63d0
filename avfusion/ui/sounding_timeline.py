"""What sounds when: a sound's waveform with every source's time over it, and a row for each source. Values -> HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

from avfusion.ui import words
from avfusion.ui.colours import hex_of
from avfusion.ui.strings import told

_HIGHEST = 48.0
# Of a sound that comes and goes all the time, each time is drawn, and the first ones can be pressed and are told.
_MOST_PRESSED, _MOST_TOLD = 24, 8
_NEVER_LOUDER_THAN = 1e-4


@dataclass(frozen=True, eq=False)
class Entry:
    """One source. sounds: float32 [steps] in 0..1. spans: seconds (start, end) in which it sounds."""

    number: int
    name: str
    confidence: float
    sounds: NDArray[np.float32]
    spans: tuple[tuple[float, float], ...]

    @property
    def title(self) -> str:
        """As plain text; of things without a name the number."""
        return self.name or f"{told('sounding-source')} {self.number}"


@dataclass(frozen=True, eq=False)
class Timeline:
    """wave: [columns, 2], the lowest and the highest sample in each piece of the clip's time; none of a silent clip.
    seconds: the clip's length. step_s: that of each value in `Entry.sounds`."""

    entries: Sequence[Entry]
    wave: NDArray[np.float32]
    seconds: float
    step_s: float


def timeline(line: Timeline) -> str:
    """The waveform, then the sources; places in percent, so that it fits any width. `sounding_player.js` moves it."""
    bands = "".join(_band(line, entry, span) for entry in line.entries for span in entry.spans)
    rows = "".join(_row(line, entry) for entry in line.entries)
    listed = f'<ul class="entries">{rows}</ul>' if rows else ""
    return (
        f'<div class="heard"><div class="wave" role="img" aria-label="{escape(described(line))}">{bands}'
        f'<svg viewBox="0 0 1000 100" preserveAspectRatio="none" aria-hidden="true">{_outline(line.wave)}</svg>'
        f'<i class="cursor"></i></div><div class="below" aria-hidden="true">{_ticks(line.seconds)}</div>{listed}</div>'
    )


def described(line: Timeline) -> str:
    """The waveform with its sources in words, for those who cannot see it."""
    said = [f"{told('sounding-wave')} {words.clock(line.seconds)}"]
    said += [f"{entry.title}: {_times(entry)}" for entry in line.entries]
    return "; ".join(said)


def _times(entry: Entry) -> str:
    spans = ", ".join(_span(span) for span in entry.spans[:_MOST_TOLD])
    more = " …" if len(entry.spans) > _MOST_TOLD else ""
    return f"{spans}{more}" or told("sounding-never")


def _span(span: tuple[float, float]) -> str:
    return f"{words.clock(span[0])} - {words.clock(span[1])}"


def _band(line: Timeline, entry: Entry, span: tuple[float, float]) -> str:
    return f'<i class="band" style="{_place(line, span)};--object:{hex_of(entry.number)}"></i>'


def _row(line: Timeline, entry: Entry) -> str:
    """Who it is, when it sounds (each time is pressed to go there), and where it can be taken."""
    title = escape(entry.title)
    times = "".join(_time(line, entry, span) for span in entry.spans[:_MOST_PRESSED])
    takes = "".join(
        f'<button type="button" class="small" data-take="{tab}" '
        f'aria-label="{told(f"sounding-to-{tab}")}: {title}">{told(f"sounding-to-{tab}")}</button>'
        for tab in ("background", "inpaint")
    )
    sure = f"{words.share(entry.confidence)} {told('sounding-sure')}"
    return (
        f'<li data-number="{entry.number}" style="--object:{hex_of(entry.number)}"><div class="who"><i></i>'
        f'<b>{title}</b><span>{sure} · {_times(entry)}</span><div class="takes">{takes}</div></div>'
        f'<div class="lane">{_sureness(line, entry)}{times}<i class="cursor"></i></div></li>'
    )


def _time(line: Timeline, entry: Entry, span: tuple[float, float]) -> str:
    said = f"{entry.title}: {_span(span)}. {told('sounding-go-there')}"
    return (
        f'<button type="button" class="time-of" data-at="{span[0]:.3f}" style="{_place(line, span)}" '
        f'aria-label="{escape(said)}" title="{escape(said)}"></button>'
    )


def _place(line: Timeline, span: tuple[float, float]) -> str:
    start, end = (100 * min(max(at / max(line.seconds, 1e-6), 0.0), 1.0) for at in span)
    return f"left:{start:.3f}%;width:{end - start:.3f}%"


def _sureness(line: Timeline, entry: Entry) -> str:
    """How sure it is in each step, as steps of a curve."""
    count = line.seconds / line.step_s
    outline = "".join(f"V{10 * (1 - float(sure)):.2f}H{step + 1}" for step, sure in enumerate(entry.sounds.clip(0, 1)))
    return (
        f'<svg viewBox="0 0 {max(count, 1e-6):.4f} 10" preserveAspectRatio="none" aria-hidden="true">'
        f'<path d="M0 10{outline}V10Z"/></svg>'
    )


def _outline(wave: NDArray[np.float32]) -> str:
    """The waveform in 1000 by 100, as high as it is loud at its loudest."""
    if not len(wave):
        return '<line x1="0" x2="1000" y1="50" y2="50"/>'
    peak = max(float(np.abs(wave).max()), _NEVER_LOUDER_THAN)
    across = np.linspace(0, 1000, len(wave), endpoint=False)
    lower, upper = (50 - _HIGHEST * wave[:, side] / peak for side in (0, 1))
    points = [*zip(across, upper - 0.3, strict=True), *zip(across[::-1], lower[::-1] + 0.3, strict=True)]
    return f'<polygon points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>'


def _ticks(seconds: float) -> str:
    """Some five round times below the waveform."""
    step = next((step for step in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300) if seconds / step <= 6), 600)
    marks = [number * step for number in range(int(seconds / step) + 1) if number * step <= 0.96 * seconds]
    return (
        "".join(f'<span style="left:{100 * at / max(seconds, 1e-6):.2f}%">{at:g}</span>' for at in marks) + "<b>s</b>"
    )
