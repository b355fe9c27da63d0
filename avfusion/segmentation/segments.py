"""A picture cut into named segments, and which of them an object's prompts mean."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Box, Mask
from avfusion.errors import UsageError
from avfusion.segmentation.asked import Asked

_FILLERS = {"a", "an", "the", "all", "other", "merged", "stuff"}


@dataclass(frozen=True, eq=False)
class Segments:
    """number: int32 [H, W], the segment of each pixel, -1 where there is none. labels, scores (0..1): of each."""

    number: NDArray[np.int32]
    labels: tuple[str, ...]
    scores: tuple[float, ...]

    def mask(self, chosen: Sequence[int] | NDArray[np.integer]) -> Mask:
        """bool [H, W]: all of these segments."""
        wanted = np.zeros(len(self.labels) + 1, bool)  # the last for -1
        wanted[np.asarray(chosen, int)] = True
        wanted[-1] = False
        mask: Mask = wanted[self.number]
        return mask


def layered(size: tuple[int, int], masks: Iterable[Mask], labels: Sequence[str], scores: Sequence[float]) -> Segments:
    """Masks bool [H, W] of a picture of `size` that may overlap, as segments: the smaller one is in front, and where
    two are as large as each other the earlier one. What is wholly covered stays a segment, of no pixels."""
    number = np.full(size, -1, np.int32)
    left = np.full(size, np.iinfo(np.int32).max, np.int32)
    for position, mask in enumerate(masks):
        area = int(np.count_nonzero(mask))
        front = mask & (left > area)
        number[front] = position
        left[front] = area
    return Segments(number, tuple(labels), tuple(scores))


def pick(segments: Segments, asked: Asked, called: Sequence[int] = ()) -> tuple[Mask, float]:
    """What one object's prompts mean, bool [H, W], and how sure the engine is of it, 0..1.

    It starts from what was known, or from the segments that are `called` by its words, or from those of which more than
    half lies in the box. Then each click adds the segment that it is on, or takes it away.
    """
    if asked.base is not None:
        mask = asked.base.copy()
    else:
        boxed = _in_box(segments, asked.box) if asked.box is not None else None
        start = list(called) if asked.words is not None else boxed or []
        if asked.words is not None and boxed is not None:
            start = [number for number in start if number in boxed]
        mask = segments.mask(start)
    for click in asked.clicks:
        number = int(segments.number[int(click.y), int(click.x)])
        if number >= 0:
            mask[segments.number == number] = click.keep
    return mask, _confidence(segments, mask)


def called(labels: Sequence[str], vocabulary: Sequence[str], words: str, engine: str) -> list[int]:
    """Numbers of the labels that the words name: every one of them, "cats and dogs" too.

    vocabulary: all labels that there could be. Raises UsageError for words that are in none.
    """
    named: set[str] = set()
    for part in re.split(r",|;|\band\b", words.lower()):
        wanted = _plain(part)
        if not wanted:
            continue
        meant = {label for label in vocabulary if _names(wanted, label)}
        if not meant:
            near = get_close_matches(" ".join(wanted), [label.lower() for label in vocabulary], n=3, cutoff=0.5)
            hint = f"; near are {', '.join(near)}" if near else ""
            raise UsageError(f"engine {engine} has no name for '{part.strip()}' among its {len(vocabulary)}{hint}")
        named |= meant
    return [number for number, label in enumerate(labels) if label in named]


def pieces(mask: Mask) -> NDArray[np.int32]:
    """int32 [H, W]: parts of a mask that hang together, from 0; -1 elsewhere."""
    return np.asarray(cv2.connectedComponents(mask.view(np.uint8), connectivity=8)[1], np.int32) - 1


def _names(wanted: list[str], label: str) -> bool:
    """Whether the words are one of the label's names, or the main part of it: "wall" of "wall-brick"."""
    return any(set(wanted) <= set(_plain(name)) for name in re.split(r"[,;]", label.lower()))


def _plain(name: str) -> list[str]:
    words = re.findall(r"[^\W_]+", name.lower())
    return [_singular(word) for word in words if word not in _FILLERS]


def _singular(word: str) -> str:
    """Good enough for both sides of a comparison: people's s is cut off on both, or on neither."""
    for plural, singular in (("people", "person"), ("men", "man"), ("ies", "y"), ("ches", "ch"), ("shes", "sh")):
        if word.endswith(plural):
            return word.removesuffix(plural) + singular
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def _in_box(segments: Segments, box: Box) -> list[int]:
    x0, y0, x1, y1 = int(box.x0), int(box.y0), int(np.ceil(box.x1)), int(np.ceil(box.y1))
    count = len(segments.labels)
    whole = np.bincount(segments.number.ravel() + 1, minlength=count + 1)[1:]
    inside = np.bincount(segments.number[y0:y1, x0:x1].ravel() + 1, minlength=count + 1)[1:]
    return [int(number) for number in np.flatnonzero(2 * inside > whole)]


def _confidence(segments: Segments, mask: Mask) -> float:
    """The mean score of the segments under the mask; a pixel of none counts as 0."""
    scores = np.array([*segments.scores, 0.0])
    return float(scores[segments.number[mask]].mean()) if mask.any() else 0.0
