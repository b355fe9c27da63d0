"""The losses of a training as a picture: what the networks found at each step, from the table that they write."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from avfusion.voice.train_so_vits_checkpoints import Losses

_POINTS = 400
"""The most that are drawn; of more steps, means of as many as are needed."""

_TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)
_STEP_TICKS = (1, 2, 5)
_MOST_STEP_TICKS = 6
# A curve of a few steps is not drawn as though it fell from the ceiling to the floor.
_SMALLEST_RANGE = 4.0

Curve = NDArray[np.float64]


def loss_curve(rows: Sequence[Losses]) -> str:
    """HTML with one line for the generator, its mel distance and the discriminator; nothing where no step was done."""
    if not rows:
        return ""
    steps = np.array([row.step for row in rows], np.float64)
    lines = {
        "a": ("Generator, in all", np.array([row.total for row in rows])),
        "b": ("of it, distance of spectrograms", np.array([row.mel for row in rows])),
        "c": ("Discriminator", np.array([row.discriminator for row in rows])),
    }
    edges = np.unique(np.linspace(0, len(rows), min(len(rows), _POINTS) + 1).astype(int))
    places = means(steps, edges)
    drawn = {which: means(values, edges) for which, (_, values) in lines.items()}
    low, high = _range(np.concatenate(list(drawn.values())))
    curves = "".join(
        f'<path class="line-{which}" d="{_path(_across(places, steps[-1]), _up(values, low, high))}"/>'
        for which, values in drawn.items()
    )
    marks = [(float(_up(np.array([value]), low, high)[0]), value) for value in _TICKS if low <= value <= high]
    grid = "".join(f'<line class="grid" x1="0" x2="1000" y1="{y:.1f}" y2="{y:.1f}"/>' for y, _ in marks)
    beside = "".join(f'<span style="top:{y:.1f}%">{value:g}</span>' for y, value in marks)
    below = "".join(f'<span style="left:{100 * at / steps[-1]:.2f}%">{at}</span>' for at in _step_ticks(int(steps[-1])))
    keys = "".join(
        f'<span class="key-{which}">{words} {values[-1]:.3g}</span>' for which, (words, values) in lines.items()
    )
    return (
        f'<figure class="plot losses" data-steps="{len(rows)}"><figcaption>Losses{keys}</figcaption>'
        f'<div class="beside">{beside}</div><div class="area"><svg viewBox="0 0 1000 100" preserveAspectRatio="none" '
        f'role="img" aria-label="Losses by step">{grid}{curves}</svg></div>'
        f'<div class="below">{below}<b>step</b></div></figure>'
    )


def means(values: Curve, edges: NDArray[np.int64]) -> Curve:
    """Of values[edges[i]:edges[i + 1]]."""
    return np.array([values[start:stop].mean() for start, stop in pairwise(edges)])


def _range(values: Curve) -> tuple[float, float]:
    """From the lowest to the highest of a logarithmic scale, with a little room."""
    low, high = float(max(values.min(), 1e-3)) / 1.1, float(max(values.max(), 1e-3)) * 1.1
    widen = max(1.0, (_SMALLEST_RANGE * low / high) ** 0.5)
    return low / widen, high * widen


def _across(steps: Curve, last: float) -> Curve:
    return 1000 * steps / last


def _up(values: Curve, low: float, high: float) -> Curve:
    """0 at the top to 100 at the bottom."""
    return np.asarray(100 - 100 * np.log(np.maximum(values, low) / low) / np.log(high / low))


def _path(xs: Curve, ys: Curve) -> str:
    """A line; of one point a dot."""
    points = list(zip(xs, ys, strict=True))
    points = points if len(points) > 1 else [points[0], points[0]]
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _step_ticks(last: int) -> list[int]:
    every = next(
        unit * 10**power for power in range(12) for unit in _STEP_TICKS if last / (unit * 10**power) <= _MOST_STEP_TICKS
    )
    return [at for at in range(0, last + 1, every) if at <= 0.93 * last]
