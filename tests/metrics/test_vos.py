"""Laws of J and F, and equality with DAVIS's own numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from avfusion.clip import Mask
from avfusion.errors import MaskSizeMismatch
from avfusion.metrics.vos import boundary, boundary_f, region_similarity, score_objects, score_sequence, statistics


def blob(seed: int, height: int = 90, width: int = 120) -> Mask:
    """A random mask with smooth and with ragged edges."""
    random = np.random.default_rng(seed)
    y, x = np.indices((height, width))
    disk = (x - random.uniform(30, 90)) ** 2 + (y - random.uniform(20, 70)) ** 2 < random.uniform(10, 30) ** 2
    return disk ^ (random.random((height, width)) < 0.01)


def rectangle(x0: int, y0: int, x1: int, y1: int, shape: tuple[int, int] = (200, 300)) -> Mask:
    mask = np.zeros(shape, bool)
    mask[y0:y1, x0:x1] = True
    return mask


@pytest.mark.parametrize("seed", range(5))
def test_a_mask_is_like_itself_and_both_measures_are_symmetric(seed: int) -> None:
    one, other = blob(seed), blob(seed + 100)
    assert region_similarity(one, one) == boundary_f(one, one) == 1.0
    assert region_similarity(one, other) == region_similarity(other, one)
    assert boundary_f(one, other) == pytest.approx(boundary_f(other, one), abs=1e-12)


def test_empty_masks() -> None:
    nothing, something = np.zeros((50, 60), bool), rectangle(10, 10, 30, 30, (50, 60))
    assert region_similarity(nothing, nothing) == boundary_f(nothing, nothing) == 1.0
    assert region_similarity(nothing, something) == boundary_f(nothing, something) == 0.0
    assert region_similarity(something, nothing) == boundary_f(something, nothing) == 0.0


@pytest.mark.parametrize("shift", [0, 3, 10, 40])
def test_a_shifted_rectangle_has_the_overlap_that_arithmetic_gives(shift: int) -> None:
    there, moved = rectangle(50, 40, 150, 120), rectangle(50 + shift, 40, 150 + shift, 120)
    assert region_similarity(there, moved) == pytest.approx((100 - shift) / (100 + shift))


def test_boundaries_match_exactly_up_to_the_tolerance() -> None:
    tall = (200, 300)
    left = rectangle(0, 0, 100, 200, tall)
    for radius in (1, 3, 7):
        assert boundary_f(left, rectangle(0, 0, 100 + radius, 200, tall), tolerance=radius) == 1.0
        assert boundary_f(left, rectangle(0, 0, 101 + radius, 200, tall), tolerance=radius) == 0.0


def test_f_equals_a_plain_count_over_all_pairs_of_boundary_pixels() -> None:
    for seed in range(4):
        ours, theirs = blob(seed), blob(seed + 1)
        a, b = np.argwhere(boundary(ours)), np.argwhere(boundary(theirs))
        near = ((a[:, None] - b[None]) ** 2).sum(-1) <= 2**2
        precision, recall = near.any(1).mean(), near.any(0).mean()
        expected = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
        assert boundary_f(ours, theirs, tolerance=2) == pytest.approx(expected, abs=1e-12)


def test_masks_of_different_size_are_refused() -> None:
    with pytest.raises(MaskSizeMismatch, match="60x50"):
        region_similarity(np.zeros((50, 60), bool), np.zeros((50, 61), bool))
    with pytest.raises(MaskSizeMismatch):
        boundary_f(np.zeros((50, 60), bool), np.zeros((50, 61), bool))


def test_a_sequence_leaves_out_its_first_and_last_frame() -> None:
    truth, wrong = rectangle(50, 40, 150, 120), rectangle(200, 150, 250, 190)
    score = score_sequence([(wrong, truth)] + [(truth, truth)] * 8 + [(wrong, truth)])
    assert (score.j.mean, score.f.mean, score.mean) == (1.0, 1.0, 1.0)
    assert len(score.j_per_frame) == 8


def test_recall_counts_frames_above_half_and_decay_is_what_the_last_quarter_lost() -> None:
    found = statistics(np.repeat([1.0, 0.8, 0.5, 0.2], 8))
    assert found.mean == pytest.approx(0.625)
    assert found.recall == 0.5
    assert found.decay == pytest.approx(0.8, abs=0.1)
    assert statistics(np.full(30, 0.7)).decay == 0.0


def test_objects_are_scored_one_by_one() -> None:
    truth = np.zeros((60, 80), np.uint8)
    truth[5:25, 5:25], truth[30:50, 40:70] = 1, 2
    lost_two = np.where(truth == 2, 0, truth).astype(np.uint8)
    scores = score_objects([(truth, truth)] + [(lost_two, truth)] * 4)
    assert {number: score.j.mean for number, score in scores.items()} == {1: 1.0, 2: 0.0}


@pytest.mark.real_data
def test_j_and_f_equal_the_numbers_of_davis(shared_data: Path) -> None:
    held = np.load(shared_data / "parity" / "davis_jf.npz")
    width = int(held["shape"][1])
    predictions, truths = (
        np.unpackbits(held[key], axis=2, count=width).astype(bool) for key in ("prediction", "truth")
    )
    j = [region_similarity(*pair) for pair in zip(predictions, truths, strict=True)]
    f = [boundary_f(*pair) for pair in zip(predictions, truths, strict=True)]
    np.testing.assert_allclose(j, held["J"], atol=1e-6, rtol=0)
    np.testing.assert_allclose(f, held["F"], atol=1e-6, rtol=0)
