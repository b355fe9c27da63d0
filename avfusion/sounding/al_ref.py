"""The engine `al-ref-sam2`: names for what is heard, a frame and a box for each, and when each of them sounds.

S. Huang et al., "Unleashing the Temporal-Spatial Reasoning Capacity of GPT for Training-Free Audio and Language
Referenced Video Object Segmentation", AAAI 2025, built from its description with parts that are to be had: AST for
BEATs, CLAP for LanguageBind, any vision-language model or none for GPT. Its last step, SAM 2 from the pivots both ways,
is what the prompts that are given here go into.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Clip, Sound
from avfusion.errors import InputError
from avfusion.sounding import Source, Sources, Tell, Wish
from avfusion.sounding.al_ref_frames import Loudness, candidates, loudness
from avfusion.sounding.al_ref_parts import Parts
from avfusion.sounding.al_ref_prompts import SAME, Detections, as_prompt, overlap
from avfusion.sounding.al_ref_refer import ReferSettings, refer
from avfusion.sounding.gating import Way, gate, nearest
from avfusion.sounding.naming import spoken
from avfusion.sounding.planner import Candidate, Detection, Pivot, Scene
from avfusion.sounding.tagging import Tag
from avfusion.sounding.tagging_visible import visible

STEP_S = 1.0

_ANYTHING = Wish()


@dataclass(frozen=True)
class AlRefSettings:
    """frames: so many at most are looked at, each where its part of the clip is loudest. boxes: of so many at most one
    is chosen. box_score, word_score: the least of a box and of a word in it. way: how it is found out when each of
    several things sounds. The numbers are the paper's."""

    frames: int = 10
    boxes: int = 3
    box_score: float = 0.25
    word_score: float = 0.25
    way: Way = "steps"
    refer: ReferSettings = field(default_factory=ReferSettings)


class AlRef:
    """Training-free: what it knows is what its parts know."""

    def __init__(self, name: str, parts: Parts, settings: AlRefSettings | None = None) -> None:
        self.name = name
        self._parts = parts
        self._settings = settings or AlRefSettings()

    def locate(self, clip: Clip, sound: Sound, wish: Wish = _ANYTHING, *, folder: Path, tell: Tell) -> Sources:
        """With words in the wish, the one thing that they describe, heard or not; else what is heard."""
        steps = max(1, ceil(float(clip.duration_s) / STEP_S - 1e-6))
        if wish.text:
            return refer(clip, wish.text, steps, STEP_S, self._parts, self._settings.refer, tell)
        return _Run(clip, sound, wish, steps, self._parts, self._settings, folder, tell).sources()


class _Run:
    """One clip with its sound."""

    def __init__(
        self,
        clip: Clip,
        sound: Sound,
        wish: Wish,
        steps: int,
        parts: Parts,
        settings: AlRefSettings,
        folder: Path,
        tell: Tell,
    ) -> None:
        self._clip, self._wish, self._steps = clip, wish, steps
        # What sounds after the last frame shows nothing.
        self._sound = Sound(sound.samples[:, : ceil(clip.duration_s * sound.rate_hz)], sound.rate_hz)
        self._parts, self._settings, self._folder, self._tell = parts, settings, folder, tell
        self._notes: list[str] = []
        self._heat: NDArray[np.float32] | None = None
        self._planner = parts.planner()

    def sources(self) -> Sources:
        loud = loudness(self._sound, float(self._clip.duration_s))
        if loud.is_silent:
            return self._abstains("The sound is silent throughout.")
        self._tell("listening", 0, 1)
        tags = self._parts.tagger.tags(self._sound, self._waiting("listening"))
        self._tell("listening", 1, 1)
        if not tags:
            return self._abstains("Nothing in the sound is recognised.")
        self._heat = self._rough()
        shown = self._shown(loud)
        box_score, word_score = self._settings.box_score, self._settings.word_score
        detect = Detections(shown, self._parts.detector, box_score, word_score, self._waiting("looking"))
        scene = Scene(
            candidates=shown,
            detect=lambda place, words: detect(place, spoken(words)),
            tags=tags,
            names=self._allowed(visible(tags)),
            labels=self._wish.labels,
            at_most=self._wish.sources,
            nearest=lambda name: nearest(self._parts.ears, name, self._wish.labels),
            note=self._note,
            waiting=self._waiting("choosing"),
        )
        found = self._boxed(scene, self._planner.sources(scene))
        if not found:
            heard = ", ".join(tag.name for tag in tags[:3])
            return self._abstains(f"Nothing that is seen makes what is heard ({heard}).")
        return self._timed(scene, found, loud)

    def _abstains(self, why: str) -> Sources:
        return Sources((), STEP_S, self._heat, abstained=why, notes=tuple(self._notes))

    def _note(self, words: str) -> None:
        if words not in self._notes:
            self._notes.append(words)

    def _waiting(self, stage: str) -> Callable[[], None]:
        return lambda: self._tell(stage, 0, 1)

    def _rough(self) -> NDArray[np.float32] | None:
        """float32 [steps, h, w]: where another engine hears the sound come from; it may have no idea."""
        if self._parts.rough is None:
            return None
        try:
            sources = self._parts.rough.locate(
                self._clip, self._sound, Wish(), folder=self._folder / "rough", tell=self._tell
            )
        except InputError:
            return None
        return sources.heat if sources.heat is not None and sources.step_s == STEP_S else None

    def _shown(self, loud: Loudness) -> tuple[Candidate, ...]:
        count = min(self._settings.frames, self._steps, self._clip.frame_count)
        begin = self._clip.time(0)
        frames = sorted({self._clip.index_at(float(begin) + time_s) for time_s in loud.loudest(count)})
        return candidates(self._clip, frames, loud=loud, heat=self._heat_at, waiting=self._waiting("looking"))

    def _heat_at(self, time_s: float) -> NDArray[np.float32] | None:
        if self._heat is None or not len(self._heat):
            return None
        return np.asarray(self._heat[min(int(time_s / STEP_S), len(self._heat) - 1)])

    def _allowed(self, names: tuple[Tag, ...]) -> tuple[Tag, ...]:
        """Each as the label that is most like it, and as much less likely as it is unlike it."""
        if not self._wish.labels:
            return names
        best: dict[str, float] = {}
        for tag in names:
            label, likeness = nearest(self._parts.ears, tag.name, self._wish.labels)
            best[label] = max(best.get(label, 0.0), tag.probability * likeness)
        return tuple(Tag(label, best[label]) for label in sorted(best, key=lambda label: -best[label]) if best[label])

    def _boxed(self, scene: Scene, pivots: tuple[Pivot, ...]) -> list[tuple[Pivot, Detection]]:
        """Each thing with its place. What was named and is not detected, or is another one again, is left out."""
        found: list[tuple[Pivot, Detection]] = []
        for pivot in pivots:
            there = scene.detect(pivot.candidate, pivot.name)[: self._settings.boxes]
            chosen = self._planner.box(scene, pivot.candidate, pivot.name, there, heard=True)
            if chosen is None:
                self._note(f"'{pivot.name}' is heard, and was not found in the picture.")
                continue
            other = self._same(scene, found, pivot, there[chosen])
            if other:
                self._note(f"'{pivot.name}' is the same thing as '{other}'.")
                continue
            found.append((pivot, there[chosen]))
        return found

    def _same(self, scene: Scene, found: list[tuple[Pivot, Detection]], pivot: Pivot, here: Detection) -> str:
        """The name of what was found before, if this is it again: nearly the same box, or, where it was found on
        another frame, nearly the box that this name has there; "" if it is nothing of that."""
        for known, there in found:
            alike = (here,) if known.candidate == pivot.candidate else scene.detect(known.candidate, pivot.name)
            if alike and overlap(there.box, alike[0].box) > SAME:
                return known.name
        return ""

    def _timed(self, scene: Scene, found: list[tuple[Pivot, Detection]], loud: Loudness) -> Sources:
        sounds = self._sounds([pivot.name for pivot, _ in found], loud)
        likely = {tag.name: tag.probability for tag in scene.names}
        sources: list[Source] = []
        for (pivot, there), when in zip(found, sounds, strict=True):
            # What only the model named, no tag vouches for: its best moment does.
            sure = likely.get(pivot.name, float(when.max()))
            frame = scene.candidates[pivot.candidate].frame
            sources.append(
                Source(
                    number=len(sources) + 1,
                    prompts=(as_prompt(there, frame, len(sources) + 1),),
                    sounds=when.astype(np.float32),
                    confidence=float(np.sqrt(sure * there.score)),
                    name=pivot.name,
                    name_confidence=sure,
                )
            )
        sources.sort(key=lambda source: -source.confidence)
        return Sources(tuple(sources), STEP_S, self._heat, notes=tuple(self._notes))

    def _sounds(self, names: list[str], loud: Loudness) -> NDArray[np.float32]:
        """float32 [names, steps]. One thing alone sounds whenever anything stands out; of several the ears tell, since
        one may be much fainter than another."""
        if len(names) == 1:
            return loud.standing_out(self._steps, STEP_S)[None].astype(np.float32)
        heard = self._parts.ears.sounds(self._sound, self._steps, STEP_S, self._waiting("listening"))
        return gate(self._parts.ears, heard, names, self._settings.way) * loud.audible(self._steps, STEP_S)
