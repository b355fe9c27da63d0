"""Clips with sound and true masks -> a trained network: saved as it goes, validated, and gone on with later."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from avfusion.datasets.avs_clip import AvsClip
from avfusion.datasets.avs_read import read_avs
from avfusion.datasets.files import read_json
from avfusion.engines.catalogue import find
from avfusion.engines.devices import pick_device
from avfusion.errors import CannotWrite, InputError, OutputIsInput, Stopped, UsageError
from avfusion.media.target import refuse_inputs, refuse_target, whole_file, writing
from avfusion.pipelines.progress import OnProgress, Progress, ShouldStop, Teller
from avfusion.pipelines.train_avs_clips import ClipExamples
from avfusion.pipelines.train_avs_network import Given, Made, begun, bring_words, gone_on, write_trained
from avfusion.pipelines.train_avs_settings import AvsTraining, stored_training
from avfusion.pipelines.train_avs_validate import for_validation, save_looks, score_names, validate
from avfusion.sounding.training.board import Board
from avfusion.sounding.training.examples import batch_for
from avfusion.sounding.training.learner import Found, Learner
from avfusion.sounding.training.live_page import State, write_live_page
from avfusion.sounding.training.processes import Processes, processes
from avfusion.sounding.training.saved import Best, last_step, resumed, save_step
from avfusion.sounding.training.tables import LOSS_COLUMNS, LOSSES, SCORES, StepTable, read_table

TRAINING = "training.json"
_SHOWN_EVERY_S = 10.0


@dataclass(frozen=True)
class AvsTrainingReport:
    """What a run did. out: the folder, itself a checkpoint: the weights that were best in validation. parameters: that
    are learnt. clips, validated: of training, and of validation. first_step, step: the first of this run, the last of
    all. losses: those of the last step. best_step, scores: of the best validation of all. The rest as in `Report`."""

    verb: str
    out: Path
    kind: str
    setting: str
    parameters: int
    clips: int
    validated: int
    first_step: int
    step: int
    losses: Mapping[str, float]
    best_step: int
    scores: Mapping[str, float]
    engines: Mapping[str, str]
    devices: Mapping[str, str]
    stages_s: Mapping[str, float]
    notes: tuple[str, ...] = field(default=())

    def as_json(self) -> dict[str, Any]:
        stages_s = {stage: round(seconds, 3) for stage, seconds in self.stages_s.items()}
        return asdict(self) | {"out": str(self.out), "stages_s": stages_s}


def train_avs(
    data: Path | str,
    *,
    out: Path | str,
    training: AvsTraining | None = None,
    given: Given | None = None,
    device: str = "auto",
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> AvsTrainingReport:
    """Trains on the split `train` of a data set, validates on `val`, and leaves the best weights in the folder `out`.

    data: a folder as `datasets.avs_read` wants it. training: what to train, and how; None: go on with what is in `out`.
    given: what to begin with; None: random weights, and for small networks eyes and ears that are taught first
    (`sounding.training.made_start`). Started by `accelerate launch`, its processes share each step's
    clips, and only the first writes. `on_progress` hears of `training` and `validating`. Raises UsageError, InputError
    (also where the loss is no longer a number), CannotWrite, EngineNotReady; `Stopped` with the step saved.
    """
    data, out = Path(data), Path(out)
    refuse_inputs(out, [data])
    if data.resolve() in out.resolve().parents:
        raise OutputIsInput(f"{out}: lies within the data set. Choose a folder outside of it.")
    began_s = time.monotonic()
    after_step = _after(out, training)
    facts = read_json(out / TRAINING) if training is None else {}
    training = stored_training(out / TRAINING) if training is None else training
    workers = processes(pick_device(find(training.kind, "sounding"), device))
    learning = read_avs(data, training.setting, "train")
    validating = for_validation(read_avs(data, training.setting, "val"), training.settings.validate_clips)
    if not learning or not validating:
        raise UsageError(f"{data}: training needs clips in the splits train and val.")
    if facts.get("data", _names_of(learning, validating)) != _names_of(learning, validating):
        raise UsageError(
            f"{data}: holds other clips than {out} has learnt from. Give that set, or begin a new training."
        )
    if facts:
        made = gone_on(out, after_step, training, facts)
    else:
        made = begun(training, given, on_progress, should_stop)
    run = _Run(out, training, made, workers, learning, validating, on_progress, should_stop)
    run.go_on_after(after_step, time.monotonic() - began_s)
    return run.report(after_step)


def _names_of(learning: Sequence[AvsClip], validating: Sequence[AvsClip]) -> str:
    """Short for which clips there are."""
    names = "\n".join(clip.name for clip in (*learning, *validating))
    return hashlib.sha256(names.encode(errors="surrogateescape")).hexdigest()[:16]


def _after(out: Path, training: AvsTraining | None) -> int:
    """The step to go on from; 0 for a new training."""
    step = last_step(out)
    if training is None:
        if step is None:
            raise UsageError(f"{out}: holds no training to go on with (a step under steps/ and {TRAINING}).")
        return step
    if step is not None:
        raise CannotWrite(f"{out}: holds a training already: go on with --resume, or choose a new folder.")
    refuse_target(out, folder=True)
    return 0


class _Run:
    """One run of a training, up to its last step or a stop."""

    def __init__(
        self,
        out: Path,
        training: AvsTraining,
        made: Made,
        workers: Processes,
        learning: Sequence[AvsClip],
        validating: Sequence[AvsClip],
        on_progress: OnProgress | None,
        should_stop: ShouldStop | None,
    ) -> None:
        self._out, self._training, self._made, self._workers = out, training, made, workers
        self._settings = training.settings
        self._learning, self._validating = learning, validating
        self._examples = ClipExamples(learning, training.settings.size_px)
        self._learner = Learner(made.network.on(workers.device), training.settings, workers)
        self._on_progress, self._should_stop = on_progress, should_stop
        self._best = made.best
        self._found: Found | None = None
        self._shown_s = 0.0
        self._stages_s = {"beginning": 0.0, "training": 0.0, "validating": 0.0}
        self._is_first = workers.number == 0

    def go_on_after(self, after_step: int, beginning_s: float) -> None:
        self._stages_s["beginning"] += beginning_s
        self._workers.same(self._learner.network.state().values())
        if self._made.saved is not None:
            resumed(self._learner, self._made.saved, self._out)
        self._open(after_step)
        try:
            if self._made.saved is None:
                self._save(0)  # lessons are minutes, and a kill before the next save would cost them
            self._steps(after_step)
        finally:
            if self._is_first:
                self._board.close()

    def _steps(self, after_step: int) -> None:
        teller = Teller("training", self._settings.steps - after_step, self._told, self._should_stop, "steps")
        for step in range(after_step, self._settings.steps):
            try:
                self._step(step)
            except InputError:
                self._break_off(step)
                raise
            done = step + 1
            is_last = done == self._settings.steps
            if done % self._settings.validate_every == 0 or is_last:
                self._validate(done)
            if done % self._settings.save_every == 0 or is_last:
                self._save(done)
            self._show("done" if is_last else "training")
            if not is_last and self._stops():
                self._save(done)
                self._show("stopped", now=True)
                raise Stopped(f"Stopped at step {done}, which is saved in {self._out}; --resume goes on from there.")
            teller.step()

    def _open(self, after_step: int) -> None:
        """Whatever is written is written by the first process alone."""
        if not self._is_first:
            return
        with writing(self._out):
            self._out.mkdir(exist_ok=True)
        began_s = time.monotonic()
        bring_words(self._out, self._made, self._settings.seed, self._on_progress, self._should_stop)
        self._stages_s["beginning"] += time.monotonic() - began_s
        self._note()
        self._losses = StepTable(self._out / LOSSES, LOSS_COLUMNS, after_step)
        self._score_table = StepTable(self._out / SCORES, ("step", *score_names(self._training.setting)), after_step)
        self._board = Board(self._out / "board", after_step)
        self._show("training" if after_step < self._settings.steps else "done", now=True)

    def _break_off(self, step: int) -> None:
        """A clip that cannot be read, or a loss that is no number, costs nothing of what was learnt before it. Other
        processes are not waited for: they may not have met it."""
        if self._is_first:
            save_step(self._out, self._learner, step, self._best)
            self._show("broken", now=True)

    def _step(self, step: int) -> None:
        began_s = time.monotonic()
        batch = batch_for(
            step, self._examples, self._settings, process=self._workers.number, processes=self._workers.count
        )
        self._found = found = self._learner.step(step, batch)
        seconds = time.monotonic() - began_s
        self._stages_s["training"] += seconds
        if self._is_first:
            row = {"step": found.step, "lr": found.rate, **found.losses, "grad_norm": found.length}
            self._losses.add(row | {"clips_per_s": found.clips / seconds})
            self._board.losses(found.step, {**found.losses, "lr": found.rate, "grad_norm": found.length})

    def _validate(self, step: int) -> None:
        """By the first process alone; the others wait. Weights that are the best so far are kept."""
        began_s = time.monotonic()
        if self._is_first:
            network = self._learner.network
            teller = Teller("validating", 2 * len(self._validating), self._on_progress, None, "clips")
            found = validate(network, self._validating, self._settings.size_px, self._workers.device, teller)
            self._score_table.add({"step": step, **found.scores})
            self._board.scores(step, found.scores)
            save_looks(found.looks, self._out / "looks", step)
            if self._best is None or found.chosen_by > self._best.score:
                self._best = Best(step, found.chosen_by)
                write_trained(self._out, self._training, network, self._said(step), self._made.names)
                self._note()
        self._workers.wait()
        self._stages_s["validating"] += time.monotonic() - began_s

    def _save(self, step: int) -> None:
        if self._is_first:
            save_step(self._out, self._learner, step, self._best)
        self._workers.wait()

    def _stops(self) -> bool:
        """Asked of all, so that all stop after the same step."""
        return self._workers.any(self._should_stop is not None and self._should_stop())

    def _note(self) -> None:
        """training.json: what a run needs to go on with, and what a person wants to know."""
        facts = self._training.as_plain() | {
            "clips": len(self._learning),
            "validated": len(self._validating),
            "parameters": self._parameters,
            "data": _names_of(self._learning, self._validating),
            "names": dict(self._made.names),
            "notes": list(self._made.notes),
            "best": None if self._best is None else asdict(self._best),
            "device": self._workers.device,
            "processes": self._workers.count,
        }
        with whole_file(self._out / TRAINING) as part:
            part.write_text(json.dumps(facts, indent=2), encoding="utf-8")

    def _said(self, step: int) -> str:
        """What config.json says of the weights."""
        clips, seed = len(self._learning), self._settings.seed
        return f"{self._training.kind} after {step} steps on {clips} clips of {self._training.setting}, seed {seed}."

    def _show(self, state: State, *, now: bool = False) -> None:
        if self._is_first and (now or state != "training" or time.monotonic() - self._shown_s > _SHOWN_EVERY_S):
            write_live_page(self._out, state=state, steps=self._settings.steps)
            self._shown_s = time.monotonic()

    @property
    def _parameters(self) -> int:
        return sum(part.numel() for part in self._learner.network.learnt().values())

    def _told(self, progress: Progress) -> None:
        if self._on_progress is not None and self._is_first:
            found = self._found
            said = "training" if found is None else f"training, step {found.step}, loss {found.losses['total']:.2f},"
            self._on_progress(replace(progress, stage=said))

    def report(self, after_step: int) -> AvsTrainingReport:
        best, found = self._best, self._found
        rows = read_table(self._out / SCORES)
        scores = next((row for row in rows if best is not None and row["step"] == best.step), {})
        return AvsTrainingReport(
            verb="train",
            out=self._out,
            kind=self._training.kind,
            setting=self._training.setting,
            parameters=self._parameters,
            clips=len(self._learning),
            validated=len(self._validating),
            first_step=after_step + 1,
            step=after_step if found is None else found.step,
            losses={} if found is None else dict(found.losses),
            best_step=0 if best is None else best.step,
            scores={name: value for name, value in scores.items() if name != "step"},
            engines={"training": self._training.kind},
            devices={"training": self._workers.device},
            stages_s=self._stages_s,
            notes=self._made.notes,
        )
