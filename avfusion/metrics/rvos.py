"""Scores of referring video segmentation: J, F and J&F, expression by expression.

Source of the definitions: A. Khoreva et al., "Video Object Segmentation with Language Referring Expressions", ACCV
2018, section 4, with the measures of DAVIS; unlike there, no frame is given, so that every frame is scored.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from avfusion.clip import Mask
from avfusion.metrics.vos import boundary_f, region_similarity


@dataclass(frozen=True)
class ExpressionScore:
    """j, f in 0..1; mean is J&F."""

    j: float
    f: float

    @property
    def mean(self) -> float:
        return (self.j + self.f) / 2


MISSING = ExpressionScore(0.0, 0.0)
"""What an expression scores for which there is no prediction, as MeViS has it."""


def score_expression(pairs: Iterable[tuple[Mask, Mask]]) -> ExpressionScore:
    """(prediction, truth) masks bool [H, W] of every annotated frame -> means over frames.

    Raises MaskSizeMismatch, and ValueError when there is no pair.
    """
    scores = np.array([(region_similarity(*pair), boundary_f(*pair)) for pair in pairs], np.float64)
    if not len(scores):
        raise ValueError("an expression without annotated frames has no score")
    j, f = scores.mean(0)
    return ExpressionScore(float(j), float(f))


def mean_score(scores: Sequence[ExpressionScore]) -> ExpressionScore:
    """Over expressions, each counting alike."""
    return ExpressionScore(float(np.mean([one.j for one in scores])), float(np.mean([one.f for one in scores])))
