"""A referring segmentation set -> J and F of an engine or of stored predictions, with and without what it was told."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from avfusion.clip import Mask
from avfusion.datasets.rvos_clip import RvosClip, RvosLayout
from avfusion.datasets.rvos_predictions import need_any, read_expression, write_expressions
from avfusion.datasets.rvos_read import read_rvos
from avfusion.datasets.sizes import check_truths
from avfusion.engines.registry import settle
from avfusion.errors import UsageError
from avfusion.media.target import part_of_folder
from avfusion.metrics.rvos import MISSING, ExpressionScore, mean_score, score_expression
from avfusion.pipelines.evaluate_avs_run import EngineChoice
from avfusion.pipelines.evaluate_rvos_run import Found, Telling, tellings, told
from avfusion.pipelines.evaluate_voice import without_nan
from avfusion.pipelines.progress import OnProgress, ShouldStop, Teller
from avfusion.pipelines.used import Used


@dataclass(frozen=True)
class ExpressionRow:
    """scores: telling -> (J, F); None where nobody annotated the expression, or nothing was predicted for it."""

    clip: str
    number: str
    words: str
    scores: Mapping[str, tuple[float, float] | None]


@dataclass(frozen=True)
class RvosEvaluation:
    """figures: telling (own, words, mute, swap) -> J, F, J&F in 0..1, means over annotated expressions.

    They are empty for a set that keeps its truth. missing: telling -> expressions without a prediction, which score 0.
    source: the engine, or where the predictions were. engines, revisions, devices: by ability.
    """

    dataset: Path
    layout: RvosLayout
    split: str
    source: str
    figures: Mapping[str, Mapping[str, float]]
    missing: Mapping[str, int]
    expressions: tuple[ExpressionRow, ...]
    engines: Mapping[str, str] = field(default_factory=dict)
    revisions: Mapping[str, str] = field(default_factory=dict)
    devices: Mapping[str, str] = field(default_factory=dict)
    written: Path | None = None

    def as_json(self) -> dict[str, Any]:
        plain = asdict(self) | {"dataset": str(self.dataset), "written": self.written and str(self.written)}
        result: dict[str, Any] = without_nan(plain)
        return result


def evaluate_rvos(
    dataset: Path | str,
    *,
    layout: RvosLayout,
    split: str = "valid",
    choice: EngineChoice | None = None,
    predictions: Path | None = None,
    write: Path | None = None,
    clips: Sequence[str] | None = None,
    controls: bool = True,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> RvosEvaluation:
    """Scores an engine, or predictions that are there: J and F over all frames of an expression, then over expressions.

    Of Ref-DAVIS17 the four who described an object count alike; objects keep their numbers, where its published script
    looks for the pairing that scores best, which can only be more. controls: each expression once more with the words
    for something else, and in a set with sound once without it and once with another clip's. write: a new folder for
    the predictions as servers take them, under the name of each telling. predictions: such a folder, or what is in its
    `own`. A set that keeps its truth can only be written. Raises `CannotRead`, `UsageError`, `MaskSizeMismatch`,
    `CannotWrite`, `Stopped`, and what an engine raises.
    """
    dataset = Path(dataset)
    if predictions is not None and (choice is not None or write is not None):
        raise UsageError("Stored predictions are scored as they are: name no engine with them, and nothing to write.")
    found = read_rvos(dataset, layout, split, clips)
    if write is None and not any(one.truths for clip in found for one in clip.expressions):
        raise UsageError(f"{dataset}: the set keeps the truth of {split} to itself. Name a folder for the predictions.")
    check_truths(
        pair for clip in found for one in clip.expressions if one.truths
        for pair in zip(clip.frames, one.truths, strict=True)
    )  # fmt: skip
    if predictions is not None:
        rooms = {name: predictions / name for name in tellings(True, found) if (predictions / name).is_dir()}
        rooms = rooms if "own" in rooms else {"own": predictions}
        need_any(rooms["own"], found)
        board = _Board(dataset, found, f"predictions in {predictions}", rooms)
        teller = Teller("scoring", len(found), on_progress, should_stop, "clips")
        for clip in found:
            board.score(clip)
            teller.step()
        return board.report(None)
    return _of_engine(dataset, found, choice or EngineChoice(), controls, write, on_progress, should_stop)


def _of_engine(
    dataset: Path, clips: Sequence[RvosClip], choice: EngineChoice, controls: bool, write: Path | None,
    on_progress: OnProgress | None, should_stop: ShouldStop | None,
) -> RvosEvaluation:  # fmt: skip
    """Predictions are written and then scored as if they had been there: a score can be had again from its files."""
    settled = settle("sounding", choice.engine, choice.device, understands="words")
    names = tellings(controls, clips)
    count = len(names) * sum(len(clip.expressions) for clip in clips)
    teller = Teller("scoring", count, on_progress, should_stop, "expressions")
    with contextlib.ExitStack() as stack:
        part = stack.enter_context(_scratch() if write is None else part_of_folder(write))
        board = _Board(dataset, clips, settled.engine.name, {name: part / name for name in names})
        for place, clip in enumerate(clips):
            for name in names:
                with tempfile.TemporaryDirectory(prefix="avfusion-") as folder:
                    answers = []
                    for said in range(len(clip.expressions)):
                        answers.append(told(name, clips, place, said, choice, Path(folder) / str(said), should_stop))
                        teller.step()
                    _write(part / name, clip, answers)
                board.note(answers)
            board.score(clip)
        return board.report(write)


@contextlib.contextmanager
def _scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="avfusion-") as folder:
        yield Path(folder)


def _write(folder: Path, clip: RvosClip, answers: Sequence[Found]) -> None:
    masks: list[Sequence[Mask]] = list(answers)
    write_expressions(folder, clip, masks, [found.confidence for found in answers])


class _Board:
    """Scores, clip after clip, of the predictions that lie in a folder for each telling."""

    def __init__(self, dataset: Path, clips: Sequence[RvosClip], source: str, rooms: Mapping[Telling, Path]) -> None:
        self._dataset, self._clips, self._source, self._rooms = dataset, clips, source, rooms
        self._scores: dict[Telling, list[ExpressionScore]] = {name: [] for name in rooms}
        self._missing: dict[str, int] = dict.fromkeys(rooms, 0)
        self._rows: list[ExpressionRow] = []
        self._made_by = Used()

    def note(self, answers: Sequence[Found]) -> None:
        """Which engines gave them."""
        for answer in answers:
            self._made_by.used.update({} if answer.located is None else answer.located.used)

    def score(self, clip: RvosClip) -> None:
        for place, expression in enumerate(clip.expressions):
            scores: dict[str, tuple[float, float] | None] = {}
            for name, room in self._rooms.items():
                if not expression.truths:
                    scores[name] = None
                    continue
                masks = read_expression(room, clip, place)
                self._missing[name] += masks is None
                pairs = zip(masks or (), expression.truths, strict=masks is not None)
                known = ((mask, truth.labels() > 0) for mask, truth in pairs if truth is not None)
                score = MISSING if masks is None else score_expression(known)
                self._scores[name].append(score)
                scores[name] = None if masks is None else (score.j, score.f)
            self._rows.append(ExpressionRow(clip.name, expression.number, expression.words, scores))

    def report(self, written: Path | None) -> RvosEvaluation:
        means = {name: mean_score(scores) for name, scores in self._scores.items() if scores}
        return RvosEvaluation(
            dataset=self._dataset,
            layout=self._clips[0].layout,
            split=self._clips[0].split,
            source=self._source,
            figures={name: {"J&F": one.mean, "J": one.j, "F": one.f} for name, one in means.items()},
            missing=dict(self._missing),
            expressions=tuple(self._rows),
            engines=self._made_by.engines,
            revisions=self._made_by.revisions,
            devices=self._made_by.devices,
            written=written,
        )
