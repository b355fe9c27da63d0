"""An audio-visual segmentation set -> scores of an engine or of stored predictions, with and without the sound."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from avfusion.datasets.avs_clip import AvsClip, Setting, Split
from avfusion.datasets.avs_predictions import (
    is_named,
    need_predictions,
    read_classes,
    read_probabilities,
    write_prediction,
)
from avfusion.datasets.avs_read import read_avs
from avfusion.datasets.sizes import check_truths
from avfusion.engines.registry import settle
from avfusion.errors import UsageError
from avfusion.media.target import part_of_folder
from avfusion.pipelines.evaluate_avs_run import EngineChoice, Predicted, pictures_of, predict
from avfusion.pipelines.evaluate_avs_scores import Prediction, Scores, scores_for
from avfusion.pipelines.evaluate_sound import HEARINGS, Hearing, sound_under
from avfusion.pipelines.evaluate_voice import without_nan
from avfusion.pipelines.progress import OnProgress, ShouldStop, Teller
from avfusion.pipelines.used import Used


@dataclass(frozen=True)
class AvsClipScore:
    """figures: hearing -> the clip's own figures, where the setting has such.

    abstained: hearing -> why the engine showed nothing; those under which it did are left out.
    """

    name: str
    figures: Mapping[str, Mapping[str, float]]
    abstained: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class AvsEvaluation:
    """figures: hearing (own, mute, swap) -> figure -> value in 0..1; of stored predictions those that they hold.

    source: the engine, or where the predictions were.
    classes: class -> IoU under its own sound. frames: annotated ones, under one hearing. engines, revisions, devices:
    by ability; empty for stored predictions. notes: what the engines had to say, each thing once.
    """

    dataset: Path
    setting: Setting
    split: Split
    source: str
    figures: Mapping[str, Mapping[str, float]]
    classes: Mapping[str, float]
    clips: tuple[AvsClipScore, ...]
    frames: int
    engines: Mapping[str, str] = field(default_factory=dict)
    revisions: Mapping[str, str] = field(default_factory=dict)
    devices: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    written: Path | None = None

    def abstained(self, hearing: str) -> int:
        """In how many clips the engine showed nothing, and said so."""
        return sum(hearing in clip.abstained for clip in self.clips)

    def as_json(self) -> dict[str, Any]:
        plain = asdict(self) | {"dataset": str(self.dataset), "written": self.written and str(self.written)}
        # Of stored predictions nobody knows why there is nothing in them.
        plain["abstained"] = {hearing: self.abstained(hearing) for hearing in self.figures} if self.engines else {}
        result: dict[str, Any] = without_nan(plain)
        return result


def evaluate_avs(
    dataset: Path | str,
    *,
    setting: Setting,
    split: Split = "test",
    choice: EngineChoice | None = None,
    predictions: Path | None = None,
    write: Path | None = None,
    clips: Sequence[str] | None = None,
    controls: bool = True,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> AvsEvaluation:
    """Scores an engine, or predictions that are there, as each benchmark does.

    dataset: a folder as `datasets.avs_read` wants it. clips: only these. controls: each clip once more without sound,
    and once with another clip's. write: a new folder for the predictions in the files that AVSBench's code writes,
    under `own`, `mute` and `swap`. predictions: such a folder, or only what is in its `own`. Raises `CannotRead`,
    `UsageError`, `MaskSizeMismatch`, `CannotWrite`, `Stopped`, and what an engine raises.
    """
    dataset = Path(dataset)
    if predictions is not None and (choice is not None or write is not None):
        raise UsageError("Stored predictions are scored as they are: name no engine with them, and nothing to write.")
    found = read_avs(dataset, setting, split, clips)
    if not any(truth for clip in found for truth in clip.truths):
        raise UsageError(f"{dataset}: nothing is annotated in the split {split}.")
    check_truths((pair for clip in found for pair in zip(clip.frames, clip.truths, strict=True)), or_benchmark=True)
    if predictions is not None:
        return _of_stored(dataset, found, predictions, on_progress, should_stop)
    with contextlib.ExitStack() as stack:
        part = None if write is None else stack.enter_context(part_of_folder(write))
        report = _of_engine(dataset, found, choice or EngineChoice(), controls, part, on_progress, should_stop)
    return replace(report, written=write)


def _of_stored(
    dataset: Path, clips: Sequence[AvsClip], folder: Path, on_progress: OnProgress | None,
    should_stop: ShouldStop | None,
) -> AvsEvaluation:  # fmt: skip
    rooms = {hearing: folder / hearing for hearing in HEARINGS if (folder / hearing).is_dir()}
    if "own" not in rooms:
        rooms = {"own": folder}
    for room in rooms.values():
        need_predictions(room, clips)
    teller = Teller("scoring", len(clips) * len(rooms), on_progress, should_stop, "clips")
    board = _Board(clips[0].setting, rooms)
    for clip in clips:
        for hearing, room in rooms.items():
            read = read_classes if is_named(clip) else read_probabilities
            stored: Sequence[Prediction] = read(room, clip)
            board.add(hearing, clip, stored)
            teller.step()
    return board.report(dataset, clips, f"predictions in {folder}")


def _of_engine(
    dataset: Path, clips: Sequence[AvsClip], choice: EngineChoice, controls: bool, write: Path | None,
    on_progress: OnProgress | None, should_stop: ShouldStop | None,
) -> AvsEvaluation:  # fmt: skip
    settled = settle("sounding", choice.engine, choice.device)
    hearings = HEARINGS if controls else HEARINGS[:1]
    teller = Teller("scoring", len(clips) * len(hearings), on_progress, should_stop, "clips")
    board = _Board(clips[0].setting, hearings)
    sounds, labels = [clip.sound for clip in clips], [clip.labels for clip in clips]
    for place, clip in enumerate(clips):
        pictures = pictures_of(clip)
        for hearing in hearings:
            sound = sound_under(hearing, place, pictures, sounds, labels)
            predicted = predict(clip, pictures, sound, choice, should_stop)
            board.add(hearing, clip, predicted.frames, predicted)
            if write is not None:
                write_prediction(write / hearing, clip, predicted.frames)
            teller.step()
    return board.report(dataset, clips, settled.engine.name)


class _Board:
    """The scores of every hearing, clip after clip."""

    def __init__(self, setting: Setting, hearings: Sequence[Hearing] | Mapping[Hearing, Path]) -> None:
        self._scores: dict[Hearing, Scores] = {hearing: scores_for(setting) for hearing in hearings}
        self._rows: dict[str, dict[str, Mapping[str, float]]] = {}
        self._abstained: dict[str, dict[str, str]] = {}
        self._made_by = Used()
        self._notes: dict[str, None] = {}

    def add(
        self, hearing: Hearing, clip: AvsClip, frames: Sequence[Prediction], predicted: Predicted | None = None
    ) -> None:
        own = {} if not any(clip.truths) else self._scores[hearing].add(clip, frames)
        self._rows.setdefault(clip.name, {})[hearing] = own
        if predicted is not None and predicted.abstained:
            self._abstained.setdefault(clip.name, {})[hearing] = predicted.abstained
        if predicted is not None:
            self._made_by.used.update(predicted.used)
            self._notes |= dict.fromkeys(predicted.notes)

    def report(self, dataset: Path, clips: Sequence[AvsClip], source: str) -> AvsEvaluation:
        return AvsEvaluation(
            dataset=dataset,
            setting=clips[0].setting,
            split=clips[0].split,
            source=source,
            figures={hearing: scores.figures() for hearing, scores in self._scores.items()},
            classes=self._scores["own"].classes(),
            clips=tuple(
                AvsClipScore(name, figures, self._abstained.get(name, {})) for name, figures in self._rows.items()
            ),
            frames=sum(truth is not None for clip in clips for truth in clip.truths),
            engines=self._made_by.engines,
            revisions=self._made_by.revisions,
            devices=self._made_by.devices,
            notes=tuple(self._notes),
        )
