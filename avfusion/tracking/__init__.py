"""A clip and the masks of one frame to masks of the other frames: one engine a file.

An engine is asked frame by frame, in either direction of time, so that memory does not grow with the clip:

    state = Flow().begin(first_frame, {1: mask})
    for frame in clip.frames(1):
        masks = state.step(frame).masks
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from numpy.typing import NDArray

from avfusion.clip import Frame, Mask


@dataclass(frozen=True)
class Tracked:
    """What an engine says about one frame, by object number.

    masks: bool [H, W] each; they never overlap, and an object that is gone has an all-False mask.
    confidence: 0..1 each; low where the user should look.
    """

    masks: Mapping[int, Mask]
    confidence: Mapping[int, float]


@dataclass(frozen=True, eq=False)
class Example:
    """A frame on which the user has said where the objects are: bool [H, W] by object number."""

    frame: Frame
    masks: Mapping[int, Mask]


class TrackState(Protocol):
    """What an engine remembers of one clip in one direction of time."""

    def step(self, frame: Frame) -> Tracked:
        """Masks on the frame after (or, going backwards, before) the one of the last call."""
        ...


@runtime_checkable
class Correctable(TrackState, Protocol):
    """A state that takes a correction on its way, and keeps what it knows."""

    def correct(self, masks: Mapping[int, Mask], *, turns: bool) -> bool:
        """The masks of the frame of the last call, as the user has them.

        turns: from here on the frames come in the other direction of time. False where the masks are too far from what
        was followed: then the tracker has to begin anew from them.
        """
        ...


@runtime_checkable
class Keepable(TrackState, Protocol):
    """A state that can be put aside between two frames and gone on with in another process, to the same masks."""

    def state(self) -> Mapping[str, NDArray[Any]]:
        """All that it knows, as plain arrays."""
        ...


@runtime_checkable
class Resumer(Protocol):
    """A tracking engine whose states are `Keepable`."""

    def resume(self, state: Mapping[str, NDArray[Any]], frame: Callable[[int], Frame]) -> TrackState:
        """What gave that state. frame: reads one of the clip's frames."""
        ...


class Tracker(Protocol):
    """A tracking engine. It holds no state of any clip."""

    @property
    def name(self) -> str: ...

    def begin(self, frame: Frame, masks: Mapping[int, Mask], sure: Sequence[Example] = ()) -> TrackState:
        """Starts from known masks, bool [H, W] by object number. Raises MaskSizeMismatch and NoPrompt (no object).

        sure: frames on which the objects are known better than the masks here may show them: a frame that was only
        corrected may still be wrong in places, or show an object that is half hidden.
        """
        ...


@runtime_checkable
class Learner(Protocol):
    """A tracking engine that first learns what the objects of this clip look like."""

    def learn(self, examples: Sequence[Example], *, folder: Path, tell: Callable[[int, int], None]) -> Tracker:
        """The engine as it is after learning from `examples`, the newest last.

        What was learnt is kept under `folder` and found there again: one more example costs little, and the same
        examples in the same order nothing. tell(done, total) is called several times a second and may raise to stop.
        """
        ...


@runtime_checkable
class Describable(Protocol):
    """A tracking engine that finds objects by words, in every frame anew: instances that come later too."""

    def begin_described(self, frame: Frame, words: Mapping[int, str]) -> tuple[Tracked, TrackState]:
        """What the words say of the first frame, by object number, and the state for the frames after it."""
        ...


@runtime_checkable
class Exhaustible(Protocol):
    """A tracking engine that can look at everything in every frame, if time does not matter."""

    def exhaustively(self) -> Tracker:
        """The same engine, which does so."""
        ...
