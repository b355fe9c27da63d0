"""A tracker through the shots of a clip: it ends at a cut, and goes on where its objects are surely found again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from avfusion.clip import Frame, Mask
from avfusion.media.journal import Arrays, packed, unpacked
from avfusion.pipelines.follow_words import WordFollower, together
from avfusion.tracking import Correctable, Example, Keepable, Resumer, Tracked, Tracker, TrackState
from avfusion.tracking.refind import Remembered, refind, remember
from avfusion.tracking.snapshot import restored, snapshot

# An object that is not there at once after a cut is looked for again every so many frames.
_LOOK_EVERY = 12
# What an object looked like at the key frame, and at the last few cuts.
_MEMORIES = 4

_OWN = ("_masks", "_objects", "_last", "_unremembered", "_trust", "_memories", "_since_cut")
_KNOWN = (Remembered,)


class Follower:
    """Frame after frame, from one whose masks (bool [H, W] by object number) are known.

    tracker, sure: only asked for if there is something to follow. words: what objects are called that the tracker
    finds by that, whatever their masks.
    """

    def __init__(
        self,
        tracker: Callable[[], Tracker],
        masks: Mapping[int, Mask],
        sure: Callable[[], Sequence[Example]],
        words: Mapping[int, str] | None = None,
    ) -> None:
        self._tracker, self._sure = tracker, sure
        self._by_words = WordFollower(tracker, words) if words else None
        self._masks = {number: mask for number, mask in masks.items() if number not in (words or {})}
        self._objects = tuple(self._masks)
        self._last: Frame | None = None
        self._unremembered: list[tuple[Frame, dict[int, Mask]]] = []
        self._state: TrackState | None = None
        self._trust: dict[int, float] = {}
        self._memories: dict[int, list[Remembered]] = {number: [] for number in masks}
        self._since_cut = 0

    def step(self, frame: Frame, *, after_cut: bool) -> Tracked:
        """The first call is for the known frame, the others for those that follow it."""
        placed = self._step(frame, after_cut=after_cut)
        if self._by_words is None:
            return placed
        return together(placed, self._by_words.step(frame, after_cut=after_cut))

    def _step(self, frame: Frame, *, after_cut: bool) -> Tracked:
        if self._last is None:
            seen = {number: (mask, 1.0) for number, mask in self._masks.items() if mask.any()}
            self._state = self._begin(frame, seen)
            self._unremembered = [(frame, self._masks)]
            return self._tracked(frame, Tracked(self._masks, dict.fromkeys(self._objects, 1.0)))
        if after_cut:
            self._remember()
            self._state, self._since_cut = None, 0
        if self._state is not None:
            return self._tracked(frame, self._state.step(frame))
        if any(self._memories.values()) and self._since_cut % _LOOK_EVERY == 0:
            found = refind(frame, self._memories)
            self._state = self._begin(frame, {number: (one.mask, one.confidence) for number, one in found.items()})
        self._since_cut += 1
        if self._state is None:
            return self._tracked(frame, Tracked({}, {}))
        known = {number: self._masks[number] for number in self._trust}
        return self._tracked(frame, Tracked(known, dict.fromkeys(known, 1.0)))

    def correct(
        self, frame: Frame, masks: Mapping[int, Mask], *, turns: bool, words: Mapping[int, str] | None = None
    ) -> None:
        """What the user says about the frame of the last step: the tracker goes on from there, with all it knows.

        turns: the next frames are those on the other side. words: as at the start.
        """
        masks = {number: mask for number, mask in masks.items() if number not in (words or {})}
        self._by_words = WordFollower(self._tracker, words) if words else None
        if self._by_words is not None:
            self._by_words.step(frame, after_cut=False)
        followed = {number: masks[number] for number in masks if masks[number].any()}
        self._objects, self._masks = tuple(masks), dict(masks)
        self._unremembered = [(frame, self._masks)]
        state = self._state
        if followed and isinstance(state, Correctable) and state.correct(followed, turns=turns):
            self._trust = dict.fromkeys(followed, 1.0)
        else:
            self._state = self._begin(frame, {number: (mask, 1.0) for number, mask in followed.items()})

    def state(self) -> Arrays | None:
        """All that is known after the last step, as plain arrays; None where the tracker cannot be put aside."""
        if self._by_words is not None or not (self._state is None or isinstance(self._state, Keepable)):
            return None
        own = {name: getattr(self, name) for name in _OWN}
        inner = None if self._state is None else self._state.state()
        return packed({"own": snapshot(own, _KNOWN), "tracker": inner or {}})

    def restore(self, state: Arrays, frame: Callable[[int], Frame]) -> None:
        """Takes what `state` gave; frame: reads one of the clip's frames."""
        for name, value in restored(unpacked(state, "own"), _KNOWN, frame).items():
            setattr(self, name, value)
        inner = unpacked(state, "tracker")
        if inner:
            tracker = self._tracker()
            assert isinstance(tracker, Resumer)
            self._state = tracker.resume(inner, frame)

    def _begin(self, frame: Frame, known: Mapping[int, tuple[Mask, float]]) -> TrackState | None:
        """known: masks and how far to trust them, by object. None where there is nothing to follow."""
        self._trust = {number: trust for number, (_, trust) in known.items()}
        taken = np.zeros(frame.yuv[0].shape, bool)
        for number, (mask, _) in known.items():
            self._masks[number] = mask & ~taken
            taken |= mask
        if not known:
            return None
        return self._tracker().begin(frame, {number: self._masks[number] for number in known}, self._sure())

    def _tracked(self, frame: Frame, tracked: Tracked) -> Tracked:
        """For all objects: those that are not followed are nowhere, and of that nobody is sure."""
        nowhere = np.zeros(frame.yuv[0].shape, bool)
        self._last = frame
        self._masks = {number: tracked.masks.get(number, nowhere) for number in self._objects}
        confidence = {
            number: float(tracked.confidence.get(number, 0.0)) * self._trust.get(number, 0.0)
            for number in self._objects
        }
        return Tracked(self._masks, confidence)

    def _remember(self) -> None:
        """Takes in what the objects looked like on the key frame, and on the last frame before this cut."""
        assert self._last is not None
        for frame, masks in [*self._unremembered, (self._last, self._masks)]:
            for number, mask in masks.items():
                seen = remember(frame, mask) if mask.any() else None
                if seen is not None:
                    first, later = self._memories[number][:1], self._memories[number][1:]
                    self._memories[number] = [*first, *later[-(_MEMORIES - 2) :], seen]
        self._unremembered = []
