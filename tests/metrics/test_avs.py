"""M_J and M_F: golden values of the definition, an independent computation, and the figures of AVSBench's own code."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from avfusion.errors import MaskSizeMismatch
from avfusion.metrics.avs import THRESHOLDS, BinaryScores, f_curve, frame_overlap

SIDE = 20
ONES, ZEROS = np.ones((SIDE, SIDE), bool), np.zeros((SIDE, SIDE), bool)


def part(share: float) -> NDArray[np.bool_]:
    out = np.zeros(SIDE * SIDE, bool)
    out[: round(share * out.size)] = True
    return out.reshape(SIDE, SIDE)


def scored(pairs: list[tuple[NDArray[np.bool_], NDArray[np.bool_]]]) -> tuple[float, float]:
    return BinaryScores().add([ours.astype(np.float32) for ours, _ in pairs], [truth for _, truth in pairs])


@pytest.mark.parametrize(
    ("prediction", "truth", "overlap"),
    [(ONES, ONES, 1.0), (ZEROS, ZEROS, 1.0), (ONES, ZEROS, 0.0), (ZEROS, ONES, 0.0), (part(0.25), ZEROS, 0.75)],
)
def test_overlap_of_one_frame(prediction: NDArray[np.bool_], truth: NDArray[np.bool_], overlap: float) -> None:
    assert frame_overlap(prediction, truth) == pytest.approx(overlap, abs=1e-6)


def test_two_of_four_frames_wrong_are_a_half() -> None:
    assert scored([(ONES, ONES), (ONES, ONES), (ONES, ZEROS), (ONES, ZEROS)])[0] == pytest.approx(0.5, abs=1e-6)


def test_a_half_is_not_yet_sounding() -> None:
    """A logit of 0 is a probability of a half."""
    half = np.full((SIDE, SIDE), 0.5, np.float32)
    assert BinaryScores().add([half], [ONES])[0] == 0.0


@pytest.mark.parametrize(("share", "best"), [(0.1, 1.3 * 0.1 / (0.03 + 1)), (0.5, 0.65 / 1.15)])
def test_an_empty_prediction_still_has_the_threshold_that_takes_everything(share: float, best: float) -> None:
    j, f = scored([(ZEROS, part(share))])
    assert j == 0.0
    assert f == pytest.approx(best, abs=1e-5)


def test_a_clip_with_nothing_to_find_has_no_f() -> None:
    assert scored([(ZEROS, ZEROS)] * 5) == (pytest.approx(1.0, abs=1e-6), 0.0)


def test_empty_frames_are_left_out_of_a_clip_s_f_and_are_zeros_frame_by_frame() -> None:
    scores = BinaryScores()
    scores.add([part(0.3).astype(np.float32), ZEROS.astype(np.float32)], [part(0.3), ZEROS])
    score = scores.score()
    assert (score.m_f, score.frame_m_f) == (pytest.approx(1.0), pytest.approx(0.5))
    assert (score.clips, score.frames) == (1, 2)


def test_clips_count_alike_whatever_their_length() -> None:
    scores = BinaryScores()
    scores.add([ONES.astype(np.float32)] * 3, [ONES] * 3)
    scores.add([ONES.astype(np.float32)], [ZEROS])
    assert scores.score().m_j == pytest.approx(0.5, abs=1e-6)
    assert scores.score().frame_m_j == pytest.approx(0.75, abs=1e-6)


def test_one_threshold_serves_all_frames_of_a_clip() -> None:
    """Each frame alone has a perfect threshold, and no threshold is perfect for both."""
    truth = part(0.5)
    bright = np.where(truth, 0.9, 0.6).astype(np.float32)
    dark = np.where(truth, 0.4, 0.1).astype(np.float32)
    together, alone = BinaryScores(), BinaryScores()
    together.add([bright, dark], [truth, truth])
    alone.add([bright], [truth])
    alone.add([dark], [truth])
    assert alone.score().m_f == pytest.approx(1.0)
    assert together.score().m_f < 0.9
    assert together.score().frame_m_f == pytest.approx(1.0)


def test_the_curve_is_that_of_the_definition() -> None:
    """Threshold by threshold, in plain loops."""
    random = np.random.default_rng(5)
    probability = random.random((9, 7)).astype(np.float32)
    probability[:2] = THRESHOLDS[[0, 40, 41, 100, 200, 253, 254]]
    truth = random.random((9, 7)) < 0.3
    for place, curve in enumerate(f_curve(probability, truth)):
        chosen = probability >= THRESHOLDS[place]
        hit = (chosen & truth).sum()
        precision, recall = hit / (chosen.sum() + 1e-20), hit / (truth.sum() + 1e-20)
        wanted = 1.3 * precision * recall / (0.3 * precision + recall) if hit else 0.0
        assert curve == pytest.approx(wanted, abs=1e-9)


def test_sizes_have_to_fit() -> None:
    with pytest.raises(MaskSizeMismatch, match="3x2 pixels"):
        BinaryScores().add([np.zeros((2, 3), np.float32)], [ONES])
    with pytest.raises(ValueError, match="without frames"):
        BinaryScores().add([], [])


@pytest.mark.real_data
def test_equal_to_avsbench(shared_data: Path) -> None:
    with np.load(shared_data / "parity" / "avsbench_binary.npz") as golden:
        logits, masks, m_j, m_f = (golden[name] for name in ("logits", "masks", "M_J", "M_F"))
    scores = BinaryScores()
    for clip, logit in enumerate(logits.astype(np.float32)):
        probability = 1 / (1 + np.exp(-logit))
        j, f = scores.add(list(probability), list(masks[clip] > 0))
        assert (j, f) == (pytest.approx(m_j[clip], abs=1e-6), pytest.approx(m_f[clip], abs=1e-6))
    assert scores.score().m_j == pytest.approx(m_j.mean(), abs=1e-6)
    assert scores.score().m_f == pytest.approx(m_f.mean(), abs=1e-6)
