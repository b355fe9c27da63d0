"""One engine asked what all are asked: loaded, timed, its memory measured, its answer scored."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from avfusion.engines.registry import Settled, holdings, lend
from avfusion.errors import AvfusionError, Stopped
from avfusion.media.target import writing
from avfusion.pipelines.compare_answers import Answer, Scores
from avfusion.pipelines.compare_clip import Starts, follow
from avfusion.pipelines.compare_frame import everything, on_frame
from avfusion.pipelines.compare_question import Candidate, Found, Question
from avfusion.pipelines.compare_truth import Truth
from avfusion.pipelines.measured import PeakMemory, Stopwatch
from avfusion.pipelines.progress import Progress, Teller
from avfusion.segmentation.embeddings import encoding_anew


def ask_all(question: Question, candidates: Sequence[Candidate], truth: Truth | None, folder: Path) -> Iterator[Answer]:
    """The engines' answers, one after the other: their seconds are their own.

    One that is not ready, or that fails with an `AvfusionError`, has a problem instead of masks. Each one's masks go to
    a folder of its name in `folder`. Raises `Stopped`.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    starts = Starts(question)
    # What trackers keep for the next time would make the next comparison faster than they are.
    with tempfile.TemporaryDirectory(dir=folder, prefix=".work-") as work:
        for candidate in candidates:
            yield _ask(question, candidate, truth, starts, work=Path(work), folder=folder / candidate.engine.name)


def _ask(
    question: Question, candidate: Candidate, truth: Truth | None, starts: Starts, *, work: Path, folder: Path
) -> Answer:
    name = candidate.engine.name
    if candidate.waits_for:
        return Answer(name, question.ability, None, problem=candidate.waits_for)
    _announce(question, name)
    shutil.rmtree(folder, ignore_errors=True)
    try:
        return _measured(question, Settled(candidate.engine, candidate.device), truth, starts, work, folder)
    except Stopped:
        raise
    except AvfusionError as error:
        return Answer(name, question.ability, None, device=candidate.device, problem=" ".join(str(error).split()))


def _measured(
    question: Question, settled: Settled, truth: Truth | None, starts: Starts, work: Path, folder: Path
) -> Answer:
    name, device = settled.engine.name, settled.device
    if "torch" in settled.engine.packages:
        import torch  # noqa: F401  the library itself is nobody's memory
    was_loaded = any((one.name, one.ability, one.device) == (name, question.ability, device) for one in holdings())
    memory, watch = PeakMemory(device), Stopwatch(device)
    with lend(name, question.ability, device) as engine, encoding_anew():
        load_s = 0.0 if was_loaded else watch.seconds()
        found = _found(question, settled, engine, starts, work, folder)
    peak_memory_bytes = memory.growth_bytes()
    return Answer(
        engine=name,
        ability=question.ability,
        masks=found.masks,
        labels=found.labels,
        confidence=found.confidence,
        load_s=load_s,
        seconds=found.seconds,
        frames_per_s=found.frames_per_s,
        peak_memory_bytes=peak_memory_bytes,
        device=device,
        revision=settled.revision,
        flicker=found.flicker,
        scores=_scores(question, found, truth),
        learning_s=found.learning_s,
    )


def _found(question: Question, settled: Settled, engine: Any, starts: Starts, work: Path, folder: Path) -> Found:
    match question.kind:
        case "asked":
            return on_frame(question, settled, engine, folder)
        case "everything":
            return everything(question, settled, engine, folder)
        case "clip":
            return follow(question, settled, engine, starts, work=work, folder=folder)


def _scores(question: Question, found: Found, truth: Truth | None) -> Scores | None:
    if truth is None:
        return None
    return truth.best_scores(found.masks) if question.kind == "everything" else truth.scores(found.masks)


def _announce(question: Question, name: str) -> None:
    """Says whose turn it is before it says anything itself: loading may take a while."""
    Teller(name, 1, None, question.should_stop).check()
    if question.on_progress is not None:
        question.on_progress(Progress(name, 0, question.span[1] - question.span[0], 0.0, None))
