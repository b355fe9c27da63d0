"""Checks a log of prompts against its clip, and sorts it into frames."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from avfusion.clip import Box, Clip, Drawn, Point, Prompt, Scribble, Words
from avfusion.errors import MaskSizeMismatch, NoPrompt, PromptOutside, UsageError
from avfusion.media.masks import size_message

# Masks are written with one byte a pixel, 0 for what is no object.
_MOST_OBJECTS = 255


def by_frame(clip: Clip, prompts: Sequence[Prompt]) -> dict[int, list[Prompt]]:
    """frame -> its prompts; the frames as the log first names them.

    Raises `NoPrompt`, `PromptOutside`, `MaskSizeMismatch` and `UsageError` (empty words).
    """
    if not prompts:
        raise NoPrompt(
            f"{clip.path}: nothing says which object is meant. Click it (--point X,Y), draw a box around it "
            "(--box X0,Y0,X1,Y1), give its mask (--mask PNG) or say what it is (--text WORDS)."
        )
    frames: dict[int, list[Prompt]] = defaultdict(list)
    for prompt in prompts:
        check(clip, prompt)
        frames[prompt.frame].append(prompt)
    return dict(frames)


def check(clip: Clip, prompt: Prompt) -> None:
    """Raises `PromptOutside` or `MaskSizeMismatch` for what does not fit the clip, `UsageError` for empty words and a
    number that no object can have."""
    if not 1 <= prompt.object <= _MOST_OBJECTS:
        raise UsageError(f"Object {prompt.object}: objects have numbers from 1 to {_MOST_OBJECTS}.")
    if not 0 <= prompt.frame < clip.frame_count:
        raise PromptOutside(f"{clip.path}: frame {prompt.frame} is outside the clip (0 to {clip.frame_count - 1}).")
    if isinstance(prompt, Drawn):
        if prompt.mask.shape != (clip.height_px, clip.width_px):
            raise MaskSizeMismatch(size_message("the mask", prompt.mask.shape, (clip.height_px, clip.width_px)))
        return
    if isinstance(prompt, Words) and not prompt.text.strip():
        raise UsageError(f"the words for object {prompt.object} are empty; say what it is, as in 'a dog'")
    for x, y in _corners(prompt):
        if not (0 <= x < clip.width_px and 0 <= y < clip.height_px):
            raise PromptOutside(
                f"{clip.path}: ({x:g}, {y:g}) lies outside the picture of {clip.width_px} x {clip.height_px} pixels."
            )


def _corners(prompt: Prompt) -> Sequence[tuple[float, float]]:
    match prompt:
        case Point(x=x, y=y):
            return [(x, y)]
        case Box(x0=x0, y0=y0, x1=x1, y1=y1):
            # x1, y1 lie just outside the box, so that they may touch the border from outside
            return [(x0, y0), (max(x0, x1 - 1), max(y0, y1 - 1))]
        case Scribble(points=points):
            return points
    return []
