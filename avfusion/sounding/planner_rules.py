"""Plans without a model: by loudness, sharpness and detector scores, heat and area."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Box
from avfusion.sounding.planner import Candidate, Detection, Pivot, Scene


@dataclass(frozen=True)
class RuleSettings:
    """least_heard: things that are less likely heard are not looked for, the likeliest aside: detectors find a person
    wherever there is one, whether anybody speaks or not. looked_at: candidates on which a thing is looked for, the best
    of them by loudness and sharpness; a detector takes seconds a frame without a card. cold: what a box without any
    heat counts beside one that has it all. area_power: how much a large box counts before a small one: detectors like
    parts, and the whole thing is wanted. about_as_sure: share of the best score from which on words of place decide."""

    least_heard: float = 0.1
    looked_at: int = 3
    cold: float = 0.25
    area_power: float = 0.25
    about_as_sure: float = 0.6


class Rules:
    """The same clip has the same plan."""

    def __init__(self, settings: RuleSettings | None = None) -> None:
        self._settings = settings or RuleSettings()

    def sources(self, scene: Scene) -> tuple[Pivot, ...]:
        """Frame: the one with the most of loudness times sharpness times detector score. Things that are nowhere
        detected are left out; the others go by how sure ear and detector are together."""
        worth = [each.loudness * each.sharpness for each in scene.candidates]
        found: list[tuple[float, Pivot]] = []
        for tag in scene.names:
            if tag.probability < self._settings.least_heard and tag is not scene.names[0]:
                continue
            best = self._best(scene, tag.name, worth)
            if best is not None:
                place, score = best
                found.append((tag.probability * score, Pivot(tag.name, place)))
        found.sort(key=lambda each: -each[0])
        return tuple(pivot for _, pivot in found[: scene.at_most])

    def moment(self, scene: Scene, words: str) -> int | None:
        best = self._best(scene, words, [each.sharpness for each in scene.candidates])
        return None if best is None else best[0]

    def box(self, scene: Scene, candidate: int, words: str, found: tuple[Detection, ...], *, heard: bool) -> int | None:
        """Detector score times area; of what sounds also times the heat inside, and of what is described the one that
        lies as words of place say, among those that the detector is about as sure of."""
        if not found:
            return None
        shown = scene.candidates[candidate]
        scores = np.array([each.score for each in found])
        areas = np.array([_area(each.box) for each in found])
        worth = scores * (areas / max(areas.max(), 1e-9)) ** self._settings.area_power
        if heard and shown.heat is not None:
            heat = np.array([heat_inside(shown.heat, each.box, shown) for each in found])
            cold = self._settings.cold
            worth *= cold + (1 - cold) * heat / max(float(heat.max()), 1e-9)
        if not heard and (place := _said_place(words)) is not None:
            along = np.array([place(each.box) for each in found])
            worth = np.where(scores >= self._settings.about_as_sure * scores.max(), along, -np.inf)
        return int(worth.argmax())

    def _best(self, scene: Scene, words: str, worth: list[float]) -> tuple[int, float] | None:
        """(place, detector score) of the candidate with the most worth times score, of those that are looked at."""
        best: tuple[int, float] | None = None
        order = sorted(range(len(worth)), key=lambda place: -worth[place])
        for place in order[: self._settings.looked_at]:
            found = scene.detect(place, words)
            if found and (best is None or worth[place] * found[0].score > worth[best[0]] * best[1]):
                best = (place, found[0].score)
        return best


def heat_inside(heat: NDArray[np.float32], box: Box, shown: Candidate) -> float:
    """The mean heat of the cells under a box that lies in the full-size picture."""
    rows, columns = heat.shape
    height, width = shown.rgb.shape[:2]
    top, left = int(box.y0 * rows / height), int(box.x0 * columns / width)
    bottom, right = int(np.ceil(box.y1 * rows / height)), int(np.ceil(box.x1 * columns / width))
    part = heat[top : max(bottom, top + 1), left : max(right, left + 1)]
    return float(part.mean()) if part.size else 0.0


def _area(box: Box) -> float:
    return max(0.0, box.x1 - box.x0) * max(0.0, box.y1 - box.y0)


_PLACES: tuple[tuple[frozenset[str], Callable[[Box], float]], ...] = (
    (frozenset({"left", "leftmost"}), lambda box: -box.x0 - box.x1),
    (frozenset({"right", "rightmost"}), lambda box: box.x0 + box.x1),
    (frozenset({"top", "upper", "above"}), lambda box: -box.y0 - box.y1),
    (frozenset({"bottom", "lower", "below"}), lambda box: box.y0 + box.y1),
    (frozenset({"big", "bigger", "biggest", "large", "larger", "largest"}), _area),
    (frozenset({"small", "smaller", "smallest", "little"}), lambda box: -_area(box)),
)


def _said_place(words: str) -> Callable[[Box], float] | None:
    """What to have most of: the first word of place that is said says it; None where none is."""
    for word in re.findall(r"[a-z]+", words.lower()):
        for names, measure in _PLACES:
            if word in names:
                return measure
    return None
