"""From a click on what is wrong to what else is wrong there: many guesses on regions, and the most agreed-upon one.

A click that corrects says that its place is wrong, and, clicked in the middle of the mistake, how large the mistake is
at most: no wider than the way to the outline. Guesses differ in how far the click reaches, as the eye goes and as ways
within one colour go; each is worked out into regions that fit together; of each only what hangs together with the
click is changed, so that all else stays as it was.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from avfusion.clip import Mask
from avfusion.segmentation.candidates import worked_out
from avfusion.segmentation.regions import Numbers, Regions, Values

REACHES = (0.7, 1.0, 1.5, 2.2)
"""How far a click reaches as the eye goes, in depths of the click."""

AWAY = (1.5, 3.0)
"""From how many depths on, what already was as the click says speaks against a change."""

NEARER = (0.3, 0.45, 0.6, 0.75)
"""How much nearer than to that, over ways within the picture, the click must be."""

TRUST = 2.0
"""Log odds of what was taken for the object before."""

ROUNDS = 4
"""How often colours are learnt anew."""

EDGE, CLOSING, COLOUR, MIDDLE, AGREED = 6.0, 15.0, 6.0, 4.0, 5.0
"""Weights of a guess's score: its new outline lies on edges, it closes up with what is there, it has the colours of
the side that it goes to, the click is in its middle, other guesses are like it. From a linear fit of the overlap
gained on 41 pictures, judged on each with the fit to the others, and rounded."""


@dataclass(frozen=True, eq=False)
class Mistake:
    """A click or stroke on something wrong, on regions.

    keep: whether the place belongs to the object. before: share of each region that was the object, [n].
    seeds, same, other: numbers of the regions clicked now; of those known to be, known not to be as the click says.
    away: from the stroke to each region's centre, [n], in depths of the stroke inside the wrong side. rows, columns:
    pixels of the stroke.
    """

    keep: bool
    before: Values
    seeds: Numbers
    same: Numbers
    other: Numbers
    away: Values
    rows: Numbers
    columns: Numbers


@dataclass(frozen=True, eq=False)
class Change:
    """changed: the regions that go over to the click's side, bool [n]; confidence: expected overlap of the whole object
    with the other guesses, 0..1."""

    changed: NDArray[np.bool_]
    confidence: float


def correct(regions: Regions, mistake: Mistake) -> Change:
    """What goes over to the side that the click names."""
    guesses = _guesses(regions, mistake)
    probability = worked_out(regions, guesses, lambda known: _fix(known, mistake), rounds=ROUNDS)
    was = mistake.before > 0.5
    moves = ((probability > 0.5) != was[:, None]) & (was[:, None] != mistake.keep)
    moves[mistake.seeds] = True
    changed = np.stack([_connected(regions, column, mistake.seeds) for column in moves.T], 1)
    overlap = _overlap(changed * regions.size[:, None], changed)
    score = _score(regions, changed, overlap, mistake)
    weight = np.exp(score - score.max())
    weight /= weight.sum()
    best = int((overlap @ weight).argmax())
    whole = np.where(changed, mistake.keep, was[:, None])
    confidence = float(_overlap(whole * regions.size[:, None], whole)[best] @ weight)
    return Change(changed[:, best], confidence)


def _overlap(sized: Values, chosen: NDArray[np.bool_]) -> Values:
    """Intersection over union of each two columns, [guesses, guesses]."""
    common = sized.T @ chosen
    area = np.diag(common)
    both = area[:, None] + area - common
    return np.where(both > 0, common / np.maximum(both, 1e-6), 1)


def _guesses(regions: Regions, mistake: Mistake) -> Values:
    """First log odds [n, guesses] of being the object."""
    trusted = TRUST * (2 * mistake.before - 1)
    side = TRUST if mistake.keep else -TRUST
    guesses = []
    for reach in REACHES:
        near = np.exp(-((mistake.away / reach) ** 2))
        guesses.append(trusted * (1 - near) + side * near)
    to_click = regions.distance(mistake.seeds)
    stays = np.flatnonzero(mistake.before < 0.1 if mistake.keep else mistake.before > 0.9)
    for least in AWAY:
        far = stays[mistake.away[stays] > least]
        against = np.unique(np.concatenate([far if len(far) else regions.rim, mistake.other]))
        to_others = regions.distance(against)
        nearness = to_others / (to_others + to_click + 1e-6)
        for level in NEARER:
            pull = np.clip(6 * (nearness - level), -TRUST, TRUST)
            guesses.append(np.maximum(trusted, pull) if mistake.keep else np.minimum(trusted, -pull))
    return np.stack(guesses, 1).astype(np.float32)


def _fix(probability: Values, mistake: Mistake) -> None:
    probability[mistake.other] = not mistake.keep
    probability[mistake.same] = mistake.keep
    probability[mistake.seeds] = mistake.keep


def _connected(regions: Regions, on: NDArray[np.bool_], seeds: Numbers) -> NDArray[np.bool_]:
    """The part of `on`, bool [n], that hangs together with the seeds."""
    linked = on[regions.first] & on[regions.second]
    first, second = regions.first[linked], regions.second[linked]
    links = coo_matrix((np.ones(len(first)), (first, second)), (regions.count, regions.count))
    part = connected_components(links, directed=False)[1]
    return on & np.isin(part, part[seeds])


def _score(regions: Regions, changed: NDArray[np.bool_], overlap: Values, mistake: Mistake) -> Values:
    """How much each change [n, guesses] looks like the mistake that was clicked on: higher is better."""
    size = regions.size[:, None]
    area = np.maximum((changed * size).sum(0), 1)
    was = np.broadcast_to((mistake.before > 0.5)[:, None], changed.shape)
    now = np.where(changed, mistake.keep, was)
    outline = (changed[regions.first] != changed[regions.second]) * regions.border[:, None]
    shown = outline * (now[regions.first] != now[regions.second])
    strength = (regions.contrast + np.minimum(regions.step / 20, 1.5))[:, None]
    edge = (shown * strength).sum(0) / (shown.sum(0) + 1e-3)
    closing = 1 - shown.sum(0) / (outline.sum(0) + 1e-3)

    sides = [side * size for side in (now, ~now)]
    own, other = (regions.alike @ side / (side.sum(0) + 1e-3) for side in (sides if mistake.keep else sides[::-1]))
    colour = (own / (own + other + 1e-9) * changed * size).sum(0) / area
    middle = np.array([_middle(column[regions.label], mistake) for column in changed.T])
    return EDGE * edge + CLOSING * closing + COLOUR * colour + MIDDLE * middle + AGREED * overlap.mean(1)


def _middle(change: Mask, mistake: Mistake) -> float:
    """How deep in a change the stroke lies, as a share of how deep anything lies in it."""
    depth = cv2.distanceTransform(np.pad(change, 1).view(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
    return float(depth[mistake.rows, mistake.columns].max() / max(1.0, float(depth.max())))
