"""Several engines asked the same: their masks, what they took, and how far they agree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from avfusion.clip import Clip, Mask, Prompt
from avfusion.engines.catalogue import find
from avfusion.engines.memory import falling_back
from avfusion.errors import EngineNotReady, NoPrompt, PromptOutside, UsageError
from avfusion.pipelines.compare_answers import Answer, Comparison, Kind, Scores, agreement
from avfusion.pipelines.compare_asking import ask_all
from avfusion.pipelines.compare_pairs import compared
from avfusion.pipelines.compare_question import Candidate, Question, candidates
from avfusion.pipelines.compare_report import write_report
from avfusion.pipelines.compare_truth import open_truth
from avfusion.pipelines.frame import as_clip
from avfusion.pipelines.keys import keys_of, words_alone
from avfusion.pipelines.progress import OnProgress, ShouldStop
from avfusion.pipelines.prompts import by_frame
from avfusion.pipelines.segmenters import segmenters_for
from avfusion.pipelines.track import check_span

__all__ = ["Answer", "Comparison", "Scores", "agreement", "compare", "write_report"]


# Inside a call that may fall back nothing else does: each answer is of the engine whose name it bears.
@falling_back
def compare(
    clip: Clip | Path | str,
    prompts: Sequence[Prompt],
    *,
    engines: Sequence[str],
    folder: Path,
    whole_clip: bool = False,
    frame: int = 0,
    truth: Path | Mask | None = None,
    segmenter: str = "auto",
    exhaustive: bool = False,
    device: str = "auto",
    span: tuple[int, int] | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
    on_answer: Callable[[Answer], None] | None = None,
) -> Comparison:
    """Asks each engine in turn, and holds their answers against each other.

    On one frame the engines are those for segmentation, and get the prompts on it; without any prompts they are asked
    for everything that is there, as many as can say that. With `whole_clip` they are trackers, which follow the object
    through frames start..stop-1 (`span`; all if left out) from what `segmenter` makes of the first prompts. Masks go to
    `folder`, a folder for each engine. truth: a PNG or array [H, W] for `frame`, of any object against background or of
    objects by number; or a folder of PNGs for the frames of a clip. exhaustive: trackers that can look at everything in
    every frame do so.

    An engine that fails has a `problem` instead of masks, and the others go on. on_answer: called with each answer as
    soon as it is there. Raises `UnknownEngine` before any work is done, `EngineNotReady` when none of the engines is
    ready, `UsageError`, `NoPrompt`, `PromptOutside`, `MaskSizeMismatch`, `MaskCountMismatch`, `CannotRead` and
    `Stopped`.
    """
    clip = as_clip(clip)
    kind: Kind = "clip" if whole_clip else "asked" if prompts else "everything"
    asked = candidates(tuple(dict.fromkeys(engines)), "tracking" if whole_clip else "segmentation", device)
    if not asked:
        raise UsageError("There is nothing to compare: name at least one engine.")
    waiting = [candidate.waits_for for candidate in asked if candidate.waits_for]
    if len(waiting) == len(asked):
        raise EngineNotReady("; ".join(waiting))
    own, span = _placed(clip, prompts, kind, frame, span)
    if kind == "clip":
        _check_segmenter(clip, own, asked, segmenter, device)
    true = None if truth is None else open_truth(truth, clip, span, frame)
    # A clip of its own: what was answered to another run on it would make this one look faster than it is.
    question = Question(
        replace(clip), own, kind, span, segmenter, exhaustive, device, on_progress, should_stop
    )  # fmt: skip
    answers = []
    for answer in ask_all(question, asked, true, Path(folder)):
        answers.append(answer)
        if on_answer is not None:
            on_answer(answer)
    return replace(compared(question, answers), clip=clip)


def _check_segmenter(
    clip: Clip, prompts: Sequence[Prompt], asked: Sequence[Candidate], segmenter: str, device: str
) -> None:
    """What all trackers start from can be made. Raises as `segmenters_for` does."""
    if segmenter != "auto":
        find(segmenter, "segmentation")
    first = keys_of(clip, prompts)[0].prompts
    follows_words = any("words" in candidate.engine.understands for candidate in asked if not candidate.waits_for)
    if not (follows_words and words_alone(first)):
        segmenters_for(first, segmenter, device)


def _placed(
    clip: Clip, prompts: Sequence[Prompt], kind: Kind, frame: int, span: tuple[int, int] | None
) -> tuple[tuple[Prompt, ...], tuple[int, int]]:
    """The prompts that count, and the frames (start, stop) that are compared."""
    if kind == "clip":
        by_frame(clip, prompts)
        return tuple(prompts), check_span(clip, span)
    if not 0 <= frame < clip.frame_count:
        raise PromptOutside(f"{clip.path}: frame {frame} is outside the clip (0 to {clip.frame_count - 1}).")
    own = by_frame(clip, prompts).get(frame, []) if prompts else []
    if kind == "asked" and not own:
        raise NoPrompt(f"{clip.path}: nothing is said about frame {frame}, which is compared.")
    return tuple(own), (frame, frame + 1)
