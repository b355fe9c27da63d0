"""A dataset with ground truth -> scores of an engine, as the field computes them."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from avfusion.clip import Drawn, Mask, Point, Prompt
from avfusion.engines.catalogue import find
from avfusion.engines.devices import pick_device
from avfusion.engines.registry import lend
from avfusion.metrics.robot import next_click
from avfusion.metrics.vos import SequenceScore, score_sequence
from avfusion.pipelines.davis import Davis, read_davis
from avfusion.pipelines.progress import OnProgress, ShouldStop, Teller
from avfusion.pipelines.timeline import drifted
from avfusion.pipelines.track import Tracking, track
from avfusion.tracking import Example, Learner, Tracker


@dataclass(frozen=True)
class VosScore:
    """j, f: means over the scored frames. mean: (J + F) / 2. frames_per_s: of the tracker alone, without reading.

    learning_s: what it took the engine to learn the object first. rank_correlation: Spearman's, between the confidence
    and the true J of the frames of a sequence; None where either does not vary. after_clicks: J after each round of one
    click on the frame that the engine doubts most, the first without any.
    """

    name: str
    frames: int
    j: float
    f: float
    mean: float
    frames_per_s: float
    learning_s: float
    rank_correlation: float | None
    after_clicks: tuple[float, ...] = ()


@dataclass(frozen=True)
class VosReport:
    """overall: J, F and mean averaged over sequences, and all tracked frames over the time they took."""

    dataset: Path
    engine: str
    device: str
    sequences: tuple[VosScore, ...]
    overall: VosScore

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"dataset": str(self.dataset)}


def evaluate_vos(
    dataset: Path | str,
    *,
    engine: str = "flow",
    sequences: Sequence[str] | None = None,
    rounds: int = 0,
    device: str = "auto",
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> VosReport:
    """Scores a tracking engine that is given the first frame's mask, by the protocol of DAVIS-2016.

    dataset: a folder with JPEGImages/[480p/]NAME/*.jpg and Annotations/[480p/]NAME/*.png, a mask for every frame; all
    that is not background counts as the one object. The first and last frame of a sequence are not scored (F. Perazzi
    et al., CVPR 2016). rounds: so many times, the frame that the track itself doubts most gets one click in the middle
    of its largest mistake, and the track is made again. Raises `UnknownEngine`, `EngineNotReady`, `UsageError` (no such
    sequence), `CannotRead`, `MaskCountMismatch`, `NoPrompt` (a first mask without an object) and `Stopped`.
    """
    dataset = Path(dataset)
    row = find(engine, "tracking")
    found = read_davis(dataset, sequences)
    teller = Teller("tracking", sum(len(sequence.pictures) for sequence in found), on_progress, should_stop)
    scores = []
    for sequence in found:
        score = _score(sequence, engine, device, teller)
        if rounds:
            score = replace(score, after_clicks=_corrected(sequence, engine, device, rounds, should_stop))
        scores.append(score)
    return VosReport(dataset, engine, pick_device(row, device), tuple(scores), _overall(scores))


def _overall(scores: Sequence[VosScore]) -> VosScore:
    count = len(scores)
    tracked = sum(score.frames for score in scores)
    ranked = [score.rank_correlation for score in scores if score.rank_correlation is not None]
    return VosScore(
        name="overall",
        frames=tracked,
        j=sum(score.j for score in scores) / count,
        f=sum(score.f for score in scores) / count,
        mean=sum(score.mean for score in scores) / count,
        frames_per_s=tracked / sum(score.frames / score.frames_per_s for score in scores),
        learning_s=sum(score.learning_s for score in scores) / count,
        rank_correlation=float(np.mean(ranked)) if ranked else None,
        after_clicks=tuple(np.mean([score.after_clicks for score in scores], axis=0).tolist()),
    )


def _score(sequence: Davis, engine: str, device: str, teller: Teller) -> VosScore:
    seconds: list[float] = []
    confidence: list[float] = []
    with lend(engine, "tracking", device) as tracker, tempfile.TemporaryDirectory(prefix="avfusion-") as folder:
        started_s = time.perf_counter()
        if isinstance(tracker, Learner):
            example = Example(sequence.frame(0), {1: sequence.first_mask()})
            tracker = tracker.learn([example], folder=Path(folder), tell=lambda *_: teller.check())
        learning_s = time.perf_counter() - started_s
        score = score_sequence(_pairs(sequence, tracker, teller, seconds, confidence))
    return VosScore(
        name=sequence.name,
        frames=len(sequence.pictures),
        j=score.j.mean,
        f=score.f.mean,
        mean=score.mean,
        frames_per_s=len(sequence.pictures) / max(sum(seconds), 1e-9),
        learning_s=learning_s,
        rank_correlation=_rank_correlation(confidence, score),
    )


def _pairs(
    sequence: Davis, tracker: Tracker, teller: Teller, seconds: list[float], confidence: list[float]
) -> Iterator[tuple[Mask, Mask]]:
    """(prediction, truth) bool [H, W] for each frame; the lists get the tracker's own time and confidence."""
    state = None
    for index in range(len(sequence.pictures)):
        frame = sequence.frame(index)
        # Converted before the clock starts: a decoder hands these out.
        _ = frame.rgb, frame.yuv
        started_s = time.perf_counter()
        if state is None:
            prediction, sure = sequence.first_mask(), 1.0
            state = tracker.begin(frame, {1: prediction})
        else:
            tracked = state.step(frame)
            prediction, sure = tracked.masks[1], drifted(tracked.confidence[1], index)
        seconds.append(time.perf_counter() - started_s)
        confidence.append(sure)
        teller.step()
        yield prediction, sequence.truth(index)


def _corrected(
    sequence: Davis, engine: str, device: str, rounds: int, should_stop: ShouldStop | None
) -> tuple[float, ...]:
    """Mean J before and after each of `rounds` clicks; where nothing is doubted any more it stays as it is."""
    clip = sequence.clip()
    log: list[Prompt] = [Drawn(sequence.first_mask())]
    scores: list[float] = []
    with tempfile.TemporaryDirectory(prefix="avfusion-") as folder:
        for _ in range(rounds + 1):
            tracking = track(
                clip, log, folder=Path(folder), engine=engine, device=device, should_stop=should_stop
            )  # fmt: skip
            scores.append(_score_of(tracking, sequence).j.mean)
            if (click := _click_on_worst(tracking, sequence)) is None:
                break
            log.append(click)
    return tuple(scores + scores[-1:] * (rounds + 1 - len(scores)))


def _score_of(tracking: Tracking, sequence: Davis) -> SequenceScore:
    frames = range(len(sequence.pictures))
    return score_sequence((tracking.track.mask(frame), sequence.truth(frame)) for frame in frames)


def _click_on_worst(tracking: Tracking, sequence: Davis) -> Point | None:
    worst = tracking.worst()
    if worst is None:
        return None
    click = next_click(tracking.track.mask(worst.frame), sequence.truth(worst.frame))
    return None if click is None else Point(click[0], click[1], keep=click[2], frame=worst.frame)


def _rank_correlation(confidence: Sequence[float], score: SequenceScore) -> float | None:
    from scipy.stats import spearmanr

    values = confidence[1:-1] if len(confidence) > 2 else confidence
    if np.ptp(values) == 0 or np.ptp(score.j_per_frame) == 0:
        return None
    return float(spearmanr(values, score.j_per_frame).statistic)
