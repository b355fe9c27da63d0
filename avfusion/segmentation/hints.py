"""Prompts as pixels: what a user says about each object, checked and drawn at the picture's size."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from avfusion.clip import Box, Drawn, Mask, Point, Prompt, Scribble, Sounding, Words
from avfusion.errors import MaskSizeMismatch, NoPrompt, PromptOutside, UsageError


@dataclass(frozen=True, eq=False)
class Hints:
    """What has been said of one object so far.

    keep, drop: bool [H, W], pixels that surely are, surely are not the object; a later word overrules an earlier one.
    """

    keep: Mask
    drop: Mask

    @classmethod
    def nothing(cls, shape: tuple[int, int]) -> Hints:
        return cls(np.zeros(shape, bool), np.zeros(shape, bool))

    def with_stroke(self, stroke: Mask, keep: bool) -> Hints:
        """These hints and one more, bool [H, W]."""
        if keep:
            return Hints(self.keep | stroke, self.drop & ~stroke)
        return Hints(self.keep & ~stroke, self.drop | stroke)

    def hold(self, mask: Mask) -> Mask:
        """The mask with all hints honoured to the pixel."""
        held: Mask = (mask | self.keep) & ~self.drop
        return held


def check(prompts: Sequence[Prompt], height_px: int, width_px: int, engine: str, known: Collection[int]) -> None:
    """Raises NoPrompt, PromptOutside, MaskSizeMismatch, and UsageError for words and sounds.

    known: numbers of the objects that need nothing to keep, because something is known of them already.
    """
    if not prompts:
        raise NoPrompt("nothing says which object is meant; click on it, or draw a box around it")
    for prompt in prompts:
        _check(prompt, height_px, width_px, engine)
    placed = {prompt.object for prompt in prompts if not isinstance(prompt, Point | Scribble) or prompt.keep}
    for number in sorted({prompt.object for prompt in prompts} - placed - set(known)):
        raise NoPrompt(f"nothing says where object {number} is; click on it, or draw a box around it")


def pixels_of(box: Box) -> tuple[int, int, int, int]:
    """x0, y0, x1, y1: every pixel that the box touches, x1 and y1 just outside."""
    return int(box.x0), int(box.y0), int(np.ceil(box.x1)), int(np.ceil(box.y1))


def touched(prompt: Point | Scribble, height_px: int, width_px: int) -> Mask:
    """The pixel clicked on, or those under the stroke."""
    if isinstance(prompt, Point):
        pixel = np.zeros((height_px, width_px), bool)
        pixel[int(prompt.y), int(prompt.x)] = True
        return pixel
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
