"""The log of prompts, played on one picture: each corrects what those before it gave, and no pixel has two owners."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from avfusion.clip import Box, Drawn, Mask, Point, Prompt, Scribble
from avfusion.segmentation.finding import Finder
from avfusion.segmentation.hints import Hints, pixels_of, touched


@dataclass(frozen=True, eq=False)
class Known:
    """An object as the log has it so far. mask: bool [H, W]. changed: whether any prompt changed it."""

    mask: Mask
    hints: Hints
    confidence: float = 1.0
    changed: bool = False


class Play:
    """Objects by number, from what was known before through prompt after prompt."""

    def __init__(self, finder: Finder, shape: tuple[int, int], prior: Mapping[int, Mask]) -> None:
        self._finder = finder
        self._shape = shape
        self.objects = {number: Known(np.asarray(mask, bool), Hints.nothing(shape)) for number, mask in prior.items()}

    def tell(self, prompt: Prompt) -> None:
        """Plays one prompt that has been checked. Raises NothingFound."""
        nothing = Hints.nothing(self._shape)
        known = self.objects.setdefault(prompt.object, Known(nothing.keep, nothing, 0.0))
        match prompt:
            case Drawn(mask=mask):
                drawn = np.array(mask, bool)
                for number, other in self._others(prompt.object).items():
                    hints = other.hints.with_stroke(other.hints.keep & drawn, keep=False)
                    self.objects[number] = replace(other, hints=hints)
                self._put(prompt.object, Known(drawn, nothing), takes=drawn)
            case Box():
                self._find(prompt.object, known.hints, pixels_of(prompt))
            case Point() | Scribble():
                self._stroke(prompt.object, touched(prompt, *self._shape), prompt.keep)

    def _stroke(self, number: int, stroke: Mask, keep: bool) -> None:
        """What is kept of one object is dropped of the others first."""
        if keep:
            for other, theirs in self._others(number).items():
                if ((theirs.mask | theirs.hints.keep) & stroke).any():
                    self._stroke(other, stroke, keep=False)
        known = self.objects[number]
        known = self.objects[number] = replace(known, hints=known.hints.with_stroke(stroke, keep))
        wrong = stroke & (known.mask != keep)
        if keep and not known.mask.any():
            self._find(number, known.hints, None)
        elif wrong.any():
            taken = self._union(number) | self._kept_elsewhere(number)
            mask, confidence = self._finder.correct(known.mask, wrong, keep, known.hints, taken)
            self._put(number, Known(mask, known.hints, confidence), takes=np.zeros_like(mask))

    def _find(self, number: int, hints: Hints, box: tuple[int, int, int, int] | None) -> None:
        told = Hints(hints.keep, hints.drop | self._kept_elsewhere(number))
        mask, confidence = self._finder.find(told, box, number)
        takes = np.zeros_like(mask)
        for other in self._others(number).values():
            # What both claim goes to the one that would lose more of itself without it.
            if np.count_nonzero(other.mask) > np.count_nonzero(mask):
                takes |= other.mask & mask
        self._put(number, Known(mask, hints, confidence), takes)

    def _put(self, number: int, known: Known, takes: Mask) -> None:
        """Replaces an object, which takes these pixels from others and leaves them all the rest."""
        takes = (takes | known.hints.keep) & ~self._kept_elsewhere(number)
        mask = known.hints.hold(known.mask) & (takes | ~(self._union(number) | self._kept_elsewhere(number)))
        self.objects[number] = replace(known, mask=mask, changed=True)
        for other, theirs in self._others(number).items():
            if (theirs.mask & mask).any():
                self.objects[other] = replace(theirs, mask=theirs.mask & ~mask, changed=True)

    def _others(self, number: int) -> dict[int, Known]:
        return {other: known for other, known in self.objects.items() if other != number}

    def _union(self, number: int) -> Mask:
        """bool [H, W]: the other objects."""
        out = np.zeros(self._shape, bool)
        for other in self._others(number).values():
            out |= other.mask
        return out

    def _kept_elsewhere(self, number: int) -> Mask:
        """bool [H, W]: what the user said belongs to other objects."""
        out = np.zeros(self._shape, bool)
        for other in self._others(number).values():
            out |= other.hints.keep
        return out
