"""Step 4 of the Compare tab: engines one after the other, each answer shown as soon as it is there."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from avfusion.clip import Clip, Mask, Prompt, Words
from avfusion.errors import AvfusionError, NoPrompt, Stopped, UsageError
from avfusion.pipelines.compare import Answer, compare, write_report
from avfusion.pipelines.progress import OnProgress, ShouldStop
from avfusion.ui import words
from avfusion.ui.compare_showing import AnswersShown, show_answers
from avfusion.ui.compare_visit import Answers, Asked, CompareVisit
from avfusion.ui.runs import Run

KIND = "comparing"
STOPPED = "Stopped. The answers that were there stay."


class RunShown(NamedTuple):
    """What a run changes in step 4; what is left out stays as it is."""

    run: Any = gr.skip()
    stop: Any = gr.skip()
    status: Any = gr.skip()
    progress: Any = gr.skip()


Shown = tuple[Any, ...]
"""A `RunShown`, then an `AnswersShown`."""


def idle(status: str = "") -> RunShown:
    return RunShown(gr.Button(interactive=True), gr.Button(visible=False), status, "")


def begin(visit: CompareVisit) -> RunShown:
    """At once after the press, before it is this visitor's turn."""
    visit.is_stopped = False
    return RunShown(gr.Button(interactive=False), gr.Button(visible=True), "", words.waiting())


def run(
    visit: CompareVisit, frame: int, span: str, text: str, engines: Sequence[str], truth_files: Sequence[str] | None
) -> Iterator[Shown]:
    """From what was clicked, said and ticked to the finished report."""
    clip, before = visit.clip, visit.answers
    job: Run[Answers] | None = None
    try:
        if clip is None:
            raise UsageError("Choose a picture or a clip first (step 1).")
        if not engines:
            raise UsageError("Tick at least one engine (step 3).")
        whole_clip = span == "clip" and clip.frame_count > 1
        prompts = asked_prompts(visit, frame, text, whole_clip=whole_clip)
        first = prompts[0].frame if whole_clip else frame
        asked = Asked(clip, tuple(engines), first, whole_clip, everything=not prompts)
        visit.answers = Answers(asked)
        job = visit.start(partial(_work, visit, asked, prompts, tuple(truth_files or ())), kind=KIND)
        yield from _watched(visit, job, asked)
        visit.answers = job.result()
    except Stopped:
        yield *idle(words.note(STOPPED)), *show_answers(visit, working=False)
        return
    except AvfusionError as error:
        if visit.answers is not None and not visit.answers.answers:
            visit.answers = before
        yield *idle(words.problem(error, *_paths(clip, truth_files))), *show_answers(visit, working=False)
        return
    finally:
        if job is not None:
            job.stop()
    yield *idle(_done(visit.answers)), *show_answers(visit, working=False)


def _watched(visit: CompareVisit, job: Run[Answers], asked: Asked) -> Iterator[Shown]:
    """Progress, and the answers whenever there is one more."""
    count = 0
    yield *_at(asked, count), *show_answers(visit, working=True)
    for now in job.progress():
        tells = now is not None and asked.whole_clip  # a single frame is too short to tell about
        progress = RunShown(progress=words.progress(now)) if now is not None and tells else RunShown()
        answers = visit.answers
        if answers is not None and answers.asked is asked and len(answers.answers) > count:
            count = len(answers.answers)
            yield *_at(asked, count), *show_answers(visit, working=True)
        elif tells:
            yield *progress, *AnswersShown()


def _at(asked: Asked, count: int) -> RunShown:
    """So many engines have answered."""
    total = len(asked.engines)
    title = f"Asking {asked.engines[count]}" if count < total else "Writing the report"
    return RunShown(progress=words.bar(count / total, title, f"{count} of {total} engines have answered"))


def asked_prompts(visit: CompareVisit, frame: int, text: str, *, whole_clip: bool) -> tuple[Prompt, ...]:
    """What the engines are asked: clicks, then words. Nothing at all: everything in the frame. Raises `NoPrompt`."""
    with visit.lock:
        selection = visit.selection
    clicks: tuple[Prompt, ...] = selection.prompts if whole_clip else selection.on_frame(frame)
    said = (Words(text.strip(), frame=clicks[0].frame if clicks else frame),) if text.strip() else ()
    if not clicks and not said:
        if whole_clip:
            raise NoPrompt("Say which object is to be followed: click it on a frame, or give words (step 2).")
        if selection.prompts:
            elsewhere = selection.prompts[-1].frame
            raise NoPrompt(f"Nothing is clicked on frame {frame}. Go to frame {elsewhere}, click here, or press Reset.")
    return (*clicks, *said)


def _work(
    visit: CompareVisit, asked: Asked, prompts: tuple[Prompt, ...], truth_files: tuple[str, ...],
    on_progress: OnProgress, should_stop: ShouldStop,
) -> Answers:  # fmt: skip
    so_far = Answers(asked)

    def on_answer(answer: Answer) -> None:
        nonlocal so_far
        so_far = replace(so_far, answers=(*so_far.answers, answer))
        visit.answers = so_far

    with visit.folder_for("compare") as folder:
        truth, frame = _truth(visit, asked, truth_files, folder)
        comparison = compare(
            asked.clip, prompts, engines=asked.engines, folder=folder / "masks", whole_clip=asked.whole_clip,
            frame=frame, truth=truth, on_progress=on_progress, should_stop=should_stop, on_answer=on_answer,
        )  # fmt: skip
        files = write_report(comparison, folder / "report", on_progress=on_progress, should_stop=should_stop)
        archive = zipped(files, folder / "comparison.zip")
    return Answers(asked, comparison.answers, comparison, (*files, archive))


def _truth(visit: CompareVisit, asked: Asked, files: tuple[str, ...], folder: Path) -> tuple[Path | Mask | None, int]:
    """A given mask, or a folder with those of all frames in the order of their names; else what was outlined.

    And the frame that it is of, where it is of one.
    """
    if not files:
        outlined = {outline.frame for outline in visit.outlines} if asked.whole_clip else set()
        frame = min(outlined, default=asked.frame)
        return visit.truth_on(frame), frame
    if len(files) == 1 and not asked.whole_clip:
        return Path(files[0]), asked.frame
    if not asked.whole_clip:
        raise UsageError("One true mask for one frame: take the others away, or compare the whole clip.")
    ordered = folder / "truth"
    ordered.mkdir(parents=True)
    for number, file in enumerate(sorted(map(Path, files), key=lambda path: path.name)):
        os.link(file, ordered / f"{number:05d}.png")
    return ordered, asked.frame


def zipped(files: Sequence[Path], out: Path) -> Path:
    """All files in one archive."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for file in files:
            archive.write(file, file.name)
    return out


def _done(answers: Answers | None) -> str:
    if answers is None:
        return ""
    failed = [answer.engine for answer in answers.answers if answer.masks is None]
    if len(failed) == len(answers.answers):
        return words.problem(UsageError("No engine had an answer. Each says why below."))
    rest = f" {', '.join(failed)} could not." if failed else ""
    return words.good(f"Done. The answers are below.{rest}")


def _paths(clip: Clip | None, files: Sequence[str] | None) -> list[Path]:
    return [*([clip.path] if clip else []), *(Path(file) for file in files or ())]


def fail(visit: CompareVisit) -> Shown:
    """The run broke off; to Gradio one that was stopped early did so too."""
    if visit.is_stopped:
        return *idle(words.note(STOPPED)), *show_answers(visit, working=False)
    said = words.problem(UsageError("The comparison did not work. This is a bug: please report it."))
    return *idle(said), *show_answers(visit, working=False)


def stop(visit: CompareVisit) -> Shown:
    visit.is_stopped = True
    visit.stop(KIND)
    return *idle(words.note(STOPPED)), *show_answers(visit, working=False)
