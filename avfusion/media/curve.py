"""Numbers by step as a picture: lines with their axes, as SVG in HTML without a script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

POINTS = 400
"""The most that are drawn of a line; of more steps, means of as many as are needed."""

Values: TypeAlias = NDArray[np.float64]
Scale: TypeAlias = Literal["log", "linear", "fitting"]
"""fitting: logarithmic where the highest is many times the lowest."""

_UNITS = (1, 2, 5)
_MOST_STEP_TICKS = 6
_MOST_LINEAR_TICKS = 5
_MOST_LOG_TICKS = 6
# A curve of a few steps is not drawn as though it fell from the ceiling to the floor.
_SMALLEST_RANGE = 4.0
_SMALLEST_LINEAR = 0.05
_WIDE = 10.0
_WIDEST = 1e9
_LOWEST = 1e-12


@dataclass(frozen=True, eq=False)
class Line:
    """name: plain text. steps, values: [n], finite. key: a letter, for the style sheet's `line-a` and `key-a`.

    is_smooth: the mean of steps around each is drawn, and behind it from the lowest to the highest of them (`band-a`).
    """

    name: str
    steps: Values
    values: Values
    key: str = "a"
    is_smooth: bool = False


@dataclass(frozen=True, eq=False)
class Plot:
    """title: of the caption; about: what is to be seen, for those who cannot see it; both plain text.

    kind: a class for the style sheet. last: the last step of the axis; None: of the lines. dots: (step, value), marked.
    """

    title: str
    lines: Sequence[Line]
    kind: str = "losses"
    scale: Scale = "fitting"
    about: str = ""
    last: int | None = None
    dots: Sequence[tuple[float, float]] = field(default=())


def figure(plot: Plot) -> str:
    """HTML of the plot; nothing where its lines have no points."""
    lines = [line for line in plot.lines if len(line.values)]
    if not lines:
        return ""
    last = float(plot.last or max(line.steps[-1] for line in lines))
    thinned = [_thinned(line) for line in lines]
    axis = _axis(plot.scale, np.concatenate([thin.spread for thin in thinned]))
    curves = "".join(
        _band(line, thin, axis, last)
        + f'<path class="line-{line.key}" d="{_path(_across(thin.steps, last), axis.up(thin.means))}"/>'
        for line, thin in zip(lines, thinned, strict=True)
    )
    marks = [(float(axis.up(np.array([value]))[0]), value) for value in axis.ticks]
    grid = "".join(f'<line class="grid" x1="0" x2="1000" y1="{y:.1f}" y2="{y:.1f}"/>' for y, _ in marks)
    beside = "".join(f'<span style="top:{y:.1f}%">{value:g}</span>' for y, value in marks)
    dots = "".join(
        f'<i class="dot" style="left:{100 * step / last:.2f}%;top:{float(axis.up(np.array([value]))[0]):.1f}%"></i>'
        for step, value in plot.dots
    )
    below = "".join(f'<span style="left:{100 * at / last:.2f}%">{at}</span>' for at in _step_ticks(int(last)))
    keys = "".join(
        f'<span class="key-{line.key}">{escape(line.name)} {thin.means[-1]:.3g}</span>'
        for line, thin in zip(lines, thinned, strict=True)
    )
    title = escape(f"{plot.title} by step")
    said = f"<title>{title}</title>" + (f"<desc>{escape(plot.about)}</desc>" if plot.about else "")
    return (
        f'<figure class="plot {plot.kind}" data-steps="{max(len(line.values) for line in lines)}">'
        f"<figcaption>{escape(plot.title)}{keys}</figcaption>"
        f'<div class="beside">{beside}</div><div class="area"><svg viewBox="0 0 1000 100" preserveAspectRatio="none" '
        f'role="img">{said}{grid}{curves}</svg>{dots}</div>'
        f'<div class="below">{below}<b>step</b></div></figure>'
    )


def means(values: Values, edges: NDArray[np.int64]) -> Values:
    """Of values[edges[i]:edges[i + 1]]."""
    return np.array([values[start:stop].mean() for start, stop in pairwise(edges)])


def smoothed(values: Values) -> Values:
    """The mean over a fortieth of all values around each, of fewer at both ends."""
    reach = len(values) // 80
    sums = np.concatenate([[0.0], np.cumsum(values)])
    places = np.arange(len(values))
    reaches = np.minimum(np.minimum(places, places[::-1]), reach)
    return np.asarray((sums[places + reaches + 1] - sums[places - reaches]) / (2 * reaches + 1))


@dataclass(frozen=True, eq=False)
class _Thinned:
    """What is drawn of a line. spread: all that the axis must have room for."""

    steps: Values
    means: Values
    lowest: Values
    highest: Values

    @property
    def spread(self) -> Values:
        return np.concatenate([self.lowest, self.highest])


def _thinned(line: Line) -> _Thinned:
    count = len(line.values)
    edges = np.unique(np.linspace(0, count, min(count, POINTS) + 1).astype(int))
    steps = means(line.steps, edges)
    if not line.is_smooth:
        drawn = means(line.values, edges)
        return _Thinned(steps, drawn, drawn, drawn)
    lowest, highest = np.minimum.reduceat(line.values, edges[:-1]), np.maximum.reduceat(line.values, edges[:-1])
    return _Thinned(steps, means(smoothed(line.values), edges), lowest, highest)


@dataclass(frozen=True, eq=False)
class _Axis:
    low: float
    high: float
    is_log: bool
    ticks: Sequence[float]

    def up(self, values: Values) -> Values:
        """0 at the top to 100 at the bottom."""
        values = np.clip(values, self.low, self.high)
        if self.is_log:
            return np.asarray(100 - 100 * np.log(values / self.low) / np.log(self.high / self.low))
        return np.asarray(100 - 100 * (values - self.low) / (self.high - self.low))


def _axis(scale: Scale, values: Values) -> _Axis:
    """From the lowest to the highest, with a little room."""
    low, high = float(values.min()), float(values.max())
    if scale == "log" or (scale == "fitting" and low > 0 and high / low > _WIDE):
        high = max(high, _LOWEST) * 1.1
        low = max(low, high / _WIDEST) / 1.1
        widen = max(1.0, (_SMALLEST_RANGE * low / high) ** 0.5)
        return _Axis(low / widen, high * widen, True, _log_ticks(low / widen, high * widen))
    room = max(0.06 * (high - low), _SMALLEST_LINEAR * abs(high), _LOWEST)
    # Nothing that is counted here lies below 0 unless it is seen to.
    low, high = (max(low - room, 0.0) if low >= 0 else low - room), high + room
    return _Axis(low, high, False, _linear_ticks(low, high))


def _log_ticks(low: float, high: float) -> list[float]:
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    ticks = [float(f"{unit}e{power}") for power in powers for unit in _UNITS if low <= unit * 10.0**power <= high]
    if len(ticks) <= _MOST_LOG_TICKS:
        return ticks
    tens = [tick for tick in ticks if f"{tick:e}".startswith("1")]
    return tens[:: -(-len(tens) // _MOST_LOG_TICKS)]


def _linear_ticks(low: float, high: float) -> list[float]:
    every = _step_of(high - low, _MOST_LINEAR_TICKS)
    return [float(f"{place * every:.10g}") for place in range(int(np.ceil(low / every)), int(high / every) + 1)]


def _step_of(length: float, most: int) -> float:
    """1, 2 or 5 times a power of ten, of which a length holds so many at the most."""
    first = int(np.floor(np.log10(length / most)))
    return next(
        step for power in (first, first + 1) for unit in _UNITS if length / (step := float(f"{unit}e{power}")) <= most
    )


def _across(steps: Values, last: float) -> Values:
    return 1000 * steps / last


def _band(line: Line, thin: _Thinned, axis: _Axis, last: float) -> str:
    """From the lowest to the highest; where these are one, their own line."""
    if not line.is_smooth:
        return ""
    xs = _across(thin.steps, last)
    there, back = _path(xs, axis.up(thin.highest)), _path(xs[::-1], axis.up(thin.lowest)[::-1])
    return f'<path class="band-{line.key}" d="{there}L{back[1:]}"/>'


def _path(xs: Values, ys: Values) -> str:
    """A line; of one point a dot."""
    points = list(zip(xs, ys, strict=True))
    points = points if len(points) > 1 else [points[0], points[0]]
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _step_ticks(last: int) -> list[int]:
    every = max(1, round(_step_of(last, _MOST_STEP_TICKS)))
    return [at for at in range(0, last + 1, every) if at <= 0.88 * last]
