"""A folder of recordings -> a so-vits voice: prepared, trained, saved as it goes, and gone on with later."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from avfusion.engines.registry import Settled, lend, settle
from avfusion.errors import CannotWrite, Stopped, UsageError
from avfusion.media.target import refuse_inputs, writing
from avfusion.pipelines.progress import OnProgress, Progress, ShouldStop, Teller, check_stop
from avfusion.pipelines.train_voice_given import recordings_in
from avfusion.voice.train_so_vits import Plan, steps_of_epoch, train
from avfusion.voice.train_so_vits_checkpoints import (
    LOSSES,
    Losses,
    last_step,
    read_losses,
    remove_parts,
    weights_of,
)
from avfusion.voice.train_so_vits_clusters import CLUSTERS, train_clusters
from avfusion.voice.train_so_vits_config import Config, check_config, new_config, stored_config
from avfusion.voice.train_so_vits_prepare import Prepared, Recordings, prepare, prepared_before
from avfusion.voice.train_so_vits_start import Start, check_files, check_start

_PREPARED = "prepared"
_USUAL_BATCH = 16
_USUAL_EPOCHS = 10_000


@dataclass(frozen=True)
class TrainingSettings:
    """steps or epochs: in all, with those of earlier runs; neither: as many epochs as the configuration says.

    batch: pieces of speech in one step; None: as the configuration says. save_every: steps. clusters: centres of a
    k-means for each speaker, made before the first step; None: no k-means.
    """

    steps: int | None = None
    epochs: int | None = None
    batch: int | None = None
    save_every: int = 200
    clusters: int | None = None

    def __post_init__(self) -> None:
        if self.steps is not None and self.epochs is not None:
            raise UsageError("Say how long to train in steps or in epochs, not in both.")
        for name in ("steps", "epochs", "batch", "save_every", "clusters"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"{name.replace('_', ' ')} is {value}; it is 1 at least.")


@dataclass(frozen=True)
class TrainingReport:
    """What a run did. out: the folder; weights, config: what a conversion takes; losses_table: CSV, a row for a step.

    clusters: the k-means, where there is one. recordings, pieces, speech_s: what it learnt from. first_step, step: the
    first of this run, the last of all. losses: those of the last step, as far as known. The rest as in `Report`.
    """

    verb: str
    out: Path
    weights: Path
    config: Path
    losses_table: Path
    clusters: Path | None
    speakers: tuple[str, ...]
    recordings: int
    pieces: int
    speech_s: float
    first_step: int
    step: int
    losses: Losses | None
    engines: Mapping[str, str]
    revisions: Mapping[str, str]
    devices: Mapping[str, str]
    stages_s: Mapping[str, float]
    notes: tuple[str, ...] = field(default=())

    def as_json(self) -> dict[str, Any]:
        plain = {name: dict(getattr(self, name)) for name in ("engines", "revisions", "devices")}
        paths = {name: str(getattr(self, name)) for name in ("out", "weights", "config", "losses_table")}
        paths["clusters"] = str(self.clusters or "")
        stages_s = {stage: round(seconds, 3) for stage, seconds in self.stages_s.items()}
        return asdict(self) | plain | paths | {"stages_s": stages_s}


def train_voice(
    folder: Path | str,
    *,
    out: Path | str,
    speaker: str = "",
    settings: TrainingSettings | None = None,
    config: Path | str | None = None,
    start: Start | None = None,
    resume: bool = False,
    device: str = "auto",
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> TrainingReport:
    """Trains a so-vits voice on the recordings in `folder`, into the folder `out`.

    folder: recordings of one speaker, called `speaker` or as the folder is; or a folder of them for each speaker.
    config: a so-vits config.json to go by instead of so-vits-svc-fork's own. start: networks to begin with instead of
    random weights. resume: go on from the last step in `out`; where that was asked for already, only a k-means is made.
    `on_progress` hears of two stages, of `training` with the loss. Raises UsageError, InputError, CannotWrite,
    EngineNotReady without the content encoder; `Stopped` when `should_stop` says so, with the step saved.
    """
    folder, out, settings = Path(folder), Path(out), settings or TrainingSettings()
    given = None if config is None else Path(config)
    after_step = _checked(folder, out, given, start, resume=resume)
    recordings = recordings_in(folder, speaker)
    # What is wrong with the user's own files is said before anything is asked to be downloaded.
    facts = _config(out, given, recordings, resume=resume)
    if start is not None:
        check_files(start)
    settled = settle("voice", "so-vits", device)
    began_s = time.monotonic()
    with lend("so-vits", "voice", settled.device) as opener:
        check_config(facts, out / "config.json" if resume else given, opener.folder)
        if start is not None:
            check_start(start, facts)
        with writing(out):
            out.mkdir(exist_ok=True)
            remove_parts(out)
        prepared = _prepared(recordings, out, facts, opener.folder, settled.device, on_progress, should_stop)
        plan = _plan(settings, facts, prepared, settled.device, after_step)
        if settings.clusters is not None:
            check_stop(should_stop)
            train_clusters(prepared, facts, settings.clusters, out / CLUSTERS)
        prepared_s = time.monotonic()
        check_stop(should_stop)
        step = after_step
        if plan.until_step > after_step:
            teller = _LossTeller(plan.until_step - after_step, on_progress)
            step = train(
                out, facts, prepared, plan, after_step=after_step, on_step=teller.tell, start=start,
                should_stop=should_stop or (lambda: False),
            )  # fmt: skip
            if step < plan.until_step:
                raise Stopped(f"Stopped at step {step}. {weights_of(out, step)} is saved; --resume goes on from there.")
    stages_s = {"preparing": prepared_s - began_s, "training": time.monotonic() - prepared_s}
    return _report(out, recordings, prepared, after_step, step, settled, stages_s)


def _checked(folder: Path, out: Path, config: Path | None, start: Start | None, *, resume: bool) -> int:
    """The step to go on from; 0 for a new training. Raises UsageError, OutputIsInput and CannotWrite."""
    refuse_inputs(out, [folder])
    step = last_step(out)
    if resume:
        if config is not None:
            raise UsageError("A training goes on with the config.json of its folder. Leave --config out.")
        if start is not None:
            raise UsageError("A training goes on with its own networks. Leave those to start from out.")
        if step is None or not (out / "config.json").is_file():
            raise UsageError(f"{out}: holds no training to go on with (G_*.pth, D_*.pth and config.json).")
        return step
    if out.is_dir() and (others := sorted({path.name for path in out.iterdir()} - {_PREPARED, LOSSES, CLUSTERS})):
        what = "a training already: go on with --resume, or choose" if step is not None else f"{others[0]}. Choose"
        raise CannotWrite(f"{out}: holds {what} a new folder.")
    if not out.is_dir() and (out.exists() or not out.parent.is_dir()):
        raise CannotWrite(f"{out}: no folder can be made here. Choose a new one in a folder that exists.")
    return 0


def _config(out: Path, given: Path | None, recordings: Recordings, *, resume: bool) -> Config:
    """Raises CannotRead, and UsageError where a training goes on with other speakers."""
    if not resume:
        return new_config(given, list(recordings))
    config = stored_config(out / "config.json")
    if set(recordings) != set(config["spk"]):
        raise UsageError(
            f"{out}: this training is of {', '.join(config['spk'])}, not of {', '.join(recordings)}. "
            "Give the same recordings, and the same --speaker."
        )
    return config


def _prepared(
    recordings: Recordings,
    out: Path,
    config: Config,
    encoder: Path,
    device: str,
    on_progress: OnProgress | None,
    should_stop: ShouldStop | None,
) -> Prepared:
    place = out / _PREPARED
    found = prepared_before(place, recordings, config, encoder)
    if found is not None:
        return found
    teller = Teller("preparing", sum(map(len, recordings.values())), on_progress, should_stop, "recordings")
    return prepare(recordings, place, config, encoder=encoder, device=device, on_recording=teller.step)


def _plan(settings: TrainingSettings, config: Config, prepared: Prepared, device: str, after_step: int) -> Plan:
    """Raises UsageError when as many steps have been done already, and nothing else is to be made."""
    said = config["train"].get("batch_size")
    batch = settings.batch or (said if isinstance(said, int) and said > 0 else _USUAL_BATCH)
    epochs = settings.epochs or config["train"].get("epochs", _USUAL_EPOCHS)
    until = settings.steps or int(epochs) * steps_of_epoch(len(prepared.files), batch)
    if until <= after_step and settings.clusters is None:
        raise UsageError(f"The training is at step {after_step} already, and {until} were asked for. Ask for more.")
    return Plan(until, batch, settings.save_every, device)


class _LossTeller:
    """Tells of each step, with the loss that says most: how far the mel spectrograms are from those of the speaker."""

    def __init__(self, steps: int, on_progress: OnProgress | None) -> None:
        self._on_progress = on_progress
        self._teller = Teller("training", steps, self._with_loss, None, "steps")
        self.last: Losses

    def tell(self, losses: Losses) -> None:
        self.last = losses
        self._teller.step()

    def _with_loss(self, progress: Progress) -> None:
        if self._on_progress is not None:
            said = f"training, step {self.last.step}, loss {self.last.total:.1f} (mel {self.last.mel:.1f}),"
            self._on_progress(replace(progress, stage=said))


def _report(
    out: Path,
    recordings: Recordings,
    prepared: Prepared,
    after_step: int,
    step: int,
    settled: Settled,
    stages_s: Mapping[str, float],
) -> TrainingReport:
    losses = next((row for row in read_losses(out) if row.step == step), None)
    clusters = out / CLUSTERS
    notes = [settled.why] if settled.why else []
    notes.append(f"{out / _PREPARED} is only needed to go on with the training")
    return TrainingReport(
        verb="train so-vits", out=out, weights=weights_of(out, step), config=out / "config.json",
        losses_table=out / LOSSES, clusters=clusters if clusters.is_file() else None, speakers=tuple(recordings),
        recordings=sum(map(len, recordings.values())), pieces=len(prepared.files), speech_s=round(prepared.seconds, 3),
        first_step=after_step + 1, step=step, losses=losses, engines={"voice": "so-vits"},
        revisions={"voice": settled.revision}, devices={"voice": settled.device}, stages_s=stages_s, notes=tuple(notes),
    )  # fmt: skip
