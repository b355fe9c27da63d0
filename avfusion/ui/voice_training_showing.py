"""How a training stands: its buttons, a line, a bar, the curve of its losses and its newest files."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from avfusion.errors import AvfusionError, InputError, Stopped, UsageError
from avfusion.pipelines.progress import Progress
from avfusion.ui import words
from avfusion.ui.voice_taking import file_address
from avfusion.ui.voice_training_curve import loss_curve
from avfusion.ui.voice_training_jobs import Training, form_of, model_folder
from avfusion.voice.train_so_vits_checkpoints import LOSSES, last_step, read_losses, weights_of
from avfusion.voice.train_so_vits_clusters import CLUSTERS

BUTTONS = {"begin": "Start", "stop": "Stop", "resume": "Resume", "discard": "Discard"}
"""In the order of a `TrainingShown`."""

USE = "Use this voice"
SEE_RECORDINGS = "It was not trained: the line at the recordings says why."
SEE_NUMBERS = "It was not trained: the line at the numbers says why."
_SEE_START = "It was not trained: the line at the files to begin with says why."
_BUG = "The training broke off. This is a bug: please report it. What was saved is below."


class TrainingShown(NamedTuple):
    """In the order of `TrainingPart.shows`; what is left out stays as it is."""

    begin: Any = gr.skip()
    stop: Any = gr.skip()
    resume: Any = gr.skip()
    discard: Any = gr.skip()
    status: Any = gr.skip()
    progress: Any = gr.skip()
    curve: Any = gr.skip()
    files: Any = gr.skip()
    use: Any = gr.skip()
    given: Any = gr.skip()
    start: Any = gr.skip()
    numbers: Any = gr.skip()


def nothing_yet(status: str = "") -> TrainingShown:
    """There is no training: one can be begun."""
    return TrainingShown(*_buttons("begin"), status, "", "", "", _use(is_there=False))


def begun() -> TrainingShown:
    """At once after the click."""
    waits = gr.Button(interactive=False)
    return TrainingShown(begin=waits, resume=waits, discard=waits, status="", progress=words.waiting(), numbers="")


def at_work(training: Training, folder: Path) -> TrainingShown:
    """While it runs."""
    return TrainingShown(*_buttons("stop"), "", bar(training.now), *results(folder))


def _buttons(*shown: str) -> tuple[gr.Button, gr.Button, gr.Button, gr.Button]:
    """Those that can be pressed now, and the others hidden."""
    begin, stop, resume, discard = (
        gr.Button(label, visible=name in shown, interactive=True) for name, label in BUTTONS.items()
    )
    return begin, stop, resume, discard


def _use(*, is_there: bool) -> gr.Button:
    return gr.Button(USE, visible=is_there)


def results(folder: Path) -> tuple[str, str, Any]:
    """The curve, the newest files, and the button that takes them."""
    out = model_folder(folder)
    step = last_step(out)
    try:
        curve = loss_curve(read_losses(out))
    except AvfusionError:  # as the line of a training that ends says
        curve = ""
    return curve, files(out, step), _use(is_there=step is not None)


def ended(training: Training | None, folder: Path) -> TrainingShown:
    """It does not run, or runs no longer. training: None if another process had it."""
    step = last_step(model_folder(folder))
    status, given, start = _how_it_ended(training, folder, step)
    shown = nothing_yet(status)
    if step is not None or training is None or isinstance(training.failure(), Stopped):
        shown = TrainingShown(*_buttons("resume", "discard"), status, "", *results(folder))
    shown = shown._replace(given=given) if given else shown
    return shown._replace(start=start) if start else shown


def _how_it_ended(training: Training | None, folder: Path, step: int | None) -> tuple[str, str, str]:
    """The line of the training, and those at the recordings and at what it begins with where it is about them."""
    if training is None:
        return words.note(_goes_on(step, "A training of yours is here.")), "", ""
    failure = training.failure()
    if isinstance(failure, Stopped):
        return words.note(_goes_on(step, "Stopped.")), "", ""
    if isinstance(failure, AvfusionError):
        return _refused(failure, folder)
    if failure is not None:
        return words.problem(UsageError(_BUG)), "", ""
    return words.good(f"Done: step {step}. To train it further, ask for more and press Resume."), "", ""


def _refused(error: AvfusionError, folder: Path) -> tuple[str, str, str]:
    said = problem(error)
    if str(folder / "start") in str(error):
        return words.note(_SEE_START), "", said
    about_speech = str(folder / "recordings") in str(error) or str(error).startswith(f"{form_of(folder).name}: ")
    if isinstance(error, InputError) and about_speech:
        return words.note(SEE_RECORDINGS), said, ""
    return said, "", ""


def _goes_on(step: int | None, what: str) -> str:
    if step is None:
        return f"{what} No step was saved yet; Resume begins with the same recordings."
    return f"{what} Step {step} is saved as G_{step}.pth, below; Resume goes on from there."


def problem(error: AvfusionError) -> str:
    """Its message with the visitor's own names of their files."""
    text = words.problem(error)
    return re.sub(r"\b\d{3}-(?=\S*\.\w+)", "", text)


def bar(now: Progress | None) -> str:
    if now is None:
        return words.bar(0, "Loading", "")
    left = f"about {words.duration(now.remaining_s)} left" if now.remaining_s is not None else ""
    if not now.stage.startswith("training"):
        said = f"{now.done} of {now.total} recordings"
        return words.bar(now.done / max(1, now.total), "Preparing the recordings", _joined(said, left))
    step = re.search(r"step (\d+)", now.stage)
    rate = f"{1 / now.frames_per_s:.2g} s a step" if now.frames_per_s else ""
    said = _joined(f"{now.done} of {now.total} steps", rate, left)
    return words.bar(now.done / max(1, now.total), f"Training, step {step[1]}" if step else "Training", said)


def _joined(*parts: str) -> str:
    return " · ".join(part for part in parts if part)


def files(out: Path, step: int | None) -> str:
    """Links to what the newest checkpoint consists of."""
    if step is None:
        return ""
    paths = (weights_of(out, step), out / "config.json", out / CLUSTERS, out / LOSSES)
    links = "".join(
        f'<a class="file" href="{file_address(path)}" download="{escape(path.name)}">{escape(path.name)} '
        f"<span>{_size(path.stat().st_size)}</span></a>"
        for path in paths
        if path.is_file()
    )
    return f'<div class="files" data-step="{step}">{links}</div>'


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{max(1, round(count / 1e3))} kB"
