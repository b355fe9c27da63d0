"""One thing that words describe, heard or not: AL-Ref-SAM 2's way for referring expressions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avfusion.clip import Clip
from avfusion.errors import UsageError
from avfusion.sounding import Source, Sources, Tell
from avfusion.sounding.al_ref_frames import candidates
from avfusion.sounding.al_ref_parts import Parts
from avfusion.sounding.al_ref_prompts import Detections, as_prompt
from avfusion.sounding.planner import Detection, Scene

_LONGEST_WORDS = 60


@dataclass(frozen=True)
class ReferSettings:
    """stride: every so many frames one is looked at, fewer in clips that are longer than `collages` of them reach.
    in_collage: so many are looked at together, and one of them is chosen. boxes: of so many at most one is chosen.
    box_score, word_score: the least of a box and of a word in it; last_box_score, last_word_score: where nothing is
    found so, on the first frame. about_as_sure: a pivot with less than this share of the best score is dropped."""

    stride: int = 10
    in_collage: int = 5
    collages: int = 8
    boxes: int = 3
    box_score: float = 0.25
    word_score: float = 0.2
    last_box_score: float = 0.001
    last_word_score: float = 0.1
    about_as_sure: float = 0.5


def refer(
    clip: Clip, words: str, steps: int, step_s: float, parts: Parts, settings: ReferSettings, tell: Tell
) -> Sources:
    """One source with a prompt on every pivot, that sounds in every step. Raises UsageError for too many words."""
    if len(words.split()) > _LONGEST_WORDS:
        raise UsageError(f"'{words[:40]}...' is too long a description; say it in a few words")
    planner = parts.planner()
    notes: dict[str, None] = {}  # in order, each once
    pivots: list[tuple[int, Detection]] = []
    groups = collages(clip.frame_count, settings)
    for done, frames in enumerate(groups):
        # The arguments hold for this turn: nothing keeps the function after it.
        def waiting(done: int = done) -> None:
            tell("looking", done, len(groups))

        shown = candidates(clip, frames, waiting=waiting)
        detect = Detections(shown, parts.detector, settings.box_score, settings.word_score, waiting)
        scene = Scene(shown, detect, note=lambda said: notes.update({said: None}), waiting=waiting)
        place = planner.moment(scene, words)
        if place is None:
            continue
        found = detect(place, words)[: settings.boxes]
        chosen = planner.box(scene, place, words, found, heard=False)
        if chosen is not None:
            pivots.append((shown[place].frame, found[chosen]))
    tell("looking", len(groups), len(groups))
    pivots = _sure(pivots, settings) or _last(clip, words, parts, settings, notes)
    if not pivots:
        return Sources((), step_s, abstained=f"Nothing that is seen is '{words}'.", notes=tuple(notes))
    score = float(np.mean([there.score for _, there in pivots]))
    source = Source(
        number=1,
        prompts=tuple(as_prompt(there, frame, 1) for frame, there in pivots),
        sounds=np.ones(steps, np.float32),
        confidence=score,
        name=words,
        name_confidence=score,
    )
    return Sources((source,), step_s, notes=tuple(notes))


def collages(frame_count: int, settings: ReferSettings) -> list[list[int]]:
    """Frames that are looked at together. A last one of a single frame is left out, unless it is the only one."""
    reach = settings.in_collage * settings.collages
    stride = max(settings.stride, -(-frame_count // reach))
    frames = list(range(0, frame_count, stride))
    groups = [frames[start : start + settings.in_collage] for start in range(0, len(frames), settings.in_collage)]
    return groups[:-1] if len(groups) > 1 and len(groups[-1]) == 1 else groups


def _sure(pivots: list[tuple[int, Detection]], settings: ReferSettings) -> list[tuple[int, Detection]]:
    best = max((there.score for _, there in pivots), default=0.0)
    return [(frame, there) for frame, there in pivots if there.score >= settings.about_as_sure * best]


def _last(
    clip: Clip, words: str, parts: Parts, settings: ReferSettings, notes: dict[str, None]
) -> list[tuple[int, Detection]]:
    """The likeliest thing on the first frame, however unlikely."""
    (first,) = candidates(clip, [0])
    found = parts.detector.find(
        first.rgb, words, box_score=settings.last_box_score, word_score=settings.last_word_score
    )
    if found:
        said = f"'{words}' was nowhere found for sure; what is shown is the likeliest thing on the first frame."
        notes[said] = None
    return [(0, found[0])] if found else []
