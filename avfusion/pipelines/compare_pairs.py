"""All answers of a comparison held against each other, frame by frame."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import MaskTrack
from avfusion.metrics.agreement import best_match_iou, matrix, objects_iou
from avfusion.pipelines.compare_answers import Answer, Comparison
from avfusion.pipelines.compare_question import Question
from avfusion.pipelines.progress import Teller


def compared(question: Question, answers: Sequence[Answer]) -> Comparison:
    """The comparison of finished answers. Raises `Stopped`."""
    start, stop = question.span
    tracks = {answer.engine: answer.masks for answer in answers if answer.masks is not None}
    pairs = list(combinations(range(len(tracks)), 2))
    scores: NDArray[np.float64] = np.zeros((stop - start, len(pairs)))
    on_progress = question.on_progress if stop - start > 1 else None
    teller = Teller("comparing", stop - start, on_progress, question.should_stop)
    one = _segments_alike if question.kind == "everything" else _objects_alike
    for place in range(stop - start):
        scores[place] = one(list(tracks.values()), pairs, place)
        teller.step()
    means = scores.mean(axis=0).tolist()
    least = int(scores.mean(axis=1).argmin()) if pairs else (stop - start) // 2
    return Comparison(
        clip=question.clip,
        frames=question.span,
        answers=tuple(answers),
        iou=matrix(dict(zip(pairs, means, strict=True)), len(tracks)),
        engines=tuple(tracks),
        kind=question.kind,
        least_agreed=start + least,
    )


def _objects_alike(tracks: Sequence[MaskTrack], pairs: Sequence[tuple[int, int]], place: int) -> list[float]:
    rows = [{number: np.asarray(track.bits[number][place]) for number in track.objects} for track in tracks]
    return [objects_iou(rows[one], rows[other]) for one, other in pairs]


def _segments_alike(tracks: Sequence[MaskTrack], pairs: Sequence[tuple[int, int]], place: int) -> list[float]:
    labels = [track.labels(place) for track in tracks]
    return [best_match_iou(labels[one], labels[other]) for one, other in pairs]
