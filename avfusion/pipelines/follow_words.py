"""A tracker through the shots of a clip that is told what its objects are called, and finds them in each shot anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from avfusion.clip import Frame
from avfusion.tracking import Describable, Tracked, Tracker, TrackState


class WordFollower:
    """Frame after frame. words: by object number. tracker: one that is `Describable`."""

    def __init__(self, tracker: Callable[[], Tracker], words: Mapping[int, str]) -> None:
        self._tracker, self._words = tracker, words
        self._state: TrackState | None = None

    def step(self, frame: Frame, *, after_cut: bool) -> Tracked:
        if self._state is not None and not after_cut:
            return self._state.step(frame)
        tracker = self._tracker()
        assert isinstance(tracker, Describable)
        found, self._state = tracker.begin_described(frame, self._words)
        return found


def together(placed: Tracked, described: Tracked) -> Tracked:
    """Both as one; a pixel that both claim goes to what was pointed at."""
    if not placed.masks:
        return described
    taken = np.logical_or.reduce(list(placed.masks.values()))
    masks = {number: mask & ~taken for number, mask in described.masks.items()}
    return Tracked({**placed.masks, **masks}, {**placed.confidence, **described.confidence})
