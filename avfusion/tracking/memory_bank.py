"""What a memory tracker (SAM 2 and its kin) remembers of objects with one history, and what it may forget."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Memory: TypeAlias = dict[str, Any]
"""One frame as the network reads it again, for all objects of a bank: `maskmem_features`, `maskmem_pos_enc`,
`object_pointer`; the names are those of the transformers package, whose own code reads them."""


@dataclass(frozen=True)
class Reach:
    """How far back a network reads, in frames: whole memories, and the pointers that sum an object up."""

    memories: int
    pointers: int


@dataclass(eq=False)
class Bank:
    """numbers: the objects, in the order of the object axis of every tensor.

    known: memories of frames on which the user said where the objects are, by frame index; they stay. seen: those of
    frames that were tracked. shown: what the known frames' masks are as logits [n, 1, h, w], and their scores.
    """

    numbers: tuple[int, ...]
    known: dict[int, Memory] = field(default_factory=dict)
    seen: dict[int, Memory] = field(default_factory=dict)
    shown: dict[int, Any] = field(default_factory=dict)

    @property
    def output_dict_per_obj(self) -> dict[int, dict[str, dict[int, Memory]]]:
        """The bank as transformers' own methods look at it: a session of one object, here with an object axis."""
        return {0: {"cond_frame_outputs": self.known, "non_cond_frame_outputs": self.seen}}

    def forget(self, index: int, reach: Reach, *, reverse: bool) -> None:
        """Drops what no later frame reads, when frame `index` was the last one and time goes on the same way.

        Nothing that is dropped here is looked at again, so that the answers are those of a bank that keeps all.
        """
        for frame in list(self.seen):
            away = (frame - index if reverse else index - frame) + 1
            if not 0 < away <= max(reach.memories, reach.pointers):
                del self.seen[frame]
            elif away > reach.memories:
                self.seen[frame] = {"object_pointer": self.seen[frame]["object_pointer"]}

    def only(self, numbers: Sequence[int], pick: Callable[[Memory, list[int]], Memory]) -> Bank:
        """The same memories of some of the objects; pick(memory, places) takes those places of the object axis."""
        places = [self.numbers.index(number) for number in numbers]
        return Bank(
            tuple(numbers),
            {frame: pick(memory, places) for frame, memory in self.known.items()},
            {frame: pick(memory, places) for frame, memory in self.seen.items()},
            {frame: shown.only(places) for frame, shown in self.shown.items()},
        )
