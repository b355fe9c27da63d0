"""Evidence: what follows the sound weighs much, and what does not weighs as chance has it."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from avfusion.sounding.evidence import Evidence, EvidenceSettings, places_of, spread_of_chance, weigh

SETTINGS = EvidenceSettings()
RATE_HZ = 25.0


def rhythm(random: np.random.Generator, count: int = 150) -> NDArray[np.float32]:
    """Strokes at random moments that fade."""
    strokes = (random.random(count) < 0.08) * random.uniform(0.5, 1, count)
    fading = np.exp(-np.arange(20) / 4)
    return np.convolve(strokes, fading)[:count].astype(np.float32)


def energy_of(*courses: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.float32]:
    """Faint noise everywhere; course k moves the cells of the block of 5 x 5 at (2, 2 + 8 k)."""
    energy = random.uniform(0, 0.1, (len(courses[0]), 12, 24)).astype(np.float32)
    for number, course in enumerate(courses):
        energy[:, 2:7, 2 + 8 * number : 7 + 8 * number] += course[:, None, None]
    return energy


def weighed(course: NDArray[np.float32], energy: NDArray[np.float32]) -> Evidence:
    evidence = weigh(course, places_of(energy, RATE_HZ, SETTINGS), SETTINGS)
    assert evidence is not None
    return evidence


@pytest.mark.parametrize("lag", [-3, 0, 3])
def test_what_moves_with_the_sound_is_found_at_any_small_lag(lag: int) -> None:
    random = np.random.default_rng(5)
    heard, other = rhythm(random), rhythm(random)
    evidence = weighed(heard, energy_of(other, np.roll(heard, lag), random=random))
    assert 2 <= evidence.peak[0] < 7
    assert 10 <= evidence.peak[1] < 15
    block = np.zeros((12, 24), bool)
    block[2:7, 10:15] = True
    assert not (evidence.region & ~block).any()
    assert evidence.region.sum() >= 9
    assert evidence.strength > 0.9
    assert min(evidence.weight, evidence.surprise) > 4


def test_information_is_that_of_a_joint_gaussian() -> None:
    random = np.random.default_rng(0)
    heard = rhythm(random)
    settings = EvidenceSettings(top_cells=1)
    energy = energy_of(heard + 0.3 * rhythm(random), random=random)
    evidence = weigh(heard, places_of(energy, RATE_HZ, settings), settings)
    assert evidence is not None
    best = float(evidence.information.max())
    assert np.sqrt(1 - np.exp(-2 * best)) == pytest.approx(evidence.strength, abs=1e-4)


def test_unrelated_rhythms_seldom_weigh_enough() -> None:
    random = np.random.default_rng(0)
    believed = 0
    for _ in range(40):
        evidence = weighed(rhythm(random), energy_of(rhythm(random), rhythm(random), random=random))
        believed += evidence.weight > 3.4 and evidence.surprise > 3.0
    assert believed <= 2


@pytest.mark.parametrize("sigma", [0.0, 2.0])
def test_the_spread_of_chance_is_that_of_many_trials(sigma: float) -> None:
    random = np.random.default_rng(0)
    series = random.standard_normal((400, 2, 200)).astype(np.float32)
    series = gaussian_filter1d(series, sigma, axis=-1) if sigma else series
    series -= series.mean(axis=-1, keepdims=True)
    series /= series.std(axis=-1, keepdims=True)
    seen = np.std((series[:, 0] * series[:, 1]).mean(axis=-1))
    said = np.median([spread_of_chance(one, other) for one, other in series])
    assert said == pytest.approx(seen, rel=0.15)


def test_nothing_that_moves_or_too_little_time_gives_no_evidence() -> None:
    random = np.random.default_rng(0)
    heard = rhythm(random)
    still = places_of(np.zeros((150, 6, 6), np.float32), RATE_HZ, SETTINGS)
    assert weigh(heard, still, SETTINGS) is None
    short = places_of(energy_of(heard[:40], random=random), RATE_HZ, SETTINGS)
    assert weigh(heard[:40], short, SETTINGS) is None
    assert (
        weigh(np.ones(150, np.float32), places_of(energy_of(heard, random=random), RATE_HZ, SETTINGS), SETTINGS) is None
    )
