"""Mean IoU and panoptic quality: by hand, and as scikit-learn and torchmetrics count."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, confusion_matrix, jaccard_score
from torchmetrics.detection import PanopticQuality as TheirQuality

from avfusion.errors import MaskSizeMismatch
from avfusion.metrics.semantic import Confusion, PanopticQuality, Parts


def pixels(*rows: list[int]) -> np.ndarray:
    return np.array(rows, np.int32)


def test_by_hand() -> None:
    """Two pictures, four classes of which the last is nowhere. Counts are added up before anything is divided."""
    confusion = Confusion(4)
    confusion.add(pixels([0, 0, 1, 1]), pixels([0, 1, 1, -1]))
    confusion.add(pixels([0, 2, -1, 0]), pixels([0, 0, 1, 0]))
    score = confusion.score()
    np.testing.assert_array_equal(confusion.counts, [[3, 0, 1, 0, 0], [1, 1, 0, 0, 1], [0] * 5, [0] * 5])
    np.testing.assert_allclose(score.iou, [3 / 5, 1 / 3, 0, np.nan])
    np.testing.assert_allclose(score.accuracy, [3 / 4, 1 / 3, np.nan, np.nan])
    assert score.mean_iou == pytest.approx((3 / 5 + 1 / 3 + 0) / 3)
    assert score.mean_accuracy == pytest.approx((3 / 4 + 1 / 3) / 2)
    assert score.pixel_accuracy == pytest.approx(4 / 7)


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.integers(2, 7))
def test_as_scikit_learn_counts(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    pairs = [(random.integers(0, count, (6, 9)), random.integers(0, count - 1, (6, 9))) for _ in range(3)]
    confusion = Confusion(count)
    for prediction, truth in pairs:
        confusion.add(prediction.astype(np.int32), truth.astype(np.int32))
    prediction, truth = (np.concatenate([pair[place].ravel() for pair in pairs]) for place in (0, 1))
    theirs = confusion_matrix(truth, prediction, labels=range(count))
    np.testing.assert_array_equal(confusion.counts[:, :count], theirs)
    score = confusion.score()
    there = ~np.isnan(score.iou)
    np.testing.assert_allclose(
        score.iou[there], jaccard_score(truth, prediction, labels=np.flatnonzero(there), average=None)
    )
    assert score.pixel_accuracy == pytest.approx(accuracy_score(truth, prediction))


def test_nothing_labelled_is_no_score() -> None:
    confusion = Confusion(2)
    confusion.add(pixels([0, 1]), pixels([-1, -1]))
    assert np.isnan([confusion.score().mean_iou, confusion.score().pixel_accuracy]).all()


def test_other_sizes_are_refused() -> None:
    with pytest.raises(MaskSizeMismatch, match=r"2x1 .* 3x1"):
        Confusion(2).add(pixels([0, 1]), pixels([0, 1, 1]))
    with pytest.raises(MaskSizeMismatch):
        PanopticQuality(2).add(Parts(pixels([0, 0]), [0]), Parts(pixels([0]), [0]))


# Panoptic quality


def quality_of(prediction: Parts, truth: Parts, count: int = 3) -> np.ndarray:
    """[3, classes]: PQ, SQ, RQ."""
    quality = PanopticQuality(count)
    quality.add(prediction, truth)
    score = quality.score()
    return np.stack([score.pq, score.sq, score.rq])


def test_quality_by_hand() -> None:
    """Class 0: one match with IoU 3/4, one missed. Class 1: one that is not there. Class 2: nowhere."""
    truth = Parts(pixels([0, 0, 0, 0, 1, 1, -1, -1]), [0, 0])
    prediction = Parts(pixels([0, 0, 0, -1, 1, 1, -1, -1]), [0, 1])
    expected = [[0.75 * 2 / 3, 0, np.nan], [0.75, 0, np.nan], [2 / 3, 0, np.nan]]
    np.testing.assert_allclose(quality_of(prediction, truth), expected)


def test_half_an_overlap_is_no_match() -> None:
    truth, prediction = Parts(pixels([0, 0]), [0]), Parts(pixels([0, -1]), [0])
    assert quality_of(prediction, truth)[0, 0] == 0


def test_what_lies_where_there_is_no_truth_is_forgiven() -> None:
    truth = Parts(pixels([0, 0, -1, -1, -1]), [0])
    whole = Parts(pixels([0, 0, 0, 1, 1]), [0, 0])
    np.testing.assert_allclose(quality_of(whole, truth)[:, 0], [1, 1, 1])
    half_outside = Parts(pixels([0, 0, 1, -1, -1]), [0, 1])
    np.testing.assert_allclose(quality_of(half_outside, truth)[:, 1], np.nan)
    at_the_rim = Parts(pixels([0, 1, 1, -1, -1]), [1, 1])
    assert quality_of(at_the_rim, truth)[2, 1] == 0


def test_a_crowd_need_not_be_found_and_excuses_its_own_class() -> None:
    truth = Parts(pixels([0, 0, 0, 0, 1, 1]), [0, 1], [True, False])
    np.testing.assert_allclose(quality_of(Parts(pixels([-1, -1, -1, -1, 0, 0]), [1]), truth)[0], [np.nan, 1, np.nan])
    inside = Parts(pixels([0, 0, -1, -1, 1, 1]), [0, 1])
    np.testing.assert_allclose(quality_of(inside, truth)[0], [np.nan, 1, np.nan])
    other_class = Parts(pixels([0, 0, -1, -1, 1, 1]), [2, 1])
    np.testing.assert_allclose(quality_of(other_class, truth)[0], [np.nan, 1, 0])


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=20)
@given(st.integers(0, 10**6))
def test_quality_as_torchmetrics_counts(seed: int) -> None:
    """Things of classes 0 and 1, stuff of class 2; no gaps, which are treated differently there."""
    random = np.random.default_rng(seed)
    ours = PanopticQuality(3)
    theirs = TheirQuality(things={0, 1}, stuffs={2}, return_sq_and_rq=True, return_per_class=True)
    for _ in range(2):
        truth = random_parts(random)
        prediction = truth if random.random() < 0.3 else nudged(truth, random)
        ours.add(prediction, truth)
        theirs.update(as_pairs(prediction), as_pairs(truth))
    score = ours.score()
    there = ~np.isnan(score.pq)
    expected = theirs.compute().numpy()
    np.testing.assert_allclose(np.stack([score.pq, score.sq, score.rq], 1)[there], expected[there], atol=1e-6)


def random_parts(random: np.random.Generator) -> Parts:
    number = np.kron(random.integers(0, 5, (3, 4)), np.ones((4, 4), int)).astype(np.int32)
    return Parts(number, [0, 0, 1, 1, 2])


def nudged(parts: Parts, random: np.random.Generator) -> Parts:
    rolled = np.roll(parts.number, random.integers(0, 3, 2), (0, 1))
    return Parts(rolled, parts.classes)


def as_pairs(parts: Parts) -> torch.Tensor:
    """[1, H, W, 2]: class and instance; stuff has no instances."""
    classes = np.asarray(parts.classes)[parts.number]
    instances = np.where(classes == 2, 0, parts.number)
    return torch.from_numpy(np.stack([classes, instances], -1))[None]
