"""AVSS and AVSBench-OV: what counts for what, and the figures of AVSBench's own code."""

from pathlib import Path

import numpy as np
import pytest

from avfusion.errors import MaskSizeMismatch
from avfusion.metrics.avs_semantic import AvssScores, OpenScores

TRUTH = np.array([[0, 0, 1, 1], [0, 0, 1, 1]], np.uint8)


def test_the_truth_scores_one_on_what_is_there_and_nothing_on_what_never_is() -> None:
    scores = AvssScores(4)
    scores.add(TRUTH, TRUTH)
    score = scores.score()
    assert score.iou.tolist() == score.f.tolist() == [1, 1, 0, 0]
    assert (score.m_iou, score.m_f) == (0.5, 0.5)


def test_a_class_that_is_seen_where_it_is_not_pays_for_it() -> None:
    scores = AvssScores(3)
    scores.add(TRUTH, TRUTH)
    wrong = TRUTH.copy()
    wrong[0, 0] = 2
    scores.add(wrong, TRUTH)
    score = scores.score()
    assert score.iou.tolist() == [pytest.approx((1 + 3 / 4) / 2), 1, 0]
    assert score.count.tolist() == [2, 2, 1]
    precision, recall = 1, 3 / 4
    assert score.f[0] == pytest.approx((1 + 1.3 * precision * recall / (0.3 * precision + recall)) / 2)


def test_frames_count_alike_and_not_pixels() -> None:
    """One small object missed and one large object found are a half."""
    scores = AvssScores(2)
    small = np.zeros((4, 4), np.uint8)
    small[0, 0] = 1
    scores.add(np.zeros((4, 4), np.uint8), small)
    scores.add(np.ones((4, 4), np.uint8), np.ones((4, 4), np.uint8))
    assert scores.score().iou[1] == 0.5


def test_padding_changes_the_background_alone() -> None:
    scores = AvssScores(2)
    scores.add(np.zeros((2, 4), np.uint8), TRUTH)
    scores.add_padding(3)
    score = scores.score()
    assert score.iou.tolist() == [pytest.approx((0.5 + 3) / 4), 0]
    assert score.count.tolist() == [4, 1]


def test_open_vocabulary_counts_pixels_of_the_whole_set() -> None:
    scores = OpenScores(4, seen=[1], unseen=[2, 3])
    big = np.full((4, 4), 1, np.uint8)
    scores.add(big, big)
    scores.add(np.zeros((2, 4), np.uint8), TRUTH)
    scores.add(np.full((1, 2), 2, np.uint8), np.array([[2, 0]], np.uint8))
    score = scores.score()
    assert score.iou[:3].tolist() == [pytest.approx(4 / 9), pytest.approx(16 / 20), 0.5]
    assert np.isnan(score.iou[3])
    assert score.unseen == 0.5, "a class that never occurs is no zero"
    assert score.m_iou == pytest.approx((4 / 9 + 0.8 + 0.5) / 3)
    assert score.harmonic == pytest.approx(2 / (1 / 0.8 + 1 / 0.5))


def test_pixels_of_no_class_do_not_count() -> None:
    scores = OpenScores(3, seen=[1], unseen=[2])
    scores.add(np.array([[1, 1, 0, 200]], np.uint8), np.array([[1, 255, 0, 1]], np.uint8))
    assert scores.score().iou[:2].tolist() == [1, 0.5]


def test_without_unseen_classes_there_is_no_harmonic_mean() -> None:
    scores = OpenScores(3, seen=[1], unseen=[2])
    scores.add(TRUTH, TRUTH)
    score = scores.score()
    assert (score.seen, score.unseen, score.harmonic) == (1.0, 0.0, 0.0)


def test_sizes_have_to_fit() -> None:
    for scores in (AvssScores(2), OpenScores(2, [1], [])):
        with pytest.raises(MaskSizeMismatch):
            scores.add(TRUTH, TRUTH[:1])


@pytest.mark.real_data
def test_equal_to_avsbench(shared_data: Path) -> None:
    scores = AvssScores(71)
    with np.load(shared_data / "parity" / "avsbench_semantic.npz") as golden:
        for prediction, label in zip(golden["prediction"], golden["label"], strict=True):
            scores.add(prediction, label)
        np.testing.assert_allclose(scores.iou_sum, golden["iou_sum"], rtol=1e-5)
        np.testing.assert_allclose(scores.f_sum, golden["f_sum"], rtol=1e-5)
        np.testing.assert_array_equal(scores.count, golden["count"])
        assert scores.score().m_iou == pytest.approx(float(golden["mIoU"]), rel=1e-5)
        assert scores.score().m_f == pytest.approx(float(golden["F"]), rel=1e-5)
