"""Trainings of voices that visitors began: each in a job's folder of its own, on a thread, gone on with later.

A training outlives the page that began it: whoever knows its id, which is 128 random bits, sees it again, stops it and
goes on with it. JOB/recordings: what it learns from. JOB/start: what it begins with. JOB/model: what `train_voice`
leaves. JOB/form.json: what was asked for.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
import traceback
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from avfusion.errors import AvfusionError, UsageError
from avfusion.jobs.home import LASTING, hold, job_folder, new_job
from avfusion.media.target import writing
from avfusion.pipelines.progress import OnProgress, Progress, ShouldStop
from avfusion.pipelines.train_voice import TrainingReport, TrainingSettings, train_voice
from avfusion.ui.downloads import is_private
from avfusion.ui.runs import Run
from avfusion.ui.visit import linked
from avfusion.voice.train_so_vits_checkpoints import last_step
from avfusion.voice.train_so_vits_start import Start

ALLOW_VARIABLE = "AVFUSION_ALLOW_TRAINING"
_FORM = "form.json"
_PREPARED = "prepared"
_PATIENCE_S = 60.0


def refusal(address: str | None, *, is_shared: bool) -> str:
    """Why visitors may not train, or nothing if they may. address: what the page listens on.

    A training takes the machine for hours, so that only a page on this machine's own address allows it, unless
    AVFUSION_ALLOW_TRAINING says otherwise (1 or 0).
    """
    said = os.environ.get(ALLOW_VARIABLE, "").strip().lower()
    if said in ("1", "on", "yes", "true"):
        return ""
    if said:
        return f"Whoever runs this page has switched training off here ({ALLOW_VARIABLE})."
    if is_private(address, is_shared=is_shared):
        return ""
    return (
        "Others can open this page too, and a training takes its machine for hours, so nobody can begin one from it. "
        f"Whoever runs it can: avfusion train so-vits on its machine, or {ALLOW_VARIABLE}=1."
    )


@dataclass(frozen=True)
class Form:
    """What a visitor fills in. unit: `steps` or `rounds` through all recordings, of which there are `amount` in all.

    clusters: 0 for none.
    """

    speaker: str = ""
    unit: str = "steps"
    amount: float | None = 10_000
    save_every: float | None = 200
    batch: float | None = 16
    clusters: float | None = 0

    def settings(self) -> TrainingSettings:
        """Raises UsageError for numbers that are missing or too small."""
        amount = _whole("how long to train", self.amount)
        return TrainingSettings(
            steps=amount if self.unit == "steps" else None,
            epochs=amount if self.unit == "rounds" else None,
            batch=_whole("the pieces in one step", self.batch),
            save_every=_whole("the steps between checkpoints", self.save_every),
            clusters=round(self.clusters or 0) or None,
        )

    @property
    def name(self) -> str:
        return self.speaker.strip() or "voice"


def _whole(what: str, value: float | None) -> int:
    if value is None:
        raise UsageError(f"Say {what}: the field is empty.")
    return round(value)


@dataclass(frozen=True)
class StartFiles:
    """What a training begins with: a G_*.pth, its D_*.pth, and a config.json; each may be missing."""

    generator: Path | None = None
    discriminator: Path | None = None
    config: Path | None = None


class Training:
    """One that was begun in this process. now: its latest word."""

    def __init__(self, folder: Path, form: Form) -> None:
        self._folder, self._form = folder, form
        self.now: Progress | None = None
        self._run = Run(self._work)

    @property
    def is_alive(self) -> bool:
        return self._run.is_alive

    def stop(self) -> None:
        """At its next step or recording, with the step saved."""
        self._run.stop()

    def wait(self) -> None:
        self._run.wait(_PATIENCE_S)

    def failure(self) -> BaseException | None:
        """Waits for the end; what the training raised, if it did."""
        return self._run.failure()

    def _work(self, _: OnProgress, should_stop: ShouldStop) -> TrainingReport:
        try:
            with hold(self._folder):
                return self._train(should_stop)
        except AvfusionError:
            raise
        except BaseException:
            # A bug, which nobody may be there to see: its trace goes to the log.
            traceback.print_exc()
            raise

    def _train(self, should_stop: ShouldStop) -> TrainingReport:
        out, start = model_folder(self._folder), _start_in(self._folder)
        resume = last_step(out) is not None
        if not resume:
            _tidy(out)
        begins = None if start.generator is None or resume else Start(start.generator, start.discriminator)
        return train_voice(
            self._folder / "recordings", out=out, speaker=self._form.name, settings=self._form.settings(),
            config=None if resume else start.config, start=begins, resume=resume, on_progress=self._tell,
            should_stop=should_stop,
        )  # fmt: skip

    def _tell(self, progress: Progress) -> None:
        self.now = progress


class Trainings:
    """Those of this process, by job. One at a time works."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, Training] = {}

    def of(self, job: str) -> Training | None:
        """None: it was begun in another process, or never."""
        with self._lock:
            return self._known.get(job)

    def begin(self, form: Form, recordings: Sequence[Path], start: StartFiles) -> str:
        """The new job. Raises UsageError and CannotWrite."""
        form.settings()
        with self._lock:
            self._refuse_second()
            job = new_job()
            folder = job_folder(job)
            _lay_out(folder, recordings, start)
            (folder / LASTING).touch()
            _write_form(folder, form)
            self._known[job] = Training(folder, form)
            return job

    def go_on(self, job: str, form: Form) -> None:
        """From the last checkpoint, or from the beginning where there is none, with what the form says now but for the
        speaker. Raises UsageError and CannotWrite."""
        folder = job_folder(job)
        form = Form(**asdict(form) | {"speaker": form_of(folder).speaker})
        form.settings()
        with self._lock:
            self._refuse_second()
            _write_form(folder, form)
            self._known[job] = Training(folder, form)

    def discard(self, job: str) -> None:
        """Stops it and removes all of it."""
        training = self.of(job)
        if training is not None:
            training.stop()
            training.wait()
        shutil.rmtree(job_folder(job), ignore_errors=True)

    def check_free(self) -> None:
        """Raises UsageError as long as one runs."""
        with self._lock:
            self._refuse_second()

    def _refuse_second(self) -> None:
        if any(training.is_alive for training in self._known.values()):
            raise UsageError("A training runs on this machine already. Begin when it has ended, or stop it.")


TRAININGS = Trainings()
"""Those of this page."""


def training_folder(job: str) -> Path | None:
    """Where a training lies; None for what is none, or gone."""
    try:
        folder = job_folder(job)
    except UsageError:
        return None
    return folder if (folder / _FORM).is_file() else None


def model_folder(folder: Path) -> Path:
    return folder / "model"


def form_of(folder: Path) -> Form:
    """What was asked for; where its file is damaged, what a form says at first."""
    try:
        held: dict[str, Any] = json.loads((folder / _FORM).read_text("utf-8"))
        return Form(**{field.name: held[field.name] for field in fields(Form)})
    except (OSError, ValueError, KeyError, TypeError):
        return Form()


def _write_form(folder: Path, form: Form) -> None:
    path = folder / _FORM
    with writing(path):
        path.write_text(json.dumps(asdict(form)), "utf-8")


def _lay_out(folder: Path, recordings: Sequence[Path], start: StartFiles) -> None:
    for part, paths in (
        ("recordings", recordings), ("start", (start.generator, start.discriminator, start.config)),
    ):  # fmt: skip
        place = folder / part
        with writing(place):
            place.mkdir()
            for number, path in enumerate(paths):
                if path is not None:
                    linked(path, place).rename(place / f"{number:03d}-{path.name}")


def _start_in(folder: Path) -> StartFiles:
    found = {path.name[:3]: path for path in (folder / "start").iterdir()}
    return StartFiles(found.get("000"), found.get("001"), found.get("002"))


def _tidy(out: Path) -> None:
    """What is left of a training that never came to a checkpoint goes; what was prepared for it stays."""
    for path in out.iterdir() if out.is_dir() else ():
        if path.name != _PREPARED:
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()
