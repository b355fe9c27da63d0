"""The log of prompts as key frames, and how far the tracker must go from each of them. Plain values, no pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from avfusion.clip import Box, Clip, Drawn, Point, Prompt, Scribble, Words
from avfusion.pipelines.prompts import by_frame

Direction = Literal["forwards", "backwards"]

# So many clicks and strokes on one frame leave little that is wrong there.
_WORKED_ON = 3

Reach: TypeAlias = dict[tuple[int, Direction], int]
"""(number of a key, direction) -> the last frame to which the tracker goes from it."""


@dataclass(frozen=True)
class Key:
    """A frame that the user has said something about. objects: those that the prompts name."""

    frame: int
    prompts: tuple[Prompt, ...]

    @property
    def objects(self) -> tuple[int, ...]:
        return tuple(sorted({prompt.object for prompt in self.prompts}))


def keys_of(clip: Clip, prompts: Sequence[Prompt]) -> tuple[Key, ...]:
    """The key frames in the order in which the log first names them. Raises what `by_frame` raises."""
    return tuple(Key(frame, tuple(own)) for frame, own in by_frame(clip, prompts).items())


def says_where(prompts: Sequence[Prompt], number: int) -> bool:
    """Whether prompts say where an object is, and not only where it is not."""
    own = [prompt for prompt in prompts if prompt.object == number]
    return any(not isinstance(prompt, Point | Scribble) or prompt.keep for prompt in own)


def defines(key: Key, number: int) -> bool:
    """Whether a key says by itself what an object is: by a mask, a box, words, or several clicks and strokes."""
    own = [prompt for prompt in key.prompts if prompt.object == number]
    return len(own) >= _WORKED_ON or any(isinstance(prompt, Drawn | Box | Words) for prompt in own)


def words_alone(prompts: Sequence[Prompt]) -> dict[int, str]:
    """What the objects are called of which prompts say nothing but that, by number."""
    others = {prompt.object for prompt in prompts if not isinstance(prompt, Words)}
    return {
        prompt.object: prompt.text for prompt in prompts if isinstance(prompt, Words) and prompt.object not in others
    }


def neighbours(keys: Sequence[Key], number: int, frame: int) -> tuple[int | None, int | None]:
    """Places in `keys` of the last key of an object at or before a frame, and of the first one after it."""
    own = [place for place, key in enumerate(keys) if number in key.objects]
    before = [place for place in own if keys[place].frame <= frame]
    after = [place for place in own if keys[place].frame > frame]
    return (
        max(before, key=lambda place: keys[place].frame, default=None),
        min(after, key=lambda place: keys[place].frame, default=None),
    )


def previous(keys: Sequence[Key], place: int, direction: Direction) -> int | None:
    """The key that comes before one on the tracker's way, of those that the log has earlier and of the same objects."""
    key = keys[place]
    sign = 1 if direction == "forwards" else -1
    behind = [
        other
        for other in range(place)
        if sign * (key.frame - keys[other].frame) > 0 and set(key.objects) <= set(keys[other].objects)
    ]
    return max(behind, key=lambda other: sign * keys[other].frame, default=None)


def reach(keys: Sequence[Key], start: int, stop: int) -> Reach:
    """How far the tracker goes from each key, so that each object is followed through frames start..stop-1.

    An object is followed from its key to its next one, in both directions. What a later key of the log needs to know of
    its own frame, before it corrects it, is included.
    """
    furthest: Reach = {}

    def ask(known: Sequence[Key], number: int, frame: int) -> None:
        before, after = neighbours(known, number, frame)
        if before is not None and known[before].frame == frame:
            return
        if before is not None:
            furthest[before, "forwards"] = max(frame, furthest.get((before, "forwards"), frame))
        if after is not None:
            furthest[after, "backwards"] = min(frame, furthest.get((after, "backwards"), frame))

    for place, key in enumerate(keys):
        for number in _objects(keys[:place]):
            ask(keys[:place], number, key.frame)
    for number in _objects(keys):
        borders = sorted(key.frame for key in keys if number in key.objects)
        for border in borders:
            ask(keys, number, max(border - 1, start))
            ask(keys, number, min(border + 1, stop - 1))
        ask(keys, number, start)
        ask(keys, number, stop - 1)
    return furthest


def _objects(keys: Sequence[Key]) -> list[int]:
    return sorted({number for key in keys for number in key.objects})
