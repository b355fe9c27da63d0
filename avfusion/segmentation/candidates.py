"""From a click to what may be the object: many guesses on regions, and the one that the others agree with most.

One click says where an object is, not how large it is or whether a shirt is worn by somebody. So each size and shape
gives a guess; each is worked out into regions that fit together in colour and end at edges; each gets a score; and the
guess with the highest expected overlap with all the others, weighted by their scores, wins.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from avfusion.segmentation.regions import Numbers, Regions, Values

SIZES = (0.06, 0.1, 0.16, 0.24, 0.34)
"""Half the object's extent as a share of the picture's diagonal."""

SHAPES = (0.5, 1.0, 2.0)
"""Width over height."""

NEARER = (0.3, 0.45, 0.6, 0.75, 0.88)
"""How much nearer, over ways within the picture, the click must be than the picture's rim."""

MOVES = 0.5
"""From this length on (1 = surely) a vector of motion says that something moves on its own."""

USUAL_SHARE = 0.06
"""The share of a picture that an object covers when nothing else is known."""

ROUNDS = 6
"""How often colours are learnt anew."""

SIDE = 1.5
"""Log odds that lying right beside a kept or a dropped place gives."""

MOVED = 2.0
"""How much it counts that a guess takes in what moves, and leaves out what does not; as much as ending at edges and
at steps of colour together."""

FIRMNESS = 0.4
"""The difference of scores at which one guess counts e times as much as another."""


@dataclass(frozen=True, eq=False)
class Seeds:
    """keep, drop: numbers of regions that surely are, surely are not the object.

    inside: 1 for the regions where the object may be, else 0, [n]. boxed: whether that is a box around the object.
    """

    keep: Numbers
    drop: Numbers
    inside: Values
    boxed: bool


@dataclass(frozen=True, eq=False)
class Choice:
    """probability: of each region [n]; confidence: expected overlap with the object, 0..1."""

    probability: Values
    confidence: float


def choose(regions: Regions, seeds: Seeds) -> Choice:
    """The most agreed-upon guess of what the object is."""
    guesses = _box_guesses(regions, seeds) if seeds.boxed else _click_guesses(regions, seeds)
    probability = worked_out(regions, guesses, lambda known: _fix(known, seeds), rounds=ROUNDS)
    chosen = np.stack([_held_together(regions, column, seeds) for column in probability.T], 1)
    covered = chosen * regions.size[:, None]
    common = covered.T @ chosen
    area = np.diag(common)
    overlap = common / np.maximum(area[:, None] + area - common, 1)
    score = _score(regions, chosen, seeds)
    weight = np.exp((score - score.max()) / FIRMNESS)
    expected = overlap @ (weight / weight.sum())
    best = int(expected.argmax())
    return Choice(probability[:, best] * chosen[:, best], float(expected[best]))


def _click_guesses(regions: Regions, seeds: Seeds) -> Values:
    """First log odds [n, guesses] around clicks."""
    height, width = regions.label.shape
    diagonal = float(np.hypot(height, width))
    nearness = _nearness(regions, seeds)
    side = SIDE * _side(regions, seeds)
    guesses = []
    for size in SIZES:
        for shape in SHAPES:
            half_width, half_height = size * diagonal * shape**0.5, size * diagonal / shape**0.5
            apart = np.full(regions.count, np.inf, np.float32)
            for seed in seeds.keep:
                away_x, away_y = (regions.x - regions.x[seed]) / half_width, (regions.y - regions.y[seed]) / half_height
                apart = np.minimum(apart, np.hypot(away_x, away_y))
            guesses.append(np.clip(2 * (1.3 - apart), -4, 1.5) + np.clip(4 * nearness - 2, -2, 2) + side)
    guesses += [np.clip(6 * (nearness - level), -2, 2) + side for level in NEARER]
    moving = _moving_along(regions, seeds)
    if moving.any():
        guesses.append(moving + np.clip(4 * nearness - 2, -2, 2) + side)
    return np.stack(guesses, 1).astype(np.float32)


def _box_guesses(regions: Regions, seeds: Seeds) -> Values:
    """First log odds [n, guesses] within a box: how far from its sides, as the eye and as the colours go."""
    inside = np.flatnonzero(seeds.inside)
    x, y = regions.x[inside], regions.y[inside]
    across = np.abs(2 * (regions.x - x.min()) / max(float(np.ptp(x)), 1.0) - 1)
    down = np.abs(2 * (regions.y - y.min()) / max(float(np.ptp(y)), 1.0) - 1)
    nearness = _nearness(regions, seeds)
    guesses = [np.clip(3 * (level - np.hypot(across, down)), -2, 1.5) for level in (0.7, 0.9, 1.1, 1.3)]
    guesses += [np.clip(6 * (nearness - level), -2, 2) for level in (0.2, 0.4, 0.6)]
    moving = _moving_inside(regions, seeds)
    if moving.any():
        guesses += [moving + np.clip(3 * (nearness - level), -1, 1) for level in (0.3, 0.5)]
    return np.stack(guesses, 1).astype(np.float32)


def _moving_along(regions: Regions, seeds: Seeds) -> Values:
    """-1..1: whether each region moves as what was clicked on does; 0 where that does not move."""
    if len(seeds.keep) == 0:
        return np.zeros(regions.count, np.float32)
    motion = regions.motion[seeds.keep].mean(0)
    speed2 = float(motion @ motion)
    if speed2 < MOVES**2:
        return np.zeros(regions.count, np.float32)
    return np.clip(4 * (regions.motion @ motion / speed2 - 0.5), -1, 1)


def _moving_inside(regions: Regions, seeds: Seeds) -> Values:
    """-1..1: whether each region moves against what lies around the box; 0 where nothing in the box does."""
    outside = seeds.inside == 0
    if not outside.any():
        return np.zeros(regions.count, np.float32)
    speed = np.linalg.norm(regions.motion - np.median(regions.motion[outside], 0), axis=1)
    usual = float(np.percentile(speed[~outside], 80))
    if usual < MOVES:
        return np.zeros(regions.count, np.float32)
    return np.clip(4 * (speed / usual - 0.5), -1, 1)


def _side(regions: Regions, seeds: Seeds) -> Values:
    """-1..1: whether each region lies nearer to something kept or to something dropped, as the eye goes."""
    if len(seeds.drop) == 0 or len(seeds.keep) == 0:
        return np.zeros(regions.count, np.float32)
    to_keep, to_drop = (
        np.hypot(regions.x[:, None] - regions.x[numbers], regions.y[:, None] - regions.y[numbers]).min(1)
        for numbers in (seeds.keep, seeds.drop)
    )
    return (to_drop - to_keep) / (to_drop + to_keep + 1e-3)


def _nearness(regions: Regions, seeds: Seeds) -> Values:
    """0..1: how much nearer each region is to what is kept than to what is dropped or lies at the rim."""
    outside = np.flatnonzero(seeds.inside == 0)
    away = regions.distance(np.unique(np.concatenate([seeds.drop, outside if seeds.boxed else regions.rim])))
    if len(seeds.keep):
        return away / (away + regions.distance(seeds.keep) + 1e-6)
    return away / (float(np.percentile(away[seeds.inside > 0], 90)) + 1e-6)


def worked_out(regions: Regions, guesses: Values, fix: Callable[[Values], None], *, rounds: int) -> Values:
    """Probabilities [n, guesses]: colours are learnt from the guess, the guess is judged by the colours, and again.

    Mean-field rounds with kernel density colour models; neighbours pull at each other across weak edges. `fix` sets
    what is known in the probabilities it is given.
    """
    size = regions.size[:, None]
    probability = 1 / (1 + np.exp(-2 * guesses))
    for _ in range(rounds):
        fix(probability)
        on_object, around = probability * size, (1 - probability) * size
        own = regions.alike @ on_object / (on_object.sum(0) + 1e-3)
        other = regions.alike @ around / (around.sum(0) + 1e-3)
        floor = 0.02 * (own.mean(0) + other.mean(0))
        odds = guesses + 0.6 * np.clip(np.log((own + floor) / (other + floor)), -3, 3)
        for _ in range(2):
            pulled = odds + 1.5 * (regions.tie @ (2 * probability - 1))
            probability = (1 / (1 + np.exp(np.clip(-2 * pulled, -30, 30)))).astype(np.float32)
            fix(probability)
    return probability


def _fix(probability: Values, seeds: Seeds) -> None:
    probability[seeds.inside == 0] = 0
    probability[seeds.drop] = 0
    probability[seeds.keep] = 1


def _held_together(regions: Regions, probability: Values, seeds: Seeds) -> Values:
    """0 or 1 for each region: what is likely and connected with what is kept (in a box: all that is not tiny)."""
    likely = probability > 0.5
    linked = likely[regions.first] & likely[regions.second]
    first, second = regions.first[linked], regions.second[linked]
    links = coo_matrix((np.ones(len(first)), (first, second)), (regions.count, regions.count))
    part = connected_components(links, directed=False)[1]
    if len(seeds.keep):
        return (likely & np.isin(part, part[seeds.keep])).astype(np.float32)
    area = np.bincount(part, np.where(likely, regions.size, 0))
    return (likely & (area[part] > 0.1 * area.max())).astype(np.float32)


def _score(regions: Regions, chosen: Values, seeds: Seeds) -> Values:
    """How much each guess [n, guesses] of 0 and 1 looks like an object: higher is better.

    Ends at edges, of other colours than the rest and than its surroundings, takes in what moves along with the click
    or against what is around the box, away from the rim, of a usual size and of a compact shape.
    """
    size = regions.size[:, None]
    area = (chosen * size).sum(0)
    total = float(regions.size.sum())
    cut = np.abs(chosen[regions.first] - chosen[regions.second]) * regions.border[:, None]
    outline = cut.sum(0) + 1e-3
    edge = (cut * regions.contrast[:, None]).sum(0) / outline
    step = (cut * np.minimum(regions.step / 20, 1.5)[:, None]).sum(0) / outline

    ring = chosen
    for _ in range(3):
        ring = ((regions.tie @ ring + ring) > 0).astype(np.float32)
    ring = ring - chosen
    own = regions.alike @ (chosen * size) / np.maximum(area, 1)
    rest = regions.alike @ ((1 - chosen) * size) / np.maximum(total - area, 1)
    near = regions.alike @ (ring * size) / np.maximum((ring * size).sum(0), 1)
    apart, apart_near = (
        (own / (own + other + 1e-9) * chosen * size).sum(0) / np.maximum(area, 1) for other in (rest, near)
    )

    at_rim = chosen[regions.rim].sum(0) / np.sqrt(chosen.sum(0) + 1)
    raggedness = np.log(outline**2 / (4 * np.pi * np.maximum(area, 1)))
    allowed = float((regions.size * seeds.inside).sum())
    usual = 0.5 * allowed if seeds.boxed else USUAL_SHARE * total
    unusual = np.abs(np.log(np.maximum(area, 1) / usual))
    moving = (_moving_inside(regions, seeds) if seeds.boxed else _moving_along(regions, seeds))[:, None]
    left = (1 - chosen) * seeds.inside[:, None] * size
    moves = (moving * chosen * size).sum(0) / np.maximum(area, 1) - (moving * left).sum(0) / np.maximum(left.sum(0), 1)
    score = (
        MOVED * moves + edge + step + 0.5 * apart + 0.5 * apart_near - 0.5 * at_rim - 0.4 * unusual - 0.3 * raggedness
    )
    return np.where(area < 0.002 * total, score - 9, score)
