"""clip + prompts -> masks of every object on every frame."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from avfusion.clip import Clip, Drawn, MaskTrack, Prompt, Words
from avfusion.engines.catalogue import find
from avfusion.engines.memory import falling_back
from avfusion.engines.registry import Settled, lend, settle
from avfusion.errors import EngineNotReady, UsageError
from avfusion.media.masks import TrackFolder
from avfusion.media.shots import find_shots
from avfusion.media.target import whole_file, writing
from avfusion.pipelines.answers import Answers
from avfusion.pipelines.by_sound import placed
from avfusion.pipelines.keep import Keep
from avfusion.pipelines.keys import Key, keys_of, words_alone
from avfusion.pipelines.progress import OnProgress, ShouldStop, Teller
from avfusion.pipelines.segmenters import segmenters_for
from avfusion.pipelines.timeline import Worst, worst
from avfusion.pipelines.used import MadeByEngines
from avfusion.tracking import Exhaustible

# Runs kept for undo and redo beside those in use.
_RUNS_KEPT = 40
# The track of the last call stays readable while the next one is made.
_TRACKS_KEPT = 2


@dataclass(frozen=True, eq=False)
class Tracking(MadeByEngines):
    """A finished track, and how it came about.

    shots: the first frame of each shot that was looked at, rising. span: the frames (start, stop) that were followed;
    masks are empty outside. keys: the frames with prompts, by object. frames_tracked: how many frames the tracker went;
    what was there from an earlier call is not among them. used: what worked, by ability. prompts: the log as it was
    followed: what was told by its sound is told by its place.
    """

    track: MaskTrack
    used: Mapping[str, Settled]
    stages_s: Mapping[str, float]
    notes: tuple[str, ...] = ()
    shots: tuple[int, ...] = (0,)
    span: tuple[int, int] = (0, 0)
    keys: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    frames_tracked: int = 0
    prompts: tuple[Prompt, ...] = ()

    def worst(self) -> Worst | None:
        """Where a click helps most; None where nothing is doubtful."""
        return worst(self.track.confidence, self.keys, self.span)

    @property
    def advice(self) -> str:
        """The note of `notes` that is for whoever can mark the object; "" where nothing is doubtful."""
        doubt = self.worst()
        return "" if doubt is None else _advice(doubt)


@falling_back
def track(
    clip: Clip,
    prompts: Sequence[Prompt],
    *,
    folder: Path,
    engine: str = "auto",
    segmenter: str = "auto",
    locator: str = "auto",
    device: str = "auto",
    span: tuple[int, int] | None = None,
    exhaustive: bool = False,
    keep: Keep | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> Tracking:
    """Masks of every prompted object on frames start..stop-1 (`span`; all if left out), written under `folder`.

    Each frame with prompts is a key frame: what they say there holds there exactly. From it the tracker goes both ways,
    to the object's next key frame or the end; between two key frames both answers are joined. At a cut a track ends,
    and goes on where the object is surely found again. Prompts on a later frame correct what the earlier part of the
    log gives there. What was tracked before is found again in `folder`: a new prompt costs only what it affects.
    locator: finds what is told by its sound (`Sounding`), once: the masks hold whether it sounds or not.
    exhaustive: an engine that can look at everything in each frame does so; others do as always. keep: `folder` lies
    there, and a tracker that can be put aside (`Keepable`) is gone on with in the middle of its way.
    """
    start, stop = check_span(clip, span)
    told = placed(
        clip, prompts, folder=folder, locator=locator, device=device, span=(start, stop), keep=keep,
        on_progress=on_progress, should_stop=should_stop,
    )  # fmt: skip
    prompts = told.prompts
    keys = keys_of(clip, prompts)
    tracker_choice = _tracker_for(prompts, engine, device)
    asked = _asked_of_segmenters(keys, tracker_choice)
    segmenters = segmenters_for(asked, segmenter, device)
    _refuse_clicks(prompts, segmenter)
    if keep is not None:
        choice = (
            tracker_choice.engine.name,
            tracker_choice.revision,
            tracker_choice.device,
            exhaustive,
            segmenter,
            start,
            stop,
        )
        folder = keep.stage("track", keep.clip_digest(clip), *choice).folder
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    first, last = min(start, *(key.frame for key in keys)), max(stop - 1, *(key.frame for key in keys))
    looking = Teller("shots", last + 1 - first, on_progress, should_stop)
    shots = _shots(clip, folder, (first, last + 1), looking)
    stages_s = {**told.stages_s, "shots": looking.seconds}
    tracking, learning = (Teller(stage, 0, on_progress, should_stop) for stage in ("tracking", "learning"))
    with lend(tracker_choice.engine.name, "tracking", tracker_choice.device) as tracker:
        name = tracker_choice.engine.name
        if exhaustive and isinstance(tracker, Exhaustible):
            tracker, name = tracker.exhaustively(), f"{name} exhaustively"
        answers = Answers(
            clip, keys, (start, stop), folder=folder, tracker=tracker, engine=name, shots=shots,
            segmenters=segmenters, tracking=tracking, learning=learning,
            piece_frames=None if keep is None else keep.segment_frames,
        )  # fmt: skip
        answers.derive()
    found = _written(clip, answers, (start, stop), folder, tracker_choice.engine.name, tracking)
    answers.tidy(_RUNS_KEPT)
    if answers.learning_s:
        stages_s["learning"] = answers.learning_s
    stages_s["tracking"] = tracking.seconds - answers.learning_s
    by_object = _by_object(keys)
    used = {**(segmenters.used if asked else {}), "tracking": tracker_choice}
    notes = (*told.notes, *_notes(found, used.values(), by_object, (start, stop)))
    return Tracking(
        track=found,
        used={**told.used, **used},
        stages_s=stages_s,
        notes=notes,
        shots=shots,
        span=(start, stop),
        keys=by_object,
        frames_tracked=tracking.done,
        prompts=tuple(prompts),
    )


def _notes(
    found: MaskTrack, used: Collection[Settled], keys: Mapping[int, tuple[int, ...]], span: tuple[int, int]
) -> tuple[str, ...]:
    """Why these engines, what was found nowhere, and where to look first."""
    notes = [choice.why for choice in used if choice.why]
    notes += [
        f"Object {number} has no pixels on any frame; another object may lie on it."
        for number in found.objects
        if not any(found.bits[number][frame].any() for frame in range(*span))
    ]
    doubt = worst(found.confidence, keys, span)
    if doubt is not None:
        notes.append(_advice(doubt))
    return tuple(notes)


def _advice(doubt: Worst) -> str:
    return (
        f"Object {doubt.object} is least sure at frame {doubt.frame} ({doubt.confidence:.0%}): "
        "marking it there again helps most."
    )


def _tracker_for(prompts: Sequence[Prompt], engine: str, device: str) -> Settled:
    """With `auto` and words, the best that follows words if one is ready."""
    if engine == "auto" and any(isinstance(prompt, Words) for prompt in prompts):
        with contextlib.suppress(EngineNotReady):
            return settle("tracking", device=device, understands="words")
    return settle("tracking", engine, device)


def _asked_of_segmenters(keys: Sequence[Key], tracker: Settled) -> list[Prompt]:
    """All prompts but for the words that the tracker follows by itself."""
    if "words" not in tracker.engine.understands:
        return [prompt for key in keys for prompt in key.prompts]
    return [prompt for key in keys for prompt in key.prompts if prompt.object not in words_alone(key.prompts)]


def _refuse_clicks(prompts: Sequence[Prompt], segmenter: str) -> None:
    """Raises `UsageError` for an engine that was asked for by name and will have nothing to do."""
    if segmenter == "auto" or all(isinstance(prompt, Drawn) for prompt in prompts):
        return
    if any(isinstance(prompt, Words) for prompt in prompts):
        return
    if "clicks" not in find(segmenter, "segmentation").understands:
        raise UsageError(f"{segmenter} finds things by words only; say what the object is, as in --text 'a dog'.")


def check_span(clip: Clip, span: tuple[int, int] | None) -> tuple[int, int]:
    """Frames (start, stop): those given, or the whole clip. Raises `UsageError`."""
    start, stop = span or (0, clip.frame_count)
    if not 0 <= start < stop <= clip.frame_count:
        raise UsageError(
            f"{clip.path}: there are no frames {start} to {stop - 1}. The clip has frames 0 to {clip.frame_count - 1}."
        )
    return start, stop


def _shots(clip: Clip, folder: Path, span: tuple[int, int], teller: Teller) -> tuple[int, ...]:
    kept = folder / f"shots-{span[0]}-{span[1]}.json"
    if kept.exists():
        return tuple(json.loads(kept.read_text()))
    shots = find_shots(clip, *span, on_frame=lambda _: teller.step())
    with whole_file(kept) as part:
        part.write_text(json.dumps(shots))
    return shots


def _written(
    clip: Clip, answers: Answers, span: tuple[int, int], folder: Path, engine: str, teller: Teller
) -> MaskTrack:
    """The finished track in a folder of its own; those before the last one go, and nothing half-written stays."""
    tracks = sorted((int(path.name.split("-")[1]), path) for path in folder.glob("track-*"))
    number = tracks[-1][0] + 1 if tracks else 0
    own = folder / f"track-{number}"
    out = TrackFolder(
        own, width_px=clip.width_px, height_px=clip.height_px, frame_count=clip.frame_count, engine=engine
    )
    try:
        for frame in range(*span):
            teller.check()
            for number, (mask, confidence) in answers.at(frame).items():
                out.put(frame, number, mask, confidence)
        track = out.seal()
    except BaseException:
        shutil.rmtree(own, ignore_errors=True)
        raise
    for _, path in tracks[: -(_TRACKS_KEPT - 1)]:
        shutil.rmtree(path, ignore_errors=True)
    return track


def _by_object(keys: Sequence[Key]) -> dict[int, tuple[int, ...]]:
    numbers = sorted({number for key in keys for number in key.objects})
    return {number: tuple(sorted(key.frame for key in keys if number in key.objects)) for number in numbers}
