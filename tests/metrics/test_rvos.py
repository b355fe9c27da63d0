"""J and F by expression: every frame counts, every expression alike, and the figures of DAVIS's own code."""

from pathlib import Path

import numpy as np
import pytest

from avfusion.metrics.rvos import MISSING, ExpressionScore, mean_score, score_expression

SQUARE = np.zeros((40, 60), bool)
SQUARE[10:20, 10:20] = True
EMPTY = np.zeros_like(SQUARE)


def test_first_and_last_frame_count_too() -> None:
    score = score_expression([(EMPTY, SQUARE), (SQUARE, SQUARE), (SQUARE, SQUARE), (EMPTY, SQUARE)])
    assert (score.j, score.f, score.mean) == (0.5, 0.5, 0.5)


def test_nothing_found_where_nothing_is_meant_is_right() -> None:
    assert score_expression([(EMPTY, EMPTY)]).mean == 1
    assert score_expression([(SQUARE, EMPTY)]).mean == 0


def test_expressions_count_alike_and_missing_ones_as_nothing() -> None:
    assert mean_score([ExpressionScore(1.0, 0.5), MISSING]) == ExpressionScore(0.5, 0.25)


def test_without_annotated_frames_there_is_no_score() -> None:
    with pytest.raises(ValueError, match="without annotated frames"):
        score_expression([])


@pytest.mark.real_data
def test_equal_to_davis(shared_data: Path) -> None:
    with np.load(shared_data / "parity" / "davis_jf.npz") as golden:
        width = int(golden["shape"][1])
        masks = [np.unpackbits(golden[name], axis=2, count=width).astype(bool) for name in ("prediction", "truth")]
        for prediction, truth, j, f in zip(*masks, golden["J"], golden["F"], strict=True):
            assert score_expression([(prediction, truth)]) == ExpressionScore(pytest.approx(j), pytest.approx(f))
