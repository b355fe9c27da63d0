"""Prompts as pixels: what a user says about each object, checked and drawn at the picture's size."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from avfusion.clip import Box, Drawn, Mask, Point, Prompt, Scribble, Sounding, Words
from avfusion.errors import MaskSizeMismatch, NoPrompt, PromptOutside, UsageError


@dataclass(frozen=True, eq=False)
class Hints:
    """What is known about one object. All masks are bool [H, W].

    keep, drop: pixels that surely are, surely are not the object. box: (x0, y0, x1, y1) in pixels, or None.
    drawn: the object itself, or None.
    """

    keep: Mask
    drop: Mask
    box: tuple[int, int, int, int] | None
    drawn: Mask | None


def read_hints(prompts: Sequence[Prompt], height_px: int, width_px: int, engine: str) -> dict[int, Hints]:
    """Hints by object number. Later prompts correct earlier ones, and what is kept of one object is dropped of others.

    Raises NoPrompt, PromptOutside, MaskSizeMismatch, and UsageError for words and sounds.
    """
    if not prompts:
        raise NoPrompt("nothing says which object is meant; click on it, or draw a box around it")
    for prompt in prompts:
        _check(prompt, height_px, width_px, engine)
    numbers = sorted({prompt.object for prompt in prompts})
    own = {number: _of_object([p for p in prompts if p.object == number], height_px, width_px) for number in numbers}
    for number, hints in own.items():
        for other, theirs in own.items():
            if other != number:
                hints.drop[theirs.keep & ~hints.keep] = True
        if hints.box is None and hints.drawn is None and not hints.keep.any():
            raise NoPrompt(f"nothing says where object {number} is; click on it, or draw a box around it")
    return own


def _of_object(prompts: Iterable[Prompt], height_px: int, width_px: int) -> Hints:
    """The log of one object played from the first prompt to the last."""
    keep, drop = (np.zeros((height_px, width_px), bool) for _ in range(2))
    box, drawn = None, None
    for prompt in prompts:
        if isinstance(prompt, Box):
            box = (int(prompt.x0), int(prompt.y0), int(np.ceil(prompt.x1)), int(np.ceil(prompt.y1)))
        elif isinstance(prompt, Drawn):
            drawn = np.asarray(prompt.mask, bool)
            keep[:], drop[:] = False, False
        elif isinstance(prompt, Point | Scribble):
            touched = _touched(prompt, height_px, width_px)
            keep[touched], drop[touched] = prompt.keep, not prompt.keep
    return Hints(keep, drop, box, drawn)


def _touched(prompt: Point | Scribble, height_px: int, width_px: int) -> Mask:
    """The pixel clicked on, or those under the stroke."""
    touched = np.zeros((height_px, width_px), bool)
    if isinstance(prompt, Point):
        touched[int(prompt.y), int(prompt.x)] = True
        return touched
    corners = np.array([[int(x), int(y)] for x, y in prompt.points], np.int32)
    off = np.ones((height_px, width_px), np.uint8)
    cv2.polylines(off, [corners], isClosed=False, color=0)
    off[corners[:, 1], corners[:, 0]] = 0
    return cv2.distanceTransform(off, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) <= max(0.0, (prompt.width_px - 1) / 2)


def _check(prompt: Prompt, height_px: int, width_px: int, engine: str) -> None:
    size = f"the picture is {width_px}x{height_px}"
    if isinstance(prompt, Words | Sounding):
        kind = "words" if isinstance(prompt, Words) else "sounds"
        raise UsageError(
            f"engine {engine} does not understand {kind}, no engine without weights does; "
            "click on the object, or see 'avfusion engines' for those that do"
        )
    if isinstance(prompt, Drawn):
        if prompt.mask.shape != (height_px, width_px):
            theirs = f"{prompt.mask.shape[1]}x{prompt.mask.shape[0]}"
            raise MaskSizeMismatch(
                f"the drawn mask of object {prompt.object} is {theirs}, {size}; draw it at that size"
            )
        return
    if isinstance(prompt, Box):
        if min(prompt.x0, prompt.y0) < 0 or prompt.x1 > width_px or prompt.y1 > height_px:
            corners = f"{prompt.x0:g},{prompt.y0:g},{prompt.x1:g},{prompt.y1:g}"
            raise PromptOutside(f"box {corners} reaches outside, {size}; draw it inside")
        if prompt.x1 <= prompt.x0 or prompt.y1 <= prompt.y0:
            raise UsageError("a box needs a width and a height; give its upper left corner first")
        return
    places = [(prompt.x, prompt.y)] if isinstance(prompt, Point) else list(prompt.points)
    if not places:
        raise UsageError("a scribble needs at least one point")
    for x, y in places:
        if not (0 <= x < width_px and 0 <= y < height_px):
            raise PromptOutside(f"point {x:g},{y:g} lies outside, {size}; click inside it")
