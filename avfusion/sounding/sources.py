"""Which places of the picture are sources of a sound, and when each of them is heard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from avfusion.sounding.evidence import Evidence, EvidenceSettings, Places, spread_of_chance, standardised, weigh
from avfusion.sounding.parts import Part

Floats = NDArray[np.float32]

# Regions that share more than this of the smaller one are one source.
_SAME = 0.3
# A part of the sound belongs to the source that it goes with at least half as well as the best part.
_BELONGS = 0.5
# Of the loudest moments: what is fainter by 20 dB is not heard.
_FAINT = 0.1
_LOUDEST, _QUIETEST = 0.98, 0.05
# So many times the quietest is more than a room's noise; but what sounds throughout has no quiet moments.
_ABOVE_NOISE, _THROUGHOUT = 3.0, 0.3


@dataclass(frozen=True)
class Belief:
    """weight, surprise: those of `Evidence` from which on a source is believed. In a window of d seconds brief_s / d
    more weight is asked for: the shorter it is, the fewer turned sounds tell what chance gives."""

    weight: float = 2.6
    brief_s: float = 4.0
    surprise: float = 3.0

    def among(self, windows: int) -> Belief:
        """What is believed in each of so many windows: chance has as many more tries. The surprise goes by the tail of
        a Gumbel distribution, the weight by that of a normal one, about."""
        tries = np.log(windows)
        return Belief(self.weight + 0.4 * tries, self.brief_s, self.surprise + np.sqrt(6) / np.pi * tries)

    def margin(self, evidence: Evidence, places: Places) -> float:
        """By how many deviations the evidence is more than what is believed; below 0 it is not."""
        least = self.weight + self.brief_s * places.rate_hz / places.standard.shape[-1]
        return min(evidence.weight - least, evidence.surprise - self.surprise)


@dataclass(frozen=True, eq=False)
class Place:
    """One source in one window. confidence: 0..1. heard: float32 [n], 0.5 and more in the moments in which it is heard.
    loudness: float32 [n], of what of the sound belongs to it."""

    evidence: Evidence
    confidence: float
    heard: Floats
    loudness: Floats


def sources_in(
    parts: Sequence[Part], places: Places, settings: EvidenceSettings, belief: Belief, most: int
) -> tuple[Place, ...]:
    """The surest first, no two at the same place. Empty where nothing goes with the sound by more than chance."""
    weighed = [evidence for part in parts if (evidence := weigh(part.course, places, settings)) is not None]
    believed = [each for each in weighed if belief.margin(each, places) >= 0]
    chosen: list[Evidence] = []
    for evidence in sorted(believed, key=lambda each: each.weight, reverse=True):
        if not any(are_one(evidence.region, other.region) for other in chosen):
            chosen.append(evidence)
    chosen = chosen[:most]
    loudness = [_own_loudness(each, parts, places, settings) for each in chosen]
    return tuple(
        Place(evidence, _confidence(belief.margin(evidence, places)), heard(own), own)
        for evidence, own in zip(chosen, loudness, strict=True)
    )


def heard(loudness: Floats) -> Floats:
    """float32 [n] in 0..1: how clearly a loudness [n] stands out of what is quiet in it; 0.5 where it just does."""
    loudest, quietest = np.quantile(loudness, (_LOUDEST, _QUIETEST))
    least = max(_FAINT * loudest, min(_ABOVE_NOISE * quietest, _THROUGHOUT * loudest), 1e-9)
    return np.asarray(np.clip(loudness / (2 * least), 0, 1), np.float32)


def _own_loudness(evidence: Evidence, parts: Sequence[Part], places: Places, settings: EvidenceSettings) -> Floats:
    """float32 [n]: the parts of the sound that go with this source's motion, together."""
    motion = places.standard[evidence.region].mean(axis=0)
    split = [part.course for part in parts if part.is_split]
    fits = [_fit(course, motion, places.rate_hz, settings) for course in split]
    if max(fits, default=0.0) <= 0:
        return parts[0].course
    own = [course for course, fit in zip(split, fits, strict=True) if fit >= _BELONGS * max(fits)]
    return np.asarray(np.sqrt(np.sum(np.square(own), axis=0)), np.float32)


def _fit(course: Floats, motion: Floats, rate_hz: float, settings: EvidenceSettings) -> float:
    """The best correlation of a course with a motion, [n] each, in deviations of what chance gives."""
    sound = standardised(course, rate_hz, settings)
    moved = (motion - motion.mean()) / max(float(motion.std()), 1e-6)
    lags = round(settings.lag_s * rate_hz)
    best = max(float(np.mean(np.roll(moved, -lag) * sound)) for lag in range(-lags, lags + 1))
    return best / spread_of_chance(sound, moved)


def are_one(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> bool:
    """Whether two regions are of one source."""
    shared = np.count_nonzero(one & binary_dilation(other))
    return bool(shared > _SAME * min(np.count_nonzero(one), np.count_nonzero(other)))


def _confidence(margin: float) -> float:
    """0.5 where it is just believed, towards 1 as it weighs more."""
    return float(1 - 0.5 * np.exp(-margin / 1.5))
