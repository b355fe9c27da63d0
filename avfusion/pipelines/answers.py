"""What a log of prompts gives on each frame: key after key as the log has them, each corrected from the ones before.

All of it follows from the log, so that undo is a shorter log, and the same log gives the same masks.
"""

from __future__ import annotations

import hashlib
import time
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from avfusion.clip import Clip, Mask
from avfusion.metrics.vos import region_similarity
from avfusion.pipelines.frame import one_frame
from avfusion.pipelines.keys import Direction, Key, defines, neighbours, previous, reach, says_where, words_alone
from avfusion.pipelines.pointed import described_as, pointed_at
from avfusion.pipelines.progress import Teller
from avfusion.pipelines.runs import Known, Run, Runs, Start, masks_digest
from avfusion.pipelines.segmenters import Segmenters
from avfusion.pipelines.timeline import drifted
from avfusion.tracking import Describable, Example, Learner, Tracker
from avfusion.tracking.join import join

# Beyond a cut an answer counts this much less than one from the shot itself.
_OVER_A_CUT = 0.02
_SURE = 1.0


class Answers:
    """The masks of one clip by one engine. Call `derive` first, then `at` for any frame of the span."""

    def __init__(
        self,
        clip: Clip,
        keys: Sequence[Key],
        span: tuple[int, int],
        *,
        folder: Path,
        tracker: Tracker,
        engine: str,
        segmenters: Segmenters,
        shots: Sequence[int],
        tracking: Teller,
        learning: Teller,
        piece_frames: int | None = None,
    ) -> None:
        """piece_frames: as in `Runs`."""
        self._clip, self._keys, self._folder = clip, keys, folder
        self._tracker, self._engine, self._segmenters = tracker, engine, segmenters
        self._shots, self._learning = shots, learning
        self._reach = reach(keys, *span)
        tracking.expect(sum(self._way(place, way) for place, way in self._reach))
        self._runs = Runs(clip, folder / "runs", engine=engine, shots=shots, teller=tracking, piece_frames=piece_frames)
        self._masks: list[dict[int, Mask]] = []
        self._made: dict[tuple[int, Direction], Run] = {}
        self._learnt: tuple[int, Tracker] | None = None
        self.learning_s = 0.0

    def derive(self) -> None:
        """Finds the masks of the key frames, and everything in between that is not on disk yet."""
        for place in range(len(self._keys)):
            self._masks.append(self._key_masks(place))
        for place, direction in self._reach:
            self._run(place, direction)

    def at(self, frame: int) -> dict[int, tuple[Mask, float]]:
        """Mask bool [H, W] and confidence of each object on a frame; masks never overlap.

        Where two objects claim a pixel, it goes to the one that the user spoke of nearer in time.
        """
        answers = self._answers(frame, len(self._keys))
        taken = np.zeros((self._clip.height_px, self._clip.width_px), bool)
        apart: dict[int, tuple[Mask, float]] = {}
        for number in sorted(answers, key=lambda number: (self._away(number, frame), number)):
            mask, confidence = answers[number]
            apart[number] = (mask & ~taken, confidence)
            taken |= mask
        return apart

    def tidy(self, runs_kept: int) -> None:
        """Drops old runs that this log does not need."""
        self._runs.forget(but=list(self._made.values()), at_most=runs_kept)

    def _key_masks(self, place: int) -> dict[int, Mask]:
        """What holds on a key frame: its own prompts, and the other objects as the earlier log has them there."""
        key = self._keys[place]
        known = {number: mask for number, (mask, _) in self._answers(key.frame, place).items()}
        prior = {number: mask for number, mask in known.items() if number in key.objects and mask.any()}
        # To say only where an object is not, on a frame where it was not seen either, is to say that it is not there.
        absent = [
            number
            for number in key.objects
            if number in known and number not in prior and not says_where(key.prompts, number)
        ]
        words = self._words(place)
        prompts = [prompt for prompt in key.prompts if prompt.object not in (*absent, *words)]
        own = {number: known[number] for number in absent}
        if words:
            assert isinstance(self._tracker, Describable)
            own |= described_as(
                self._clip, words, frame=key.frame, tracker=self._tracker, engine=self._engine,
                folder=self._folder / "keys",
            )  # fmt: skip
        if prompts:
            prior = {number: mask for number, mask in prior.items() if number not in words}
            own |= pointed_at(
                self._clip, prompts, prior, frame=key.frame, segmenters=self._segmenters,
                folder=self._folder / "keys",
            )  # fmt: skip
        pointed = self._covered([own[number] for number in own if number not in words])
        own |= {number: own[number] & ~pointed for number in words}
        taken = self._covered(list(own.values()))
        return {number: mask & ~taken for number, mask in known.items() if number not in own} | own

    def _covered(self, masks: Sequence[Mask]) -> Mask:
        nothing = np.zeros((self._clip.height_px, self._clip.width_px), bool)
        covered: Mask = np.logical_or.reduce([nothing, *masks])
        return covered

    def _answers(self, frame: int, count: int) -> dict[int, tuple[Mask, float]]:
        """What the first `count` keys say about a frame."""
        numbers = {number for key in self._keys[:count] for number in key.objects}
        return {number: self._answer(number, frame, count) for number in sorted(numbers)}

    def _answer(self, number: int, frame: int, count: int) -> tuple[Mask, float]:
        before, after = neighbours(self._keys[:count], number, frame)
        if before is not None and self._keys[before].frame == frame:
            return self._masks[before][number], _SURE
        first = self._said(before, "forwards", frame, number)
        second = self._said(after, "backwards", frame, number)
        if first is None or second is None:
            said = first or second
            assert said is not None
            return said
        assert before is not None
        assert after is not None
        return self._joined(first, second, frame, self._keys[before].frame, self._keys[after].frame)

    def _joined(
        self, first: tuple[Mask, float], second: tuple[Mask, float], frame: int, before: int, after: int
    ) -> tuple[Mask, float]:
        """The nearer and surer answer counts more; that both agree makes it surer."""
        weights = []
        for key, (_, confidence) in ((before, first), (after, second)):
            nearness = 1 - abs(frame - key) / (after - before)
            weights.append(nearness * max(confidence, 1e-3) * (1 if self._together(frame, key) else _OVER_A_CUT))
        share = weights[0] / sum(weights)
        agreement = 1.0
        if self._together(before, after):
            agreement = 0.5 + 0.5 * region_similarity(first[0], second[0])
        confidence = (share * first[1] + (1 - share) * second[1]) * agreement
        return join(first[0], second[0], share), confidence

    def _said(self, place: int | None, direction: Direction, frame: int, number: int) -> tuple[Mask, float] | None:
        if place is None:
            return None
        track = self._run(place, direction).track
        confidence = drifted(float(track.confidence[number][frame]), abs(frame - self._keys[place].frame))
        return track.mask(frame, number), confidence

    def _run(self, place: int, direction: Direction) -> Run:
        made = (place, direction)
        if made not in self._made:
            come = self._comes_from(place, direction)
            by_way_of = None if come is None else self._known(come)
            start = Start(self._known(place), direction, self._lesson(place), by_way_of)
            self._made[made] = self._runs.get(
                start, self._reach[made], lambda: self._tracker_after(place), lambda: self._examples(place)
            )
        return self._made[made]

    def _known(self, place: int) -> Known:
        return Known(self._keys[place].frame, self._masks[place], self._words(place))

    def _words(self, place: int) -> dict[int, str]:
        """What the objects are called that a key says nothing else of, if the tracker follows words."""
        return words_alone(self._keys[place].prompts) if isinstance(self._tracker, Describable) else {}

    def _comes_from(self, place: int, direction: Direction) -> int | None:
        """The key that the tracker comes from, so that it knows more than a corrected frame shows: one of the same shot
        that the log has earlier, the nearest behind it, or else the nearest ahead, from where it turns round."""
        other: Direction = "backwards" if direction == "forwards" else "forwards"
        for way in (direction, other):
            before = previous(self._keys, place, way)
            if before is not None and self._together(self._keys[before].frame, self._keys[place].frame):
                return before
        return None

    def _sure(self, place: int) -> list[tuple[Key, Mapping[int, Mask]]]:
        """Frames up to a key of the log on which objects are surely known: those that define an object anew.

        What was only tracked teaches nothing; what was corrected may still be wrong beside the clicks, and counts when
        the user has worked on it.
        """
        frames: list[tuple[Key, Mapping[int, Mask]]] = []
        seen: set[int] = set()
        for key, masks in zip(self._keys[: place + 1], self._masks, strict=False):
            own = {number: masks[number] for number in key.objects if number not in seen or defines(key, number)}
            seen.update(key.objects)
            own = {number: mask for number, mask in own.items() if mask.any()}
            if own:
                frames.append((key, own))
        return frames

    def _lesson(self, place: int) -> str:
        said = hashlib.sha256()
        for key, masks in self._sure(place):
            said.update(f"{key.frame} {masks_digest(masks)}".encode())
        return said.hexdigest()

    def _examples(self, place: int) -> list[Example]:
        return [Example(one_frame(self._clip, key.frame), masks) for key, masks in self._sure(place)]

    def _tracker_after(self, place: int) -> Tracker:
        """The engine as it was when the log had come to this key."""
        if not isinstance(self._tracker, Learner):
            return self._tracker
        if self._learnt is None or self._learnt[0] != place:
            started_s = time.monotonic()
            examples = self._examples(place)
            learnt = self._tracker.learn(examples, folder=self._folder / "learnt", tell=self._learning.at)
            self._learnt = place, learnt
            self.learning_s += time.monotonic() - started_s
        return self._learnt[1]

    def _way(self, place: int, direction: Direction) -> int:
        """How many frames the tracker goes for a run."""
        frame = self._keys[place].frame
        come = self._comes_from(place, direction)
        detour = 0 if come is None else abs(frame - self._keys[come].frame)
        return detour + abs(self._reach[place, direction] - frame)

    def _away(self, number: int, frame: int) -> int:
        return min(abs(key.frame - frame) for key in self._keys if number in key.objects)

    def _together(self, frame: int, other: int) -> bool:
        """Whether two frames lie in one shot."""
        return bisect_right(self._shots, frame) == bisect_right(self._shots, other)
