"""A picture or a clip with a hole in it, and the hole filled: one engine a file.

picture = Telea().paint(picture, hole)
for filled in FlowFill().fill(clip, masks, folder=folder, tell=tell):
    write(filled.rgb)
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias, runtime_checkable

from avfusion.clip import Clip, Mask, Masks, Rgb

Tell: TypeAlias = Callable[[str, int, int], None]
"""tell(stage, done, total): called several times a second; it may raise to stop the work."""


@dataclass(frozen=True)
class Wish:
    """What the hole should show, for engines that take words; the others use none of it.

    words: "" for whatever is around. unwanted: the negative words. seed: equal seeds give equal pictures. steps: of the
    diffusion. strength: 0..1, how little of what was in the hole stays. guidance: how closely the words are followed.
    feather_px: how far inside the hole's border the new picture fades in.
    """

    words: str = ""
    unwanted: str = ""
    seed: int = 0
    steps: int = 30
    strength: float = 1.0
    guidance: float = 7.5
    feather_px: float = 8.0


@dataclass(frozen=True, eq=False)
class Filled:
    """One frame of a clip with its hole filled.

    rgb: uint8 [H, W, 3]; outside the hole bit for bit the frame's own. seen, invented: bool [H, W], which part of the
    hole shows what other frames show there, and which was made up; together they are the hole, and they never overlap.
    """

    index: int
    rgb: Rgb
    seen: Mask
    invented: Mask


@runtime_checkable
class PictureInpainter(Protocol):
    """Fills a hole in one picture."""

    @property
    def name(self) -> str: ...

    def paint(
        self, picture: Rgb, hole: Mask, wish: Wish = Wish(), *, tell: Callable[[int, int], None] | None = None
    ) -> Rgb:
        """The picture with its hole filled; outside the hole bit for bit the same.

        tell(step, steps) may raise to stop. Raises `MaskSizeMismatch`, and `UsageError` for a hole that leaves nothing.
        """
        ...


@runtime_checkable
class ClipInpainter(Protocol):
    """Fills the holes in all frames of a clip, in memory that does not grow with the clip."""

    @property
    def name(self) -> str: ...

    def fill(
        self, clip: Clip, holes: Masks, wish: Wish = Wish(), *, folder: Path, tell: Tell
    ) -> Generator[Filled, None, None]:
        """Every frame of the clip in order. Work in progress lies under `folder`. Raises `MaskSizeMismatch`."""
        ...
