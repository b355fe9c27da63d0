"""Clicks on the displayed picture -> prompts in pixels of the full frame. Plain values, no widgets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from avfusion.clip import Box, Clip, Point, Prompt

Tool = Literal["keep", "drop", "box"]

_SHOWN_AT_MOST_PX = 1280
# A browser shrinks pictures to fit and never enlarges them, so a small clip is enlarged before it is sent.
_SHOWN_AT_LEAST_PX = 960


@dataclass(frozen=True)
class Corner:
    """The first corner of a box that still lacks its second."""

    x: float
    y: float
    frame: int


@dataclass(frozen=True)
class Selection:
    """What a visitor has clicked so far, in order, and the box they have begun."""

    prompts: tuple[Prompt, ...] = ()
    corner: Corner | None = None

    def on_frame(self, frame: int) -> tuple[Prompt, ...]:
        return tuple(prompt for prompt in self.prompts if prompt.frame == frame)


def shown_size(clip: Clip) -> tuple[int, int]:
    """(width, height) of the picture that the page shows for a frame: square pixels, 960 to 1280 on the long side."""
    width = clip.width_px * float(clip.pixel_aspect)
    long_side = max(width, clip.height_px)
    scale = min(max(1.0, _SHOWN_AT_LEAST_PX / long_side), _SHOWN_AT_MOST_PX / long_side)
    return max(1, round(width * scale)), max(1, round(clip.height_px * scale))


def to_frame(clip: Clip, x_shown: float, y_shown: float) -> tuple[float, float]:
    """(x, y) of the full-frame pixel whose area lies under a point of the displayed picture.

    The browser rounds the place of a click to the nearest whole number, where 0 is the left edge of the picture.
    """
    shown_width, shown_height = shown_size(clip)
    x = int(x_shown * clip.width_px / shown_width)
    y = int(y_shown * clip.height_px / shown_height)
    return float(min(max(x, 0), clip.width_px - 1)), float(min(max(y, 0), clip.height_px - 1))


def to_shown(clip: Clip, x: float, y: float) -> tuple[int, int]:
    """Where the middle of a full-frame pixel lies in the displayed picture."""
    shown_width, shown_height = shown_size(clip)
    return round((x + 0.5) * shown_width / clip.width_px), round((y + 0.5) * shown_height / clip.height_px)


def clicked(selection: Selection, x: float, y: float, *, frame: int, tool: Tool) -> Selection:
    """The selection after a click on pixel (x, y) of a frame. A box needs two clicks on the same frame."""
    if tool != "box":
        return Selection((*selection.prompts, Point(x, y, keep=tool == "keep", frame=frame)))
    first = selection.corner
    if first is None or first.frame != frame:
        return replace(selection, corner=Corner(x, y, frame))
    (x0, x1), (y0, y1) = sorted((first.x, x)), sorted((first.y, y))
    return Selection((*selection.prompts, Box(x0, y0, x1 + 1, y1 + 1, frame=frame)))


def undone(selection: Selection) -> Selection:
    """Without the last click: the first corner of an unfinished box, or else the last prompt."""
    if selection.corner is not None:
        return replace(selection, corner=None)
    return Selection(selection.prompts[:-1])
